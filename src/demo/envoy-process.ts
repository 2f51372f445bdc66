import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type EnvoyConfigOptions, envoyConfig, OUTBOUND_LISTENER } from './envoy-config.ts'

/** Longest time for an Envoy to say it is ready; measured 0.06 to 0.43 s on an idle machine. */
const READY_TIMEOUT_MS = 30_000

/** No hot restart: it claims shared memory by a number that other Envoys may use. */
const FLAGS = ['--disable-hot-restart', '--concurrency', '1', '--log-level', 'warning']

/** A running Envoy. */
export interface EnvoyProcess {
  /** Where the outbound 443 listener is bound, on 127.0.0.1. */
  readonly port: number
  /** Where a listener of this name is bound. Throws if there is none. */
  portOf(listener: string): number
  /** A statistic's value, 0 where Envoy knows none of this name. */
  stat(name: string): Promise<number>
  /** Sends SIGTERM, which loses what Envoy has not flushed yet; resolves when it has gone. */
  stop(): Promise<void>
}

/** Starts an Envoy beside a workload; see `startBootstrap`. */
export function startEnvoy(binary: string, options: EnvoyConfigOptions): Promise<EnvoyProcess> {
  return startBootstrap(binary, envoyConfig(options))
}

/**
 * Starts an Envoy with a bootstrap, which needs an `admin` address, and waits until its listeners
 * accept. Throws with its last words if it ends before.
 */
export async function startBootstrap(binary: string, bootstrap: object): Promise<EnvoyProcess> {
  const folder = await mkdtemp(join(tmpdir(), 'snimeter-envoy-'))
  const adminFile = join(folder, 'admin')
  const configFile = join(folder, 'envoy.json')
  await writeFile(configFile, JSON.stringify(bootstrap))
  const child = spawn(binary, ['-c', configFile, '--admin-address-path', adminFile, ...FLAGS], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const process = new RunningEnvoy(child, folder)
  try {
    await process.ready(adminFile)
  } catch (error) {
    await process.stop()
    throw error
  }
  return process
}

class RunningEnvoy implements EnvoyProcess {
  readonly #child: ChildProcess
  readonly #folder: string
  readonly #ended: Promise<void>
  #hasEnded = false
  #lastWords = ''
  #admin = ''
  #ports = new Map<string, number>()

  constructor(child: ChildProcess, folder: string) {
    this.#child = child
    this.#folder = folder
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#ended = promise
    const ended = (error?: unknown) => {
      if (error instanceof Error) this.#lastWords += error.message
      this.#hasEnded = true
      resolve()
    }
    child.once('error', ended).once('close', () => ended())
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#lastWords = (this.#lastWords + text).slice(-4096)
    })
  }

  get port(): number {
    return this.portOf(OUTBOUND_LISTENER)
  }

  portOf(listener: string): number {
    const port = this.#ports.get(listener)
    if (port === undefined) throw new Error(`this Envoy has no listener ${listener}`)
    return port
  }

  async ready(adminFile: string): Promise<void> {
    const deadline = performance.now() + READY_TIMEOUT_MS
    while (!(await this.#isReady(adminFile))) {
      if (this.#hasEnded) throw new Error(`Envoy ended: ${this.#lastWords}`)
      if (performance.now() > deadline) throw new Error(`Envoy is not ready: ${this.#lastWords}`)
      await sleep(20)
    }
    const { listener_statuses: listeners } = (await this.#get('/listeners?format=json').then(
      (response) => response.json(),
    )) as ListenersAnswer
    for (const { name, local_address: address } of listeners) {
      this.#ports.set(name, address.socket_address.port_value)
    }
  }

  async stat(name: string): Promise<number> {
    const answer = await this.#get('/stats?format=json').then((response) => response.json())
    const { stats } = answer as { stats: { name?: string; value?: number }[] }
    return stats.find((stat) => stat.name === name)?.value ?? 0
  }

  async stop(): Promise<void> {
    if (!this.#hasEnded) this.#child.kill('SIGTERM')
    await this.#ended
    await rm(this.#folder, { recursive: true, force: true })
  }

  async #isReady(adminFile: string): Promise<boolean> {
    try {
      // Written once the admin listener is bound; half a line is as good as none.
      this.#admin = (await readFile(adminFile, 'utf8')).trim()
      return (await this.#get('/ready')).ok
    } catch {
      return false
    }
  }

  #get(path: string): Promise<Response> {
    return fetch(`http://${this.#admin}${path}`)
  }
}

interface ListenersAnswer {
  readonly listener_statuses: readonly {
    readonly name: string
    readonly local_address: { readonly socket_address: { readonly port_value: number } }
  }[]
}
