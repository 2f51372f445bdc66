import { hash } from 'node:crypto'
import { ConnectionState, type StoredConnection } from '../model/connection.ts'
import { Crowding, crowdingOf, moreCrowded } from '../model/crowding.ts'
import { IdentityKind, SampleKind } from '../model/sample.ts'
import { type FairShare, sharedPool } from '../runtime/fair-share.ts'
import { identityKey } from '../runtime/identity-key.ts'
import { NO_SENDER, NO_SLOT, SenderSlots } from '../runtime/sender-slots.ts'
import {
  BYTES,
  Byte,
  CHUNK_MASK,
  HALVES,
  Half,
  NUMBERS,
  Num,
  RowFlag,
  RowState,
  setPod,
  WORDS,
  Word,
} from './connection-chunk.ts'
import { ConnectionTable } from './connection-table.ts'
import { DirtyRows } from './dirty-rows.ts'
import { Forgotten } from './forgotten.ts'
import { FreshRows } from './fresh-rows.ts'
import { type LedgerConfig, TOMBSTONE_MS } from './ledger-config.ts'
import { type MovedMoments, moveMoments } from './moved-moments.ts'
import type { StoredIds } from './ports.ts'
import { Tombstones } from './tombstones.ts'

const NONE = -1

type Identity = [number, number, number, number]

/** The table beside what one sender may fill: for what others are sure of then. */
const ROOM_FOR_SHARES = 1.5
/** Rows looked at for one that can be pushed out. */
const MOST_TRIES = 4096
/** Rows pushed out of one sender before it is asked again who has most. */
const VICTIM_USES = 1024

/**
 * The rows of a ledger within the shares of their senders: who comes in, who must leave memory, and what
 * memory has forgotten since. A row leaves only when the file has it (or nothing of it is booked); an open
 * one only when the table is full and its sender holds most of it.
 */
export class LedgerRows {
  readonly table: ConnectionTable
  readonly dirty: DirtyRows
  readonly forgotten: Forgotten
  /** Rows in state waiting, open or orphaned, by sender. */
  readonly living: FairShare
  /** Rows of connections, tombstones included, and of requests. */
  readonly connectionRows: FairShare
  readonly requestRows: FairShare
  readonly #slots = new SenderSlots()
  /** Living rows that left memory because the table was full. */
  pushedOut = 0
  /** Slot whose rows are pushed out, for a while; and where to look next. */
  #victim = NO_SLOT
  #victimUses = 0
  #hand = 0
  readonly #connections: Tombstones
  readonly #requests: Tombstones
  readonly #freshConnections: FreshRows
  readonly #freshRequests: FreshRows

  constructor({ maxConnections, maxRequests }: LedgerConfig, forgotten: Forgotten) {
    this.living = sharedPool(maxConnections)
    this.connectionRows = sharedPool(maxConnections + Math.ceil(maxConnections / 4))
    this.requestRows = sharedPool(maxRequests)
    const lone = this.connectionRows.limit + maxRequests
    this.table = new ConnectionTable(Math.ceil(lone * ROOM_FOR_SHARES))
    this.dirty = new DirtyRows(this.table)
    this.forgotten = forgotten
    this.#connections = new Tombstones(this.table, this.dirty)
    this.#requests = new Tombstones(this.table, this.dirty)
    this.#freshConnections = new FreshRows(this.dirty)
    this.#freshRequests = new FreshRows(this.dirty)
  }

  get tombstones(): number {
    return this.#connections.count + this.#requests.count
  }

  /** Whether a sender closes connections or requests faster than commits make room of them. */
  crowding(sender: string): Crowding {
    const key = this.#slots.keyFor(sender)
    return moreCrowded(
      this.#crowdingOf(SampleKind.connection, key),
      this.#crowdingOf(SampleKind.request, key),
    )
  }

  #crowdingOf(kind: number, key: string): Crowding {
    const fresh = this.#freshOf(kind)
    const total = fresh.count
    if (total === 0) return Crowding.none
    const pool = this.#poolOf(kind)
    const room = Math.max(0, pool.limit - pool.total + this.#tombstonesOf(kind).count)
    const slot = this.#slots.find(key)
    return crowdingOf(room, total, slot === undefined ? 0 : fresh.of(slot), pool.guaranteed)
  }

