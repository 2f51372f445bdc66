import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { Admin } from '@platformatic/kafka'
import { freePort } from '../free-port.ts'
import { until } from '../until.ts'
import { kafkaJars } from './install.ts'
import { JavaProcess } from './java.ts'
import { type ServerOptions, serverProperties } from './server-properties.ts'

export interface TopicOptions {
  /** One by default. */
  readonly partitions?: number
  /** Settings of the topic, such as `max.message.bytes`. */
  readonly config?: Readonly<Record<string, string>>
}

/**
 * A real Kafka for this test: formatted, started, ready, and gone after the test. Takes 2 s on two
 * idle cores, 5 s and more on busy ones, so start one per file and share it among subtests. Without
 * Kafka the test is skipped and `undefined` is given (see `kafkaJars`):
 * `if (broker === undefined) return`.
 */
export async function startBroker(
  t: TestContext,
  options: ServerOptions = {},
): Promise<Broker | undefined> {
  const jars = await kafkaJars(t)
  if (jars === undefined) return undefined
  const broker = new Broker(jars, options)
  t.after(() => broker.remove())
  await broker.start()
  return broker
}

/** One node, broker and controller in one, with its data in a temporary folder. */
export class Broker {
  /** Folder of Kafka's jars, for its own tools. */
  readonly jars: string
  readonly #options: ServerOptions
  readonly #folder = mkdtempSync(join(tmpdir(), 'snimeter-kafka-'))
  readonly #config = join(this.#folder, 'server.properties')
  #ports: { client: number; controller: number } | undefined
  #java: JavaProcess | undefined

  constructor(jars: string, options: ServerOptions) {
    this.jars = jars
    this.#options = options
  }

  /** `host:port` for clients, without encryption or passwords; the same after every restart. */
  get address(): string {
    if (this.#ports === undefined) throw new Error('the broker was never started')
    return `127.0.0.1:${this.#ports.client}`
  }

  /**
   * Starts it, the first time or again on the same ports and data: 1.5 to 3 s, and 1 to 2 s more
   * after a kill. Resolves when topics can be made and records accepted.
   */
  async start(): Promise<void> {
    if (this.#java?.isRunning) return
    if (this.#ports !== undefined) return this.#run(this.#ports)
    // The ports were free a moment ago; somebody may be faster.
    for (let attempt = 1; ; attempt++) {
      const ports = await this.#format()
      try {
        await this.#run(ports)
        this.#ports = ports
        return
      } catch (error) {
        if (attempt === 3 || !String(error).includes('Address already in use')) throw error
      }
    }
  }

  /** Ends it in order, in about half a second. */
  async stop(): Promise<void> {
    await this.#end('SIGTERM')
  }

  /** Ends it as a power cut does, except that the kernel keeps what was written. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL')
  }

  /** Holds it: connections stay, nothing is answered, until `thaw()`. */
  freeze(): void {
    this.#java?.child.kill('SIGSTOP')
  }

  thaw(): void {
    this.#java?.child.kill('SIGCONT')
  }

  /** Makes a topic; resolves when its partitions have a leader. */
  async createTopic(
    topic: string,
    { partitions = 1, config = {} }: TopicOptions = {},
  ): Promise<void> {
    const configs = Object.entries(config).map(([name, value]) => ({ name, value }))
    await this.withAdmin(async (admin) => {
      await admin.createTopics({ topics: [topic], partitions, replicas: 1, configs })
      await until(`topic ${topic} has leaders`, async () => {
        const metadata = await admin.metadata({ topics: [topic], forceUpdate: true })
        const leaders = metadata.topics.get(topic)?.partitions.map(({ leader }) => leader)
        return leaders?.length === partitions && leaders.every((leader) => leader >= 0)
      })
    })
  }

  /** Does something with an administrator's client, closed afterwards. */
  async withAdmin<T>(use: (admin: Admin) => Promise<T>): Promise<T> {
    const admin = new Admin({ clientId: 'test-admin', bootstrapBrokers: [this.address] })
    try {
      return await use(admin)
    } finally {
      await admin.close()
    }
  }

  /** Kills it and deletes its data. */
  async remove(): Promise<void> {
    await this.kill()
    rmSync(this.#folder, { recursive: true, force: true })
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    // TERM waits for a frozen process to thaw.
    if (signal !== 'SIGKILL') this.thaw()
    await this.#java?.end(signal)
  }

  /** Writes the configuration for new ports and prepares an empty folder for it. */
  async #format(): Promise<{ client: number; controller: number }> {
    const ports = { client: await freePort(), controller: await freePort() }
    const data = join(this.#folder, 'data')
    rmSync(data, { recursive: true, force: true })
    writeFileSync(this.#config, serverProperties(data, ports, this.#options))
    const { formatArguments = [] } = this.#options
    const args = ['format', '-t', CLUSTER_ID, '-c', this.#config, ...formatArguments]
    const tool = new JavaProcess(this.jars, 'kafka.tools.StorageTool', args)
    const code = await tool.exited
    if (code !== 0) throw new Error(`formatting ended with ${code}: ${tool.output}`)
    return ports
  }

  async #run({ client }: { client: number }): Promise<void> {
    const java = new JavaProcess(this.jars, 'kafka.Kafka', [this.#config])
    this.#java = java
    await until(
      'the broker has started',
      () => !java.isRunning || isReady(java, client),
      60_000,
    ).catch(async (error: unknown) => {
      await this.kill()
      throw new Error(`the broker does not start: ${tail(java)}`, { cause: error })
    })
    if (!java.isRunning) throw new Error(`the broker ended: ${tail(java)}`)
  }
}

/** Any 16 bytes will do: a cluster of one meets no other. */
const CLUSTER_ID = 'c25pbWV0ZXItdGVzdHMtMQ'

async function isReady(java: JavaProcess, port: number): Promise<boolean> {
  return java.output.includes('Kafka Server started') && accepts(port)
}

async function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    const done = (answer: boolean): void => {
      socket.destroy()
      resolve(answer)
    }
    socket.once('connect', () => done(true)).once('error', () => done(false))
  })
}

/** The last lines of the log, those with trouble before all. */
function tail(java: JavaProcess): string {
  const lines = java.output.trimEnd().split('\n')
  const trouble = lines.filter((line) => /ERROR|Exception/.test(line))
  return (trouble.length > 0 ? trouble : lines).slice(-20).join('\n')
}
