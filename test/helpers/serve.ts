import type { ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { spawnCommand } from './command.ts'
import { until } from './until.ts'

export interface LogLine {
  readonly msg?: string
  readonly address?: string
  readonly [key: string]: unknown
}

/** A `snimeter serve` that has said where it listens. */
export class ServeProcess {
  readonly child: ChildProcess
  /** Everything on stderr, and the lines of it that are JSON. */
  stderr = ''
  readonly exited: Promise<number | null>
  #exitCode: number | null | undefined

  constructor(child: ChildProcess) {
    this.child = child
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text
    })
    // `close`, not `exit`: the last words are read as well.
    this.exited = new Promise((resolve) => {
      child.once('close', (code) => {
        this.#exitCode = code
        resolve(code)
      })
    })
  }

  get hasExited(): boolean {
    return this.#exitCode !== undefined
  }

  get log(): LogLine[] {
    return this.stderr.split('\n').flatMap((line) => {
      try {
        return line.startsWith('{') ? [JSON.parse(line) as LogLine] : []
      } catch {
        return []
      }
    })
  }

  get alsAddress(): string {
    return this.#address('receiving access logs (gRPC)')
  }

  get alsPort(): number {
    return Number(this.alsAddress.split(':').at(-1))
  }

  get httpUrl(): string {
    return `http://${this.#address('serving health, metrics and the API (HTTP)')}`
  }

  /** Ends it at once, as the kernel's OOM killer does. */
  async kill(): Promise<void> {
    this.child.kill('SIGKILL')
    await this.exited
  }

  /** Asks it to stop; resolves with its exit code. */
  async terminate(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    this.child.kill(signal)
    return this.exited
  }

  #address(message: string): string {
    const address = this.log.find(({ msg }) => msg === message)?.address
    if (address === undefined) throw new Error(`no log line "${message}" in: ${this.stderr}`)
    return address
  }
}

export interface ServeOptions {
  readonly db: string
  readonly alsListen?: string
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** Limit of its file descriptors. */
  readonly openFiles?: number
}

/** Starts `serve` on free ports and waits until it receives; killed after the test if need be. */
export async function startServe(t: TestContext, options: ServeOptions): Promise<ServeProcess> {
  const serve = spawnServe(options)
  t.after(() => serve.kill())
  await until('serve says where it listens', () => {
    if (serve.hasExited) return true
    return serve.log.some(({ msg }) => msg === 'keeping usage in SQLite')
  })
  if (serve.hasExited) throw new Error(`serve ended: ${serve.stderr}`)
  return serve
}

/** Starts `serve` on free ports, without waiting for anything. */
export function spawnServe(options: ServeOptions): ServeProcess {
  const { db, alsListen, args = [], env = {}, openFiles } = options
  const listen = ['--als-listen', alsListen ?? '127.0.0.1:0', '--http-listen', '127.0.0.1:0']
  const command = ['serve', '--db', db, ...listen, '--log-format', 'json', ...args]
  return new ServeProcess(spawnCommand(command, env, openFiles))
}

/** The samples of a metric in /metrics, by their labels as they are written there. */
export async function metric(serve: ServeProcess, name: string): Promise<Map<string, number>> {
  const text = await (await fetch(`${serve.httpUrl}/metrics`)).text()
  const samples = new Map<string, number>()
  for (const line of text.split('\n')) {
    const match = /^(\w+)(\{.*\})? (\S+)$/.exec(line)
    if (match?.[1] === name) samples.set(match[2] ?? '', Number(match[3]))
  }
  return samples
}

/** Sum of all samples of a metric. */
export async function metricSum(serve: ServeProcess, name: string): Promise<number> {
  return [...(await metric(serve, name)).values()].reduce((sum, value) => sum + value, 0)
}

/** Where a test keeps its file. */
export function databaseIn(folder: string): string {
  return join(folder, 'snimeter.db')
}
