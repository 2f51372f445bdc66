import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { LoadReply, LoadRequest, RunResult } from './load-protocol.ts'
import { onCore } from './process-cost.ts'
import type { LoadShape } from './stream-load.ts'
import type { TruthRow } from './truth.ts'

/** The bench's handle on a load generator process; every call ends with its answer or throws. */
export class LoadClient {
  readonly #child: ChildProcess

  constructor() {
    const [command, ...rest] = onCore(1, [
      process.execPath,
      fileURLToPath(new URL('./load-generator.ts', import.meta.url)),
    ])
    this.#child = spawn(command as string, rest, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  }

  async connect(address: string, streams: number, shape: LoadShape, seed = 1): Promise<void> {
    const colon = address.lastIndexOf(':')
    const host = address.slice(0, colon)
    const port = Number(address.slice(colon + 1))
    await this.#ask({ type: 'connect', host, port, streams, shape, seed })
  }

  async run(seconds: number, entriesPerSecond = 0): Promise<RunResult> {
    const reply = await this.#ask({ type: 'run', seconds, entriesPerSecond })
    if (reply.type !== 'ran') throw new Error(`unexpected reply ${reply.type}`)
    return reply.result
  }

  async burst(messages: number): Promise<void> {
    await this.#ask({ type: 'burst', messages })
  }

  /** Ends all streams; what was sent in the life of this generator. */
  async end(): Promise<{ readonly entries: number; readonly rows: readonly TruthRow[] }> {
    const reply = await this.#ask({ type: 'end' })
    if (reply.type !== 'truth') throw new Error(`unexpected reply ${reply.type}`)
    return reply
  }

  stop(): void {
    this.#child.kill('SIGKILL')
  }

  #ask(request: LoadRequest): Promise<LoadReply> {
    const child = this.#child
    return new Promise((resolve, reject) => {
      const exited = (): void => reject(new Error('the load generator has exited'))
      child.once('exit', exited)
      child.once('message', (reply: LoadReply) => {
        child.off('exit', exited)
        if (reply.type === 'failed') reject(new Error(`load generator: ${reply.reason}`))
        else resolve(reply)
      })
      child.send(request)
    })
  }
}
