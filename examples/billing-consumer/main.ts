import { parseArgs } from 'node:util'
import { UsageLedger } from './ledger.ts'
import { readTopic } from './topic.ts'

const HELP = `Keeps a bill of usage events from Kafka in an SQLite file, both ways.

  node examples/billing-consumer/main.ts [options]

  --brokers <list>  host:port, separated by commas (default: 127.0.0.1:9092)
  --topic <name>    default: snimeter.usage.v1
  --db <file>       default: bill.db
  --check           read what the topic holds now, say whether every promise holds; exit 1 if not,
                    2 if the topic cannot be read
  --refilled        with --check, once after snimeter republish: read the topic from its beginning, and accept
                    what was out of order in rows that came again in full
  --help
`

const { values } = parseArgs({
  options: {
    brokers: { type: 'string', default: '127.0.0.1:9092' },
    topic: { type: 'string', default: 'snimeter.usage.v1' },
    db: { type: 'string', default: 'bill.db' },
    check: { type: 'boolean', default: false },
    refilled: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

/** Follows the topic; kill it at any moment: it goes on where its file ends. */
async function consume(ledger: UsageLedger): Promise<void> {
  const { topic, check, refilled } = values
  if (refilled) ledger.rewind(topic)
  const nextOffsets = ledger.nextOffsets(topic)
  const brokers = values.brokers.split(',')
  await readTopic({ brokers, topic, nextOffsets, toEnd: check }, (record, position) =>
    ledger.apply(record, position),
  )
}

/** Prints the verdict; gives the exit code. */
function verdict(ledger: UsageLedger): 0 | 1 {
  if (values.refilled) ledger.acceptRefill()
  const { events, rows, repeats, ignored, refilled, violations } = ledger.report()
  console.log(
    `${events} events of ${rows.length} rows; ${repeats} repeats, ${ignored} of other types`,
  )
  if (refilled > 0) console.log(`${refilled} revisions came out of order, and again with a refill`)
  for (const { kind, message } of violations) console.log(`${kind}: ${message}`)
  console.log(
    violations.length === 0
      ? 'upserted totals and added-up deltas agree'
      : `${violations.length} violations`,
  )
  return violations.length === 0 ? 0 : 1
}

if (values.help) process.stdout.write(HELP)
else {
  const ledger = new UsageLedger(values.db)
  try {
    await consume(ledger)
    process.exitCode = verdict(ledger)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    console.error(`stopped reading ${values.topic} from ${values.brokers}: ${reason}`)
    process.exitCode = 2
  } finally {
    ledger.close()
  }
}
