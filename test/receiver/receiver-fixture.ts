import { Crowding } from '../../src/model/crowding.ts'
import { AccessLogReceiver, type ReceiverConfig } from '../../src/receiver/server.ts'
import { ConnectionGate } from '../../src/runtime/connection-gate.ts'
import { formatAddress } from '../../src/runtime/listen-address.ts'
import { Health } from '../../src/telemetry/health.ts'
import { Metrics } from '../../src/telemetry/registry.ts'
import { type MemoryLogger, memoryLogger } from '../telemetry/memory-logger.ts'

/** What one stream received, as texts. */
export interface ReceivedStream {
  readonly peer: string
  readonly messages: string[]
  closed: number
}

export interface ReceiverFixture extends AsyncDisposable {
  readonly receiver: AccessLogReceiver
  readonly address: string
  readonly health: Health
  readonly logger: MemoryLogger
  readonly streams: ReceivedStream[]
  /** `Sender.key` of each. */
  readonly keys: string[]
  /** A metric's value, by name. */
  metric(name: string): Promise<number>
  /** What streams say after each message. */
  crowding: Crowding
  /** Set it to make the handling of messages fail. */
  fail: ((message: string) => void) | undefined
}

/** A receiver on a free port, ready, that keeps what it gets. */
export async function startReceiver(
  config: Partial<ReceiverConfig> = {},
): Promise<ReceiverFixture> {
  const metrics = new Metrics({ process: false })
  const health = new Health()
  const logger = memoryLogger()
  const streams: ReceivedStream[] = []
  const keys: string[] = []
  const receiver = new AccessLogReceiver(
    {
      listen: '127.0.0.1:0',
      maxMessageBytes: 256 * 1024 * 1024,
      maxStreams: 10_000,
      readBudgetBytes: 128 * 1024 * 1024,
      messageTimeoutMs: 60_000,
      tls: { certFile: '', keyFile: '', clientCaFile: '' },
      maxStreamAgeMs: 0,
      ...config,
    },
    {
      openStream: ({ address: peer, key }) => {
        keys.push(key)
        const stream: ReceivedStream = { peer, messages: [], closed: 0 }
        streams.push(stream)
        return {
          message: (bytes) => {
            const text = bytes.toString('latin1')
            fixture.fail?.(text)
            stream.messages.push(text)
            return fixture.crowding
          },
          close: () => {
            stream.closed++
          },
        }
      },
      logger,
      metrics,
      health,
      connections: new ConnectionGate(1000),
    },
  )
  await receiver.start()
  health.set('ready')
  const fixture: ReceiverFixture = {
    receiver,
    address: formatAddress(receiver.address()),
    health,
    logger,
    streams,
    keys,
    crowding: Crowding.none,
    fail: undefined,
    async metric(name) {
      const line = (await metrics.text()).split('\n').find((one) => one.startsWith(`${name} `))
      return Number(line?.slice(name.length))
    },
    async [Symbol.asyncDispose]() {
      await receiver.stop()
    },
  }
  return fixture
}
