import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { EntrySize } from './corpus.ts'
import { LoadClient } from './load-client.ts'
import { median } from './median.ts'
import { type LoopDelay, type ServerName, ServerUnderTest } from './server-under-test.ts'
import type { LoadShape } from './stream-load.ts'
import { differences } from './truth.ts'

export const STREAMS = 200
const WARM_UP_SECONDS = 1.5

/** About 100 living connections a stream; one entry in 27 or 29 ends a connection of its own. */
export const LOAD: Readonly<Record<EntrySize, LoadShape>> = {
  plain: { size: 'plain', messagesPerStream: 2, endsPerMessage: 2, alwaysNew: false },
  rich: { size: 'rich', messagesPerStream: 4, endsPerMessage: 1, alwaysNew: false },
}

/** The same messages, but every entry is the End of a short connection: what Istio sends by default. */
export const ONLY_ENDS: Readonly<Record<EntrySize, LoadShape>> = {
  plain: { ...LOAD.plain, endsPerMessage: 58 },
  rich: { ...LOAD.rich, endsPerMessage: 27 },
}

export interface Run {
  readonly entriesPerSecond: number
  /** CPU of the server, all threads, per million entries. */
  readonly cpuSecondsPerMillion: number
  /** CPU of the load generator as a share of the server's. */
  readonly generatorShare: number
  readonly loopDelay: LoopDelay
  readonly residentBytes: number
  /** Rows (workload, name) in which the file differs from what was sent; empty = exact. */
  readonly differences: readonly string[]
  readonly entries: number
}

export interface RunPlan {
  readonly server: ServerName
  readonly shape: LoadShape
  readonly seconds: number
  /** 0 = as fast as the server reads. */
  readonly entriesPerSecond: number
}

/**
 * Starts a server with an empty file, loads it, stops it, and compares its file with the truth. The
 * file is kept if it differs.
 */
export async function runOnce(plan: RunPlan): Promise<Run> {
  const folder = mkdtempSync(join(tmpdir(), 'snimeter-bench-'))
  const server = new ServerUnderTest(plan.server, folder)
  const load = new LoadClient()
  let keep = false
  try {
    await server.start()
    await load.connect(server.address, STREAMS, plan.shape)
    await load.run(WARM_UP_SECONDS, plan.entriesPerSecond)
    await server.loopDelay()
    const before = server.cpuSeconds
    const result = await load.run(plan.seconds, plan.entriesPerSecond)
    const used = server.cpuSeconds - before
    const loopDelay = await server.loopDelay()
    const { residentBytes } = server
    const truth = await load.end()
    await server.stop()
    const found = differences(truth.rows, server.totals())
    keep = found.length > 0
    return {
      entriesPerSecond: result.entries / result.seconds,
      cpuSecondsPerMillion: (used / result.entries) * 1e6,
      generatorShare: result.cpuSeconds / used,
      loopDelay,
      residentBytes,
      differences: found.map((text) => `${plan.server}, ${server.file}: ${text}`),
      entries: truth.entries,
    }
  } finally {
    load.stop()
    server.kill()
    // Evidence of a wrong total is worth more than a clean temporary folder.
    if (!keep) rmSync(folder, { recursive: true, force: true })
  }
}

/** Runs of several servers in turn (so that the machine's moods fall on all), by server. */
export async function interleaved(
  servers: readonly ServerName[],
  shape: LoadShape,
  rounds: number,
  seconds: number,
): Promise<Map<ServerName, readonly Run[]>> {
  const runs = new Map<ServerName, Run[]>(servers.map((server) => [server, []]))
  for (let round = 0; round < rounds; round++) {
    for (const server of servers) {
      runs.get(server)?.push(await runOnce({ server, shape, seconds, entriesPerSecond: 0 }))
    }
  }
  return runs
}

/** The middle of one figure over some runs. */
export function middle(runs: readonly Run[], figure: (run: Run) => number): number {
  return median(runs.map(figure))
}