  /** Whether a sender may have one more living connection. */
  hasRoomToLive(sender: string): boolean {
    return this.living.hasRoom(this.#slots.keyFor(sender))
  }

  /**
   * A living row for a new id within the sender's share of its kind, -1 if there is none: under pressure
   * the oldest committed tombstone goes; when the whole table is full, a row of the sender that has most.
   * Its fields hold what their last user left.
   */
  take(
    k0: number,
    k1: number,
    k2: number,
    k3: number,
    kind: number,
    sender: string,
    nowMs: number,
  ): number {
    const pool = this.#poolOf(kind)
    const key = this.#slots.keyFor(sender)
    if (!pool.fits(key) && !this.#dropTombstones(kind, key, nowMs) && !pool.hasRoom(key)) {
      return NONE
    }
    if (this.table.size >= this.table.maxRows && !this.#makeRoom(nowMs)) return NONE
    const row = this.table.insert(k0, k1, k2, k3)
    pool.take(key)
    this.living.take(key)
    const { halves } = this.table.chunk(row)
    halves[(row & CHUNK_MASK) * HALVES + Half.sender] = this.#slots.hold(key)
    return row
  }

  /** The sender that a row counts for. */
  senderOf(row: number): string {
    return this.#slots.keyOf(this.#slotOf(row))
  }

  /** A row without a sender (the file brought it back) counts for the one that reports it. */
  own(row: number, sender: string): void {
    const key = this.#slots.keyFor(sender)
    if (key === NO_SENDER) return
    const c = this.table.chunk(row)
    const o = row & CHUNK_MASK
    const pool = this.#poolOf(c.bytes[o * BYTES + Byte.kind] as number)
    pool.release(NO_SENDER)
    pool.take(key)
    if (c.bytes[o * BYTES + Byte.state] !== RowState.closed) {
      this.living.release(NO_SENDER)
      this.living.take(key)
    }
    this.#slots.release(NO_SLOT)
    c.halves[o * HALVES + Half.sender] = this.#slots.hold(key)
  }

  /** A living row is closed: from now on it is a tombstone. */
  close(row: number): void {
    const { bytes } = this.table.chunk(row)
    const at = (row & CHUNK_MASK) * BYTES
    bytes[at + Byte.state] = RowState.closed
    this.living.release(this.senderOf(row))
    const kind = bytes[at + Byte.kind] as number
    this.#tombstonesOf(kind).push(row)
    this.#freshOf(kind).add(this.#slotOf(row))
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
    c.bytes[b + Byte.flags] = RowFlag.asked | (stored.hop ? RowFlag.hop : 0)
    c.words[w + Word.node] = ids.node
    c.words[w + Word.workload] = ids.workload
    setPod(c, row & CHUNK_MASK, ids.pod)
    c.words[w + Word.destination] = ids.destination
    c.words[w + Word.cluster] = ids.cluster
    c.words.set(stored.address, w + Word.address)
    c.halves[(row & CHUNK_MASK) * HALVES + Half.port] = stored.port
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
      this.living.release(this.senderOf(row))
      this.#tombstonesOf(stored.kind).push(row)
    } else {
      const isOpen = stored.state === ConnectionState.open
      c.bytes[b + Byte.state] = isOpen ? RowState.open : RowState.orphaned
    }
  }

  /** Tombstones that have been silent for long leave memory, at most `most` of each kind; false if more are left. */
  dropOldTombstones(ledgerMs: number, nowMs: number, most: number): boolean {
    let isDone = true
    for (const queue of [this.#connections, this.#requests]) {
      let left = most
      for (; left > 0; left--) {
        const row = queue.oldestCommitted()
        if (row === NONE) break
        const { numbers } = this.table.chunk(row)
        const spoke = numbers[(row & CHUNK_MASK) * NUMBERS + Num.lastLedgerMs] as number
        if (spoke > ledgerMs - TOMBSTONE_MS) break
        this.#dropOldest(queue, row, nowMs)
      }
      isDone &&= left > 0
    }
    return isDone
  }

  /** A living row leaves memory, if the file has it. */
  dropLiving(row: number, nowMs: number): boolean {
    const { bytes } = this.table.chunk(row)
    const flags = bytes[(row & CHUNK_MASK) * BYTES + Byte.flags] as number
    if ((flags & (RowFlag.dirty | RowFlag.inFlight)) !== 0) return false
    this.#forget(row, nowMs)
    return true
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

  /**
   * A row of which bytes are booked gives up its identity, which is another connection's. It goes on as a
   * row of its own, under an identity that no sample has; gives that.
   */
  displace(row: number): Uint8Array {
    const { words, bytes } = this.table.chunk(row)
    const o = row & CHUNK_MASK
    const before = identityKey(words, o * WORDS + Word.identity)
    for (let times = 0; ; times++) {
      const key = hash(
        'sha256',
        Buffer.concat([before, Buffer.from(`displaced ${times}`)]),
        'buffer',
      )
      const [k0, k1, k2, k3] = [0, 4, 8, 12].map((at) => key.readInt32BE(at)) as Identity
      if (this.table.find(k0, k1, k2, k3) !== NONE) continue
      this.table.rekey(row, k0, k1, k2, k3)
      bytes[o * BYTES + Byte.identityKind] = IdentityKind.hashed
      this.dirty.mark(row)
      return identityKey(words, o * WORDS + Word.identity)
    }
  }

  /** A row of which nothing is booked leaves memory; the file has never had it. */
  dropWaiting(row: number): void {
    this.#remove(row)
  }

  /** Room in a full table, for a sender that is within its share: a tombstone, or a row of the largest. */
  #makeRoom(nowMs: number): boolean {
    return (
      this.#dropTombstone(this.#connections, nowMs) ||
      this.#dropTombstone(this.#requests, nowMs) ||
      this.#pushOut(nowMs)
    )
  }

  /**
   * Tombstones leave memory until a sender has room: those that the file has are there only to save
   * look-ups. Whether there is room without them; if not, one leaves: the others are somebody else's. If more
   * must leave than there is time for, the next ones follow with the next rows.
   */
  #dropTombstones(kind: number, key: string, nowMs: number): boolean {
    const pool = this.#poolOf(kind)
    const queue = this.#tombstonesOf(kind)
    const fresh = this.#freshOf(kind)
    const slot = this.#slots.find(key)
    const own = this.living.held(key) + (slot === undefined ? 0 : fresh.of(slot))
    const all = pool.total - queue.count + fresh.count
    const hasRoom = pool.fitsBeside(Math.min(own, pool.held(key)), all)
    for (let i = hasRoom ? MOST_TRIES : 1; i > 0 && !pool.fits(key); i--) {
      if (!this.#dropTombstone(queue, nowMs)) break
    }
    return hasRoom
  }

  /** The oldest tombstone that the file has leaves memory; false if there is none. */
  #dropTombstone(queue: Tombstones, nowMs: number): boolean {
    const oldest = queue.oldestCommitted()
    if (oldest === NONE) return false
    this.#dropOldest(queue, oldest, nowMs)
    return true
  }

  /**
   * A living row of the sender that has most leaves memory: one that the file has (it is looked up when it
   * reports again), or one that waits (nothing of it is booked). False if none is found soon.
   */
  #pushOut(nowMs: number): boolean {
    if (this.#victimUses-- <= 0) {
      this.#victim = this.#slots.find(this.connectionRows.largest() ?? NO_SENDER) ?? NO_SLOT
      this.#victimUses = VICTIM_USES
    }
    for (let tries = Math.min(MOST_TRIES, this.table.rowsMade); tries > 0; tries--) {
      this.#hand = this.#hand + 1 < this.table.rowsMade ? this.#hand + 1 : 0
      if (this.#slotOf(this.#hand) !== this.#victim) continue
      const { bytes } = this.table.chunk(this.#hand)
      const state = bytes[(this.#hand & CHUNK_MASK) * BYTES + Byte.state] as number
      if (state === RowState.free || state === RowState.closed) continue
      if (state === RowState.waiting) this.dropWaiting(this.#hand)
      else if (!this.dropLiving(this.#hand, nowMs)) continue
      this.pushedOut++
      return true
    }
    return false
  }

  #dropOldest(queue: Tombstones, row: number, nowMs: number): void {
    queue.shift()
    this.#forget(row, nowMs)
  }

  #forget(row: number, nowMs: number): void {
    const { numbers } = this.table.chunk(row)
    this.forgotten.note(numbers[(row & CHUNK_MASK) * NUMBERS + Num.startMs] as number, nowMs)
    this.#remove(row)
  }

  #remove(row: number): void {
    const { bytes } = this.table.chunk(row)
    const at = (row & CHUNK_MASK) * BYTES
    const slot = this.#slotOf(row)
    const key = this.#slots.keyOf(slot)
    this.#poolOf(bytes[at + Byte.kind] as number).release(key)
    if (bytes[at + Byte.state] !== RowState.closed) this.living.release(key)
    this.#slots.release(slot)
    this.table.remove(row)
  }

  #slotOf(row: number): number {
    const { halves } = this.table.chunk(row)
    return halves[(row & CHUNK_MASK) * HALVES + Half.sender] as number
  }

  #poolOf(kind: number): FairShare {
    return kind === SampleKind.request ? this.requestRows : this.connectionRows
  }

  #freshOf(kind: number): FreshRows {
    return kind === SampleKind.request ? this.#freshRequests : this.#freshConnections
  }

  #tombstonesOf(kind: number): Tombstones {
    return kind === SampleKind.request ? this.#requests : this.#connections
  }
}
