import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Failure } from '../cli/failure.ts'
import { StopSignals } from '../cli/stop-signals.ts'
import { processSurroundings, type Surroundings } from '../cli/surroundings.ts'
import { runTop } from '../cli/top.ts'
import { claimFile } from './demo-file.ts'
import { DEMO_ENVOY_VERSION, EnvoyUnavailable, installEnvoy } from './envoy-install.ts'
import { type Mesh, startMesh } from './mesh.ts'
import { runOwnCommand } from './own-command.ts'
import { type ReceiverProcess, startReceiver } from './receiver-process.ts'
import { comparisonLines, counted, served } from './reckoning.ts'
import { DEMO_PODS, Traffic } from './traffic.ts'

export interface DemoOptions {
  /** Ends by itself after this time; without it, when `top` is left. */
  readonly seconds?: number
}

/** Where the first demo leaves its file, to be queried; the next ones number theirs (`claimFile`). */
export const DEMO_FILE = join('data', 'demo', 'snimeter.db')
/** The flush interval of the demo's Envoys; 15 to 30 s in a mesh. */
const FLUSH_MS = 1000
/** Envoy gathers entries for a second, the receiver commits once a second. */
const SETTLE_MS = 10_000

/**
 * Shows it at work: a real Envoy beside each of three workloads, a TLS server that is their internet,
 * a receiver, and `top`. At the end it compares the file with the server's sockets. Where no Envoy can
 * be had it replays a recorded stream instead, and says so.
 */
export async function runDemo(
  options: DemoOptions,
  surroundings: Surroundings = processSurroundings(),
): Promise<void> {
  const say = (line: string) => surroundings.stderr.write(`demo: ${line}\n`)
  const db = claimFile(DEMO_FILE)
  if (db !== DEMO_FILE) say(`${DEMO_FILE} is of an earlier demo, and stays; this one writes ${db}`)
  try {
    const binary = await installEnvoy(DEMO_ENVOY_VERSION, {
      env: surroundings.env,
      onProgress: say,
    })
    await showTraffic(binary, db, options, surroundings)
  } catch (error) {
    if (!(error instanceof EnvoyUnavailable)) throw error
    say(error.message)
    say('replaying a stream that was recorded from a real Envoy instead')
    await showRecorded(db, surroundings)
  }
  say(`the file is ${db}; ask it more: npm run -s snimeter -- query --db ${db} --by workload,sni`)
}

async function showRecorded(db: string, { env }: Surroundings): Promise<void> {
  const capture = fileURLToPath(new URL('./capture.alscap', import.meta.url))
  await succeed(['replay', '--db', db, capture], env)
  await succeed(['query', '--db', db, '--by', 'workload,sni'], env)
}

async function showTraffic(
  binary: string,
  db: string,
  options: DemoOptions,
  surroundings: Surroundings,
): Promise<void> {
  const say = (line: string) => surroundings.stderr.write(`demo: ${line}\n`)
  const stop = new AbortController()
  const signals = new StopSignals(process, surroundings.monotonicMs, () => process.exit(1))
  void signals.first.then(() => stop.abort())
  const receiver = await startReceiver(db, {
    ...surroundings.env,
    SNIMETER_LEDGER_FLUSH_INTERVAL: `${FLUSH_MS}ms`,
  })
  let mesh: Mesh | undefined
  try {
    mesh = await start(binary, receiver)
    for (const { identity } of mesh.pods) {
      say(`an Envoy stands beside ${identity.namespace}/${identity.workload}`)
    }
    const traffic = new Traffic(mesh)
    await watch(receiver, options, stop.signal, surroundings)
    say('ending the traffic, and waiting for what Envoy still has to say')
    await traffic.stop()
    if (traffic.trouble !== undefined) say(`a client had trouble: ${reasonOf(traffic.trouble)}`)
    await settled(db, mesh)
  } finally {
    await mesh?.stop()
    await receiver.stop()
    signals.close()
  }
  await succeed(['query', '--db', db, '--by', 'workload,sni'], surroundings.env)
  for (const line of comparisonLines(served(mesh), counted(db))) {
    surroundings.stdout.write(`${line}\n`)
  }
}

/** An Envoy that cannot run here (another C library, no sandbox) is as good as none. */
async function start(binary: string, receiver: ReceiverProcess): Promise<Mesh> {
  try {
    return await startMesh({
      binary,
      alsPort: receiver.alsPort,
      pods: DEMO_PODS,
      flushIntervalMs: FLUSH_MS,
    })
  } catch (error) {
    throw new EnvoyUnavailable(`Envoy does not run here: ${reasonOf(error)}`, { cause: error })
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** `top` until it is left; without a terminal, a table when the time is over. */
async function watch(
  { httpUrl }: ReceiverProcess,
  { seconds }: DemoOptions,
  stop: AbortSignal,
  surroundings: Surroundings,
): Promise<void> {
  const top = { url: httpUrl, intervalMs: 1000, overMs: 5000, once: false }
  if (surroundings.stdout.isTTY !== true) {
    await passes((seconds ?? 10) * 1000, stop)
    await runTop({ ...top, once: true }, surroundings)
    return
  }
  // The first Ends and the first commit: an empty table explains nothing.
  await passes(2500, stop)
  const over = seconds === undefined ? [] : [AbortSignal.timeout(seconds * 1000)]
  const signal = AbortSignal.any([stop, ...over])
  if (!signal.aborted) await runTop({ ...top, signal }, surroundings)
}

async function passes(ms: number, stop: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal: stop }).catch(() => undefined)
}

/** Waits until the file has what the sockets had, at most for the time that this can take. */
async function settled(db: string, mesh: Mesh): Promise<void> {
  const deadline = performance.now() + SETTLE_MS
  while (performance.now() < deadline) {
    const [truth, total] = [served(mesh), counted(db)]
    if (truth.upload === total.upload && truth.download === total.download) return
    await sleep(200)
  }
}

async function succeed(args: readonly string[], env: Surroundings['env']): Promise<void> {
  const code = await runOwnCommand(args, env)
  if (code !== 0) throw new Failure(`${args[0]} ended with ${code}`)
}
