import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { ConnectionTable } from '../../src/ledger/connection-table.ts'
import { ENTRIES_PER_MESSAGE } from './corpus.ts'
import { LOAD, STREAMS } from './end-to-end.ts'
import { LoadClient } from './load-client.ts'
import { ServerUnderTest } from './server-under-test.ts'
import type { LoadShape } from './stream-load.ts'

/** Long enough for the last commit and for what was received to be let go. */
const SETTLE_MS = 3000

export interface Resident {
  readonly atStart: number
  readonly loaded: number
  /** After a garbage collection: what is really held. */
  readonly collected: number
}

/** Memory of `serve` with so many streams that have sent their identifier (63 KB) and nothing since. */
export function idleStreams(streams: number): Promise<Resident> {
  return residentWith(streams, { ...LOAD.plain, messagesPerStream: 1 }, 0)
}

/** Memory of `serve` with about so many open connections. */
export function openConnections(count: number): Promise<Resident> {
  const shape = { ...LOAD.plain, messagesPerStream: 1, endsPerMessage: 0, alwaysNew: true }
  const messages = Math.ceil(count / STREAMS / ENTRIES_PER_MESSAGE.plain)
  return residentWith(STREAMS, shape, messages)
}

async function residentWith(
  streams: number,
  shape: LoadShape,
  messages: number,
): Promise<Resident> {
  const folder = mkdtempSync(join(tmpdir(), 'snimeter-bench-'))
  const server = new ServerUnderTest('snimeter', folder)
  const load = new LoadClient()
  try {
    await server.start()
    const atStart = server.residentBytes
    await load.connect(server.address, streams, shape)
    await load.burst(messages)
    await sleep(SETTLE_MS)
    const loaded = server.residentBytes
    await server.collectGarbage()
    const collected = server.residentBytes
    await load.end()
    await server.stop()
    return { atStart, loaded, collected }
  } finally {
    load.stop()
    server.kill()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Bytes per open connection in the ledger's table at its default bound of a million. */
export function tableBytesPerConnection(connections: number, maxRows: number): number {
  const table = new ConnectionTable(maxRows)
  for (let i = 0; i < connections; i++) {
    table.insert(Math.imul(i, 0x9e3779b1), i, Math.imul(i, 0x85ebca6b), ~i)
  }
  return table.bytes / connections
}
