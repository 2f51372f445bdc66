import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { UsageLedger } from '../../examples/billing-consumer/ledger.ts'
import { AlsSender, sidecarIdentifier } from '../helpers/als-sender.ts'
import { runCommand } from '../helpers/command.ts'
import { EntryType, tcpEntry, tcpMessage } from '../helpers/entry-writer.ts'
import { type Broker, startBroker } from '../helpers/kafka/broker.ts'
import { readTopic } from '../helpers/kafka/read-topic.ts'
import { databaseIn, metric, type ServeProcess, startServe } from '../helpers/serve.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'
import { select } from '../helpers/totals.ts'
import { until } from '../helpers/until.ts'

const TOPIC = 'snimeter.usage.v1'
/** It is in the key, in the subject and in the data: events of its workload are twice as long. */
const LONG_NAMESPACE = 'n'.repeat(250)
const ENV = {
  SNIMETER_ROLLUP_WINDOW: '1s',
  SNIMETER_ROLLUP_GRACE: '2s',
  SNIMETER_LEDGER_FLUSH_INTERVAL: '1s',
  SNIMETER_STORE_COMMIT_INTERVAL: '200ms',
  SNIMETER_KAFKA_COMPRESSION: 'none',
}

test('refused events are set aside, counted and named, hold nobody up, and come after all once somebody has acted', async (t) => {
  const broker = await startBroker(t)
  if (broker === undefined) return
  const db = databaseIn(temporaryFolder(t))
  const serve = await startServe(t, {
    db,
    env: { ...ENV, SNIMETER_KAFKA_BROKERS: broker.address },
  })
  await sendOneConnection(serve, 'shop', 100)
  await sendOneConnection(serve, LONG_NAMESPACE, 1000)

  // There is no such topic, and a broker that has just started is given time to know it.
  await until(
    'everything is refused',
    () => serve.log.some(({ msg }) => String(msg).startsWith('the sink refuses all events')),
    60_000,
  )
  assert.deepEqual([waits(db, 'parked'), waits(db, 'waiting')], [0n, 2n])
  assert.equal((await fetch(`${serve.httpUrl}/readyz`)).status, 200)
  const label = '{sink="kafka",condition="refusing"}'
  await until('the condition is a metric', async () => {
    return (await metric(serve, 'snimeter_sink_condition')).get(label) === 1
  })

  // The topic is made, which heals it; but one event is too large for it.
  await broker.createTopic(TOPIC, { config: { 'max.message.bytes': '1900' } })
  await until('the short one has arrived', () => isAcknowledged(db, 'shop'), 90_000)
  await until('the long one is refused', () => waits(db, 'parked') === 1n)
  assert.deepEqual(
    select(db, "SELECT namespace, refusal FROM publications WHERE state = 'parked'"),
    [{ namespace: LONG_NAMESPACE, refusal: 'message_too_large' }],
  )
  const parked = serve.log.filter(({ msg }) => String(msg).endsWith('parked'))
  assert.deepEqual(
    parked.map(({ msg, events, reason }) => [msg, events, reason]),
    [['an event is refused; it is parked', 1, 'message_too_large']],
  )
  await sendOneConnection(serve, 'shop', 7)
  await until('others go on', () => {
    const [row] = select(db, "SELECT count(*) AS n FROM publications WHERE state = 'acknowledged'")
    return row?.['n'] === 2n
  })
  const { stdout } = await runCommand(['sinks', '--db', db, '--format', 'csv'])
  assert.match(stdout, /^kafka,0,1,0,/m)

  await allowLargeMessages(broker)
  serve.child.kill('SIGHUP')
  await until('it has arrived after all', () => isAcknowledged(db, LONG_NAMESPACE))
  assert.equal(await serve.terminate(), 0, serve.stderr)

  const ledger = new UsageLedger(':memory:')
  for (const record of await readTopic(broker.address, TOPIC)) ledger.apply(record)
  const { violations, rows } = ledger.report()
  assert.deepEqual(violations, [])
  assert.deepEqual(
    rows.map(({ upload }) => upload).sort((a, b) => Number(a - b)),
    [7n, 100n, 1000n],
  )
})

async function sendOneConnection(serve: ServeProcess, namespace: string, upload: number) {
  const sender = new AlsSender(serve.alsAddress)
  const entry = tcpEntry({
    type: EntryType.tcpConnectionEnd,
    sni: 'bucket.example',
    startMs: Date.now(),
    durationMs: 0,
    streamId: randomUUID(),
    upload,
    download: 1,
  })
  await sender.send(tcpMessage([entry], sidecarIdentifier(namespace, 'cart')))
  assert.equal(await sender.end(), 0)
}

function waits(db: string, column: 'parked' | 'waiting'): unknown {
  return select(db, `SELECT ${column} AS n FROM sinks`)[0]?.['n']
}

function isAcknowledged(db: string, namespace: string): boolean {
  return (
    select(
      db,
      "SELECT 1 FROM publications WHERE state = 'acknowledged' AND namespace = ?",
      namespace,
    ).length > 0
  )
}

async function allowLargeMessages(broker: Broker): Promise<void> {
  await broker.withAdmin((admin) =>
    admin.incrementalAlterConfigs({
      resources: [
        {
          resourceType: 2,
          resourceName: TOPIC,
          configs: [{ name: 'max.message.bytes', configOperation: 0, value: '1000000' }],
        },
      ],
    }),
  )
}
