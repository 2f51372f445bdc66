import { parseArgs } from 'node:util'
import { UsageLedger } from './ledger.ts'
import { readTopic } from './topic.ts'

const HELP = `Keeps a bill of usage events from Kafka in an SQLite file, both ways.

  node examples/billing-consumer/main.ts [options]

  --brokers <list>  host:port, separated by commas (default: 127.0.0.1:9092)
  --topic <name>    default: snimeter.usage.v1
  --db <file>       default: bill.db
  --check           read what the topic holds now, say whether every promise holds; exit 1 if not
  --help
`

const { values } = parseArgs({
  options: {
    brokers: { type: 'string', default: '127.0.0.1:9092' },
    topic: { type: 'string', default: 'snimeter.usage.v1' },
    db: { type: 'string', default: 'bill.db' },
    check: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

/** Follows the topic; kill it at any moment: it goes on where its file ends. */
async function consume(ledger: UsageLedger): Promise<void> {
  const { topic, check } = values
  const nextOffsets = ledger.nextOffsets(topic)
  const brokers = values.brokers.split(',')
  for await (const { record, position } of readTopic({
    brokers,
    topic,
    nextOffsets,
    toEnd: check,
  })) {
    ledger.apply(record, position)
  }
}

/** Prints the verdict; gives the exit code. */
function verdict(ledger: UsageLedger): 0 | 1 {
  const { events, rows, repeats, ignored, violations } = ledger.report()
  console.log(
    `${events} events of ${rows.length} rows; ${repeats} repeats, ${ignored} of other types`,
  )
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
  } finally {
    ledger.close()
  }
}
