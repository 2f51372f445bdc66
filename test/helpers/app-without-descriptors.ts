/**
 * Run by out-of-descriptors.test.ts with a low `ulimit -n`: a receiver whose process has no file descriptor
 * left goes on for some seconds. Prints what it did meanwhile as JSON.
 */
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { Agent, get, type IncomingMessage } from 'node:http'
import { App } from '../../src/app.ts'
import { defaultConfig } from '../../src/config/load.ts'
import { AccessLogClient } from './access-log-client.ts'
import { sidecarIdentifier } from './als-sender.ts'
import { EntryType, tcpEntry, tcpMessage } from './entry-writer.ts'
import { until } from './until.ts'

const logger = { debug: ignore, info: ignore, warn: ignore, error: ignore }
const config = defaultConfig()
const app = new App(
  {
    ...config,
    als: { ...config.als, listen: '127.0.0.1:0' },
    http: { ...config.http, listen: '127.0.0.1:0' },
    store: { ...config.store, path: process.argv[2] ?? '', commitIntervalMs: 100 },
    // Memory is always short: every look at it does all that it can.
    memory: { ...config.memory, shedAboveBytes: 1024 },
  },
  { logger },
)
await app.start()
const agent = new Agent({ keepAlive: true, maxSockets: 1 })
await metric('snimeter_connections')
const client = new AccessLogClient(app.alsAddress)
const stream = client.open()
const identifier = sidecarIdentifier('shop', 'neighbour')
await stream.send(Buffer.concat([identifier, tcpMessage([end(1)])]))
await until('it is received', async () => (await metric('snimeter_entries_received_total')) === 1)

const taken: number[] = []
for (;;) {
  try {
    taken.push(openSync('/dev/null', 'r'))
  } catch {
    break
  }
}
const before = await metric('snimeter_store_commits_total')
await stream.send(tcpMessage([end(2)]))
await until('it is committed', async () => (await metric('snimeter_store_commits_total')) > before)
const from = performance.now()
// Timers of a second have run, and the next one has not ended the process either.
await until('memory was looked at', async () => {
  return (await metric('snimeter_memory_collections_total')) > 0 && performance.now() - from > 2500
})
const shedding = await metric('snimeter_memory_shedding')
const failedReads = await metric('snimeter_metrics_read_failures_total')
for (const fd of taken) closeSync(fd)
await stream.end()
client[Symbol.dispose]()
agent.destroy()
const { committed } = await app.stop()
process.stdout.write(JSON.stringify({ committed, shedding, failedReads, taken: taken.length > 0 }))

function ignore(): void {
  // Lines would need a descriptor that is there already: they are not what is tried here.
}

function end(number: number): Buffer {
  return tcpEntry({
    streamId: `00000000-0000-4000-8000-${number.toString().padStart(12, '0')}`,
    type: EntryType.tcpConnectionEnd,
    sni: 'neighbour.example',
    startMs: Date.now() - 1000,
    upload: 10 ** number,
  })
}

/** Sum of a metric, over the one connection that there is. */
async function metric(name: string): Promise<number> {
  const [response] = (await once(
    get(`http://${app.httpAddress}/metrics`, { agent }),
    'response',
  )) as [IncomingMessage]
  const text = (await response.setEncoding('utf8').toArray()).join('')
  if (response.statusCode !== 200) throw new Error(`${response.statusCode}: ${text}`)
  const lines = text.split('\n').filter((line) => /^[\w:]+/.exec(line)?.[0] === name)
  return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0)
}
