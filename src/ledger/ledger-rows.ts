import { ConnectionState, type StoredConnection } from '../model/connection.ts'
import { SampleKind } from '../model/sample.ts'
import {
  BYTES,
  Byte,
  CHUNK_MASK,
  NUMBERS,
  Num,
  RowFlag,
  RowState,
  WORDS,
  Word,
} from './connection-chunk.ts'
import { ConnectionTable } from './connection-table.ts'
import { DirtyRows } from './dirty-rows.ts'
import { Forgotten } from './forgotten.ts'
import { type LedgerConfig, TOMBSTONE_MS } from './ledger-config.ts'
import { type MovedMoments, moveMoments } from './moved-moments.ts'
import type { StoredIds } from './ports.ts'
import { Tombstones } from './tombstones.ts'

const NONE = -1

/**
 * The rows of a ledger within their budgets: who comes in, who must leave memory, and what memory has
 * forgotten since. A row leaves only when the file has it; an open one never for want of room.
 */
export class LedgerRows {
  readonly table: ConnectionTable
  readonly dirty: DirtyRows
  readonly forgotten: Forgotten
  /** Rows in state waiting, open or orphaned. */
  living = 0
  readonly #maxRequests: number
  readonly #maxConnectionRows: number
  readonly #connections: Tombstones
  readonly #requests: Tombstones

  constructor({ maxConnections, maxRequests }: LedgerConfig, forgotten: Forgotten) {
    this.#maxRequests = maxRequests
    this.#maxConnectionRows = maxConnections + Math.ceil(maxConnections / 4)
    this.table = new ConnectionTable(this.#maxConnectionRows + maxRequests)
    this.dirty = new DirtyRows(this.table)
    this.forgotten = forgotten
    this.#connections = new Tombstones(this.table)
    this.#requests = new Tombstones(this.table)
  }

  get tombstones(): number {
    return this.#connections.count + this.#requests.count
  }

  /**
   * A row for a new id within the budget of its kind, -1 if there is none: under pressure the oldest
   * committed tombstone goes. Its fields hold what their last user left.
   */
  take(k0: number, k1: number, k2: number, k3: number, kind: number, nowMs: number): number {
    const isRequest = kind === SampleKind.request
    const used = isRequest ? this.#requests.count : this.table.size - this.#requests.count
    if (used >= (isRequest ? this.#maxRequests : this.#maxConnectionRows)) {
      const queue = this.#tombstonesOf(kind)
      const oldest = queue.oldestCommitted()
      if (oldest === NONE) return NONE
      this.#dropOldest(queue, oldest, nowMs)
    }
    return this.table.insert(k0, k1, k2, k3)
  }

  /** A living row is closed: from now on it is a tombstone. */
  close(row: number): void {
    const { bytes } = this.table.chunk(row)
    const at = (row & CHUNK_MASK) * BYTES
    bytes[at + Byte.state] = RowState.closed
    this.living--
    this.#tombstonesOf(bytes[at + Byte.kind] as number).push(row)
  }

  /** Fills a new row with what the file knows. */
  restore(row: number, stored: StoredConnection, ids: StoredIds): void {
    const c = this.table.chunk(row)
    const b = (row & CHUNK_MASK) * BYTES
    const w = (row & CHUNK_MASK) * WORDS
    const n = (row & CHUNK_MASK) * NUMBERS
    c.bytes[b + Byte.kind] = stored.kind
    c.bytes[b + Byte.identityKind] = stored.identityKind
    c.bytes[b + Byte.meter] = stored.meter
    c.bytes[b + Byte.flags] = stored.hop ? RowFlag.hop : 0
    c.words[w + Word.node] = ids.node
    c.words[w + Word.workload] = ids.workload
    c.words[w + Word.destination] = ids.destination
    c.words[w + Word.cluster] = ids.cluster
    c.words.set(stored.address, w + Word.address)
    c.words[w + Word.port] = stored.port
    c.numbers[n + Num.startMs] = stored.startMs
    c.numbers[n + Num.momentMs] = stored.momentMs
    c.numbers[n + Num.previousSpanStartMs] = stored.previousSpanStartMs
    c.numbers[n + Num.previousSpanEndMs] = stored.previousSpanEndMs
    c.numbers[n + Num.lastDeltaBytes] = stored.lastDeltaBytes
    c.numbers[n + Num.lastArrivalMs] = stored.lastArrivalMs
    c.numbers[n + Num.lastLedgerMs] = stored.lastLedgerMs
    c.numbers[n + Num.upload] = stored.upload
    c.numbers[n + Num.download] = stored.download
    if (stored.state === ConnectionState.closed) {
      c.bytes[b + Byte.state] = RowState.closed
      this.#tombstonesOf(stored.kind).push(row)
    } else {
      const isOpen = stored.state === ConnectionState.open
      c.bytes[b + Byte.state] = isOpen ? RowState.open : RowState.orphaned
      this.living++
    }
  }

  /** Tombstones that have been silent for long leave memory. */
  dropOldTombstones(ledgerMs: number, nowMs: number): void {
    for (const queue of [this.#connections, this.#requests]) {
      for (let row = queue.oldestCommitted(); row !== NONE; row = queue.oldestCommitted()) {
        const { numbers } = this.table.chunk(row)
        const spoke = numbers[(row & CHUNK_MASK) * NUMBERS + Num.lastLedgerMs] as number
        if (spoke > ledgerMs - TOMBSTONE_MS) break
        this.#dropOldest(queue, row, nowMs)
      }
    }
  }

  /** An orphan leaves memory, if the file has it. */
  dropOrphan(row: number, nowMs: number): void {
    const { bytes } = this.table.chunk(row)
    const flags = bytes[(row & CHUNK_MASK) * BYTES + Byte.flags] as number
    if ((flags & (RowFlag.dirty | RowFlag.inFlight)) !== 0) return
    this.#forget(row, nowMs)
    this.living--
  }

  /** The wall clock was set: the rows' moments move with it. */
  moveAll(moved: MovedMoments): void {
    for (let row = 0; row < this.table.rowsMade; row++) this.move(row, moved)
  }

  /** The clock that made a row's moments was set. */
  move(row: number, moved: MovedMoments): void {
    const c = this.table.chunk(row)
    const o = row & CHUNK_MASK
    const state = c.bytes[o * BYTES + Byte.state] as number
    if (state === RowState.free || !moveMoments(c, o, moved)) return
    // The file must not keep them where they were: after a restart a delta would cover the step.
    if (state === RowState.open || state === RowState.orphaned) this.dirty.mark(row)
  }

  /** A row of which nothing is booked leaves memory; the file has never had it. */
  dropWaiting(row: number): void {
    this.table.remove(row)
    this.living--
  }

  #dropOldest(queue: Tombstones, row: number, nowMs: number): void {
    queue.shift()
    this.#forget(row, nowMs)
  }

  #forget(row: number, nowMs: number): void {
    const { numbers } = this.table.chunk(row)
    this.forgotten.note(numbers[(row & CHUNK_MASK) * NUMBERS + Num.startMs] as number, nowMs)
    this.table.remove(row)
  }

  #tombstonesOf(kind: number): Tombstones {
    return kind === SampleKind.request ? this.#requests : this.#connections
  }
}
