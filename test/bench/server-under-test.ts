import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import Database from 'better-sqlite3'
import { compileProgram, shippedOptions } from './compiled-program.ts'
import { cpuSeconds, onCore, residentBytes } from './process-cost.ts'
import type { TruthRow } from './truth.ts'

/** Delay of an event loop in ms, beyond the timer's own interval. */
export interface LoopDelay {
  readonly p50: number
  readonly p99: number
  readonly max: number
}

/** Which server; both keep their totals in SQLite. */
export type ServerName = 'snimeter' | 'obvious' | 'obvious-lean'

/** Compiled at the first use, so that every run of one bench has the same program. */
let compiled: string | undefined

const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url))

export interface ServerSettings {
  /** Added to its environment. */
  readonly env?: Readonly<Record<string, string>>
  /** On core 0 alone (the default), or wherever the system puts its threads. */
  readonly oneCore?: boolean
}

/** A server process, seen from outside. */
export class ServerUnderTest {
  readonly name: ServerName
  readonly file: string
  address = ''
  readonly #child: ChildProcess
  readonly #errors: string[] = []

  /** `folder` is a folder for its data. */
  constructor(name: ServerName, folder: string, { env = {}, oneCore = true }: ServerSettings = {}) {
    this.name = name
    this.file = join(folder, 'bench.db')
    const program =
      name !== 'snimeter'
        ? [here('./obvious-server.ts'), this.file, ...(name === 'obvious' ? [] : ['lean'])]
        : [
            (compiled ??= compileProgram()),
            'serve',
            `--db=${this.file}`,
            '--als-listen=127.0.0.1:0',
            '--http-listen=127.0.0.1:0',
          ]
    const plain = [
      process.execPath,
      '--expose-gc',
      ...(name === 'snimeter' ? shippedOptions() : []),
      '--import',
      here('./loop-delay.ts'),
      ...program,
    ]
    const [command, ...rest] = oneCore ? onCore(0, plain) : plain
    this.#child = spawn(command as string, rest, {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: {
        ...process.env,
        SNIMETER_LOG_FORMAT: 'json',
        SNIMETER_SHUTDOWN_PROPAGATION_DELAY: '0s',
        ...env,
      },
    })
  }

  /** Resolves when it says where it listens; rejects if it exits instead. */
  async start(): Promise<void> {
    const child = this.#child
    const lines = (stream: Readable, seen: (line: string) => void): void => {
      createInterface({ input: stream }).on('line', seen)
    }
    await new Promise<void>((resolve, reject) => {
      const exited = (): void =>
        reject(new Error(`${this.name} did not start:\n${this.#errors.join('\n')}`))
      child.once('exit', exited)
      const seen = (line: string): void => {
        const address = /^\{.*"address":"([^"]+)"/.exec(line)?.[1]
        if (address === undefined || this.address !== '' || /\(HTTP\)/.test(line)) return
        this.address = address
        child.off('exit', exited)
        resolve()
      }
      lines(child.stdout as Readable, seen)
      lines(child.stderr as Readable, (line) => {
        this.#errors.push(line)
        if (this.#errors.length > 20) this.#errors.shift()
        seen(line)
      })
    })
  }

  get cpuSeconds(): number {
    return cpuSeconds(this.#pid)
  }

  get residentBytes(): number {
    return residentBytes(this.#pid)
  }

  /** Delay of its loop since the last call. */
  loopDelay(): Promise<LoopDelay> {
    return this.#ask('loop-delay')
  }

  /** Collects its garbage. */
  async collectGarbage(): Promise<void> {
    await this.#ask('collect')
  }

  /** SIGTERM; rejects unless it drains, commits and exits with 0. */
  async stop(): Promise<void> {
    const child = this.#child
    const exit = once(child, 'exit')
    child.kill('SIGTERM')
    const [code] = (await exit) as [number | null]
    if (code !== 0) throw new Error(`${this.name} exited with ${code}:\n${this.#errors.join('\n')}`)
  }

  /** Ends it, whatever it is doing. */
  kill(): void {
    this.#child.kill('SIGKILL')
  }

  /** What it has kept, read from its file. */
  totals(): TruthRow[] {
    const database = new Database(this.file, { readonly: true })
    try {
      const columns = 'namespace, workload, sni, connections'
      return database
        .prepare<[], TruthRow>(
          this.name !== 'snimeter'
            ? `SELECT ${columns}, upload, download FROM usage`
            : `SELECT ${columns}, upload_bytes AS upload, download_bytes AS download
               FROM workload_sni_totals`,
        )
        .all()
    } finally {
      database.close()
    }
  }

  get #pid(): number {
    return this.#child.pid as number
  }

  async #ask(type: string): Promise<LoopDelay> {
    const answer = once(this.#child, 'message')
    this.#child.send({ type })
    const [delay] = (await answer) as [LoopDelay]
    return delay
  }
}
