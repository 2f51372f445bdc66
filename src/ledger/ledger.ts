import type { FarStarts, Renamed } from '../model/batch.ts'
import type { StoredConnection } from '../model/connection.ts'
import type { Crowding } from '../model/crowding.ts'
import type { Destination } from '../model/destination.ts'
import { Reject } from '../model/reject-reason.ts'
import { NO_TEXT, SampleBatch, SampleKind } from '../model/sample.ts'
import { NO_SENDER, NO_SLOT } from '../runtime/sender-slots.ts'
import {
  BYTES,
  Byte,
  CHUNK_MASK,
  type ConnectionChunk,
  HALVES,
  Half,
  NUMBERS,
  Num,
  podOf,
  RowState,
  setPod,
  WORDS,
  Word,
} from './connection-chunk.ts'
import type { ConnectionTable } from './connection-table.ts'
import { beginOf, chooseMeter, growth, lostTail, metered, momentOf } from './delta.ts'
import type { DirtyRows } from './dirty-rows.ts'
import { Forgotten } from './forgotten.ts'
import { HeldSamples } from './held-samples.ts'
import type { LedgerClock } from './ledger-clock.ts'
import { type LedgerConfig, ORPHAN_MEMORY_MS, orphanAfterMs } from './ledger-config.ts'
import { LedgerRows } from './ledger-rows.ts'
import type { MovedMoments } from './moved-moments.ts'
import type {
  Bookings,
  CoverageTally,
  Identities,
  InvalidSniTally,
  Names,
  Observations,
  SampleOrigin,
} from './ports.ts'
import {
  isAsked,
  isDeferred,
  isHop,
  isTelling,
  isUndecided,
  setAsked,
  setDeferred,
  takeOrigin,
} from './row-origin.ts'
import { BEST_RANK, rankOf, WaitingNames } from './waiting-names.ts'

const NONE = -1
/** Samples of a message that wait for its end at most. */
const MOST_DEFERRED = 65_536
/** Ledger time between two steps of a sweep, ms. */
const STEP_MS = 1000
/** Rows that a step looks at: 5 ms on a busy core. */
const ROWS_LOOKED_AT = 50_000
/** Rows of these that it orphans or lets go of: about 10 ms, and 10 ms of the next cut. */
const ROWS_CHANGED = 10_000
/** Tombstones that it lets go of: more than are made in a second without pressure on the table. */
const TOMBSTONES_DROPPED = 10_000

export interface LedgerDependencies {
  readonly clock: LedgerClock
  readonly names: Names
  readonly identities: Identities
  readonly bookings: Bookings
  readonly coverage: CoverageTally
  readonly observations: Observations
  readonly invalidSnis: InvalidSniTally
  readonly held: HeldSamples
  /** Newest start among the file's rows, unix ms: what memory has forgotten at start. */
  readonly newestStartMs: number
  readonly farStarts?: FarStarts | undefined
  /** How moments of the file's rows move, where the wall clock may have been set since; undefined = they stay. */
  readonly restoring?: Pick<MovedMoments, 'fromMs' | 'byMs'> | undefined
}

/**
 * The ledger: cumulative samples in, deltas out. A byte is counted once, whatever is repeated, lost,
 * reordered or replayed. Synchronous; allocates nothing per sample (a sample that must wait for the
 * file is kept aside as an object: rare, see `HeldSamples`).
 */
export class Ledger {
  readonly #config: LedgerConfig
  readonly #deps: LedgerDependencies
  readonly #rows: LedgerRows
  readonly #names = new WaitingNames()
  /** Samples that wait for the end of their message. */
  readonly #deferred = new SampleBatch()
  #isSettling = false
  /** Identities of before that rows have left, at most those of an older file; and those of the next cut. */
  readonly #adopted = new Set<string>()
  #renamed: Renamed[] = []
  #lastSweepMs = 0
  /** The row that the round of the sweep comes to next; -1 = between two rounds. */
  #sweptTo = NONE

  constructor(config: LedgerConfig, deps: LedgerDependencies) {
    this.#config = config
    this.#deps = deps
    this.#rows = new LedgerRows(config, new Forgotten(deps.newestStartMs, deps.farStarts))
  }

  get table(): ConnectionTable {
    return this.#rows.table
  }

  get dirty(): DirtyRows {
    return this.#rows.dirty
  }

  /** Whether a sender closes connections or requests faster than commits make room of them. */
  crowding(sender: string): Crowding {
    return this.#rows.crowding(sender)
  }

  /** Rows in state waiting, open or orphaned. */
  get living(): number {
    return this.#rows.living.total
  }

  get tombstones(): number {
    return this.#rows.tombstones
  }

  /** The pools that senders share, by what they hold. */
  get pools(): Readonly<Record<string, { readonly refusals: number }>> {
    const { living, connectionRows, requestRows } = this.#rows
    const { held } = this.#deps
    return { living, connection_rows: connectionRows, request_rows: requestRows, held }
  }

  /** Living rows that left memory because the whole table was full. */
  get pushedOut(): number {
    return this.#rows.pushedOut
  }

  /** True while no further open connection of a lone sender finds room. */
  get full(): boolean {
    return this.living >= this.#config.maxConnections
  }

  /**
   * Applies samples of one message; `isLast` says that the message has no more. `arrivalMs` is whole
   * unix ms, taken once per message.
   */
  apply(batch: SampleBatch, origin: SampleOrigin, arrivalMs: number, isLast = true): void {
    for (let i = 0; i < batch.count; i++) this.applySample(batch, i, origin, arrivalMs, false)
    if (isLast) this.settle(origin, arrivalMs)
  }

  /**
   * A message has ended: what waited for a better name in it is booked under the best there was. To be
   * called after the samples of a message, with its origin and arrival.
   */
  settle(origin: SampleOrigin, arrivalMs: number): void {
    const deferred = this.#deferred
    if (deferred.count === 0) return
    this.#isSettling = true
    for (let i = 0; i < deferred.count; i++) this.applySample(deferred, i, origin, arrivalMs, true)
    this.#isSettling = false
    deferred.reset()
  }

  /**
   * Applies one sample. `lookedUp` says that the file has been asked about this id: without it, an
   * unknown id that the file might know is kept aside until the file has answered.
   */
  applySample(
    batch: SampleBatch,
    i: number,
    origin: SampleOrigin,
    arrivalMs: number,
    lookedUp: boolean,
  ): void {
    const k = i * 4
    const k0 = batch.identity[k] as number
    const k1 = batch.identity[k + 1] as number
    const k2 = batch.identity[k + 2] as number
    const k3 = batch.identity[k + 3] as number
    let row = this.table.find(k0, k1, k2, k3)
    if (row === NONE) {
      if (!lookedUp && this.#keptAside(batch, i, origin, arrivalMs)) return
      row = this.#admit(batch, i, origin, arrivalMs)
      if (row === NONE) {
        const reason = batch.final[i] === 1 ? Reject.final_lost : Reject.no_room
        this.#deps.coverage.rejected(origin.node, reason)
        return
      }
    } else if (!this.#isReporters(row, origin)) {
      if (lookedUp && !this.#isSettling) setAsked(this.table.chunk(row), row & CHUNK_MASK)
      else if (!lookedUp && this.#isDisputed(row, batch, i, origin, arrivalMs)) return
      if (!this.#claim(row, origin)) {
        this.#deps.coverage.rejected(origin.node, Reject.other_node)
        this.#deps.observations.reportedOthers(origin.node)
        return
      }
    }
    this.#merge(row, batch, i, origin, arrivalMs)
  }

  /**
   * Puts a row of the file back into memory, for the sender that has just reported it if one has; nothing
   * is booked by that. It takes the place of a row that another node's sample has made under its id. False
   * if there is no room.
   */
  restore(stored: StoredConnection, sender = NO_SENDER): boolean {
    const [k0, k1, k2, k3] = wordsOf(stored.key)
    const present = this.table.find(k0, k1, k2, k3)
    if (present !== NONE) {
      if (!this.#isIntruders(present, stored)) return true
      this.#displace(present, stored.key)
    }
    const row = this.#rows.take(k0, k1, k2, k3, stored.kind, sender, this.#deps.clock.newestMs)
    if (row === NONE) return false
    const { clock, restoring, identities } = this.#deps
    this.#rows.restore(row, stored, identities.ofStored(stored))
    if (restoring !== undefined) this.#rows.move(row, { ...restoring, latestMs: clock.newestMs })
    return true
  }

  /**
   * A row of the file that its node reports under another identity (`key`) since its node is known: it goes on
   * under that one, in the file with the next cut. False if there is no room.
   */
  adopt(key: Uint8Array, stored: StoredConnection, sender = NO_SENDER): boolean {
    const from = Uint8Array.from(stored.key)
    const text = Buffer.from(from).toString('hex')
    if (this.#adopted.has(text)) return true
    const row = this.#rowOf(from)
    if (row === NONE) {
      if (!this.restore({ ...stored, key }, sender)) return false
    } else if (this.#startOf(row) === stored.startMs && this.#rowOf(key) === NONE) {
      this.table.rekey(row, ...wordsOf(key))
    } else return true
    this.#adopted.add(text)
    this.#renamed.push({ from, to: key })
    this.dirty.mark(this.#rowOf(key))
    return true
  }

  /** Rows of the file that have another identity since the last call. */
  takeRenamed(): readonly Renamed[] {
    const renamed = this.#renamed
    this.#renamed = []
    return renamed
  }

  /** The wall clock was set: moments of rows move with it. */
  stepped(moved: MovedMoments): void {
    this.#rows.moveAll(moved)
  }

  /**
   * Time has passed: orphans the silent, lets the dead leave memory. Begins a round over all rows at most
   * once per `everyMs` of ledger time, and does one step of it per second of that: a row is orphaned after
   * `orphanAfterMs` at least, and later by as long as its round takes (a second per `ROWS_LOOKED_AT`).
   */
  sweep(nowMs: number, everyMs: number): void {
    const now = this.#deps.clock.ms
    const isBetween = this.#sweptTo === NONE
    if (now - this.#lastSweepMs < (isBetween ? everyMs : STEP_MS)) return
    this.#lastSweepMs = now
    if (isBetween) this.#sweptTo = 0
    const isDone = this.#rows.dropOldTombstones(now, nowMs, TOMBSTONES_DROPPED)
    this.#sweepRows(now, nowMs)
    if (isDone && this.#sweptTo >= this.table.rowsMade) this.#sweptTo = NONE
  }

  /** One step of a round. What changes becomes part of the next cut: few rows of many. */
  #sweepRows(now: number, nowMs: number): void {
    const orphanedBefore = now - orphanAfterMs(this.#config)
    const end = Math.min(this.table.rowsMade, this.#sweptTo + ROWS_LOOKED_AT)
    let left = ROWS_CHANGED
    let row = this.#sweptTo
    for (; row < end && left > 0; row++) {
      const c = this.table.chunk(row)
      const o = row & CHUNK_MASK
      const state = c.bytes[o * BYTES + Byte.state] as number
      if (state === RowState.free || state === RowState.closed) continue
      const spoke = c.numbers[o * NUMBERS + Num.lastLedgerMs] as number
      if (spoke > orphanedBefore) continue
      if (state !== RowState.orphaned) this.#orphan(row, c, o)
      else if (spoke > orphanedBefore - ORPHAN_MEMORY_MS) continue
      else this.#rows.dropLiving(row, nowMs)
      left--
    }
    this.#sweptTo = row
  }

  /** The orphan's estimated lost tail in bytes; 0 in every other state, and for hops. */
  lostBytes(row: number): number {
    const c = this.table.chunk(row)
    const o = row & CHUNK_MASK
    if (c.bytes[o * BYTES + Byte.state] !== RowState.orphaned || isHop(c, o)) return 0
    return lostTail(
      c.numbers[o * NUMBERS + Num.lastDeltaBytes] as number,
      c.numbers[o * NUMBERS + Num.previousSpanStartMs] as number,
      c.numbers[o * NUMBERS + Num.previousSpanEndMs] as number,
      this.#config.flushIntervalMs,
    )
  }

  /** Whether a known connection is the reporting node's. */
  #isReporters(row: number, origin: Pick<SampleOrigin, 'node' | 'reporter'>): boolean {
    const owner = this.#ownerOf(row)
    return owner === origin.node || this.#deps.identities.claim(owner, origin) === owner
  }

  /**
   * Whether a sample of another node than its row's waits for the file, because it is the file's row that
   * says whose the connection is: the row in memory came with a newer start, and without a look-up.
   */
  #isDisputed(
    row: number,
    batch: SampleBatch,
    i: number,
    origin: SampleOrigin,
    arrivalMs: number,
  ): boolean {
    const c = this.table.chunk(row)
    return !isAsked(c, row & CHUNK_MASK) && this.#keptAside(batch, i, origin, arrivalMs)
  }

  /** A connection of the unknown source becomes the reporter's; false for one of another node. */
  #claim(row: number, origin: SampleOrigin): boolean {
    const c = this.table.chunk(row)
    const claimed = this.#deps.identities.claim(this.#ownerOf(row), origin)
    if (claimed < 0) return false
    c.words[(row & CHUNK_MASK) * WORDS + Word.node] = claimed
    return true
  }

  #rowOf(key: Uint8Array): number {
    return this.table.find(...wordsOf(key))
  }

  #startOf(row: number): number {
    const { numbers } = this.table.chunk(row)
    return numbers[(row & CHUNK_MASK) * NUMBERS + Num.startMs] as number
  }

  #ownerOf(row: number): number {
    return this.table.chunk(row).words[(row & CHUNK_MASK) * WORDS + Word.node] as number
  }

  /**
   * Whether a row in memory is of another node than the file's row of the same id. With the start of that it
   * is that row, which a node has claimed since.
   */
  #isIntruders(row: number, stored: StoredConnection): boolean {
    if (this.#startOf(row) === stored.startMs) return false
    const { node } = this.#deps.identities.ofStored(stored)
    return !this.#isReporters(row, { node, reporter: stored.node })
  }

  /** A row leaves its identity to the file's row. What is booked of it stays as it is. */
  #displace(row: number, key: Uint8Array): void {
    const state = this.table.chunk(row).bytes[(row & CHUNK_MASK) * BYTES + Byte.state]
    if (state === RowState.waiting) {
      this.#names.take(row)
      this.#rows.dropWaiting(row)
    } else this.#deps.invalidSnis.moved(key, this.#rows.displace(row))
  }

  #keptAside(batch: SampleBatch, i: number, origin: SampleOrigin, arrivalMs: number): boolean {
    const { held } = this.#deps
    // Whole ms, as rows keep it: Envoy's microseconds would put the newest row after itself.
    const start = Math.floor(batch.startMs[i] as number)
    const knownThere = held.size > 0 && held.has(batch, i)
    if (!knownThere && !this.#rows.forgotten.mustLookUp(start, arrivalMs)) return false
    if (!held.hold(batch, i, origin, arrivalMs)) {
      const reason = batch.final[i] === 1 ? Reject.final_lost : Reject.no_room
      this.#deps.coverage.rejected(origin.node, reason)
    }
    return true
  }

  /** A row for an id seen for the first time: nothing is booked yet. */
  #admit(batch: SampleBatch, i: number, origin: SampleOrigin, arrivalMs: number): number {
    const kind = batch.kind[i] as number
    const noRoom = kind === SampleKind.connection && !this.#rows.hasRoomToLive(origin.sender)
    // Without room a connection books nothing until its final, then everything under `__other__`.
    if (noRoom && batch.final[i] !== 1) return NONE
    const k = i * 4
    const identity = batch.identity
    const row = this.#rows.take(
      identity[k] as number,
      identity[k + 1] as number,
      identity[k + 2] as number,
      identity[k + 3] as number,
      kind,
      origin.sender,
      this.#deps.clock.newestMs,
    )
    if (row === NONE) return NONE
    const c = this.table.chunk(row)
    const o = row & CHUNK_MASK
    const start = batch.startMs[i] as number
    const moment = momentOf(start, batch.durationMs[i] as number, arrivalMs)
    // A name that the row's last user left behind is none of this connection's.
    this.#names.take(row)
    c.bytes[o * BYTES + Byte.state] = RowState.waiting
    c.bytes[o * BYTES + Byte.kind] = kind
    c.bytes[o * BYTES + Byte.identityKind] = batch.identityKind[i] as number
    c.bytes[o * BYTES + Byte.meter] = chooseMeter(batch.entryType[i] as number, origin.envoyMinor)
    takeOrigin(c, o, batch, i, origin, this.#deps, true)
    c.words[o * WORDS + Word.destination] = noRoom ? this.#deps.identities.otherDestination() : NONE
    c.words[o * WORDS + Word.cluster] = 0
    for (let word = 0; word < 4; word++) c.words[o * WORDS + Word.address + word] = 0
    c.halves[o * HALVES + Half.port] = 0
    c.numbers[o * NUMBERS + Num.startMs] = start < 0 ? moment : Math.floor(start)
    c.numbers[o * NUMBERS + Num.momentMs] = beginOf(batch.beganMs[i] as number, moment)
    c.numbers[o * NUMBERS + Num.previousSpanStartMs] = 0
    c.numbers[o * NUMBERS + Num.previousSpanEndMs] = 0
    c.numbers[o * NUMBERS + Num.lastDeltaBytes] = 0
    c.numbers[o * NUMBERS + Num.lastArrivalMs] = arrivalMs
    c.numbers[o * NUMBERS + Num.upload] = 0
    c.numbers[o * NUMBERS + Num.download] = 0
    return row
  }

  #merge(
    row: number,
    batch: SampleBatch,
    i: number,
    origin: SampleOrigin,
    arrivalMs: number,
  ): void {
    const c = this.table.chunk(row)
    const o = row & CHUNK_MASK
    this.#deps.bookings.sender = origin.sender
    if (c.halves[o * HALVES + Half.sender] === NO_SLOT) this.#rows.own(row, origin.sender)
    const meter = c.bytes[o * BYTES + Byte.meter] as number
    const kind = batch.kind[i] as number
    const upload = metered(
      meter,
      kind,
      batch.wireUpload[i] as number,
      batch.plainUpload[i] as number,
    )
    const download = metered(
      meter,
      kind,
      batch.wireDownload[i] as number,
      batch.plainDownload[i] as number,
    )
    const final = batch.final[i] === 1
    const moment = momentOf(batch.startMs[i] as number, batch.durationMs[i] as number, arrivalMs)
    // A replay tells the past again: it does not take a later word back.
    if (arrivalMs > (c.numbers[o * NUMBERS + Num.lastArrivalMs] as number))
      c.numbers[o * NUMBERS + Num.lastArrivalMs] = arrivalMs
    c.numbers[o * NUMBERS + Num.lastLedgerMs] = this.#deps.clock.ms
    this.#noteUpstream(c, o, batch, i, origin.sender)

    // Source and destination are fixed once, when there is something to go by or to book.
    if (c.bytes[o * BYTES + Byte.state] === RowState.waiting) {
      const hasBytes = upload > 0 || download > 0
      const destination = this.#nameOf(row, c, o, batch, i, origin, hasBytes, arrivalMs)
      if (destination === undefined) return
      // More may be known of the sender's clock than when the connection was first seen.
      c.numbers[o * NUMBERS + Num.momentMs] = beginOf(batch.beganMs[i] as number, moment)
      this.#attribute(c, o, destination, arrivalMs, origin.sender)
    } else if (c.bytes[o * BYTES + Byte.state] === RowState.orphaned) {
      c.bytes[o * BYTES + Byte.state] = RowState.open
    }

    this.#bookGrowth(c, o, upload, download, moment)
    if (final) this.#end(row, c, o, moment)
    this.dirty.mark(row)
  }

  /**
   * The name of a waiting connection, once it is fixed. The best source of those that came before its
   * first byte, or in the message of it, wins; so a sample with bytes and a name that could be bettered
   * waits for the end of its message.
   */
  #nameOf(
    row: number,
    c: ConnectionChunk,
    o: number,
    batch: SampleBatch,
    i: number,
    origin: SampleOrigin,
    hasBytes: boolean,
    arrivalMs: number,
  ): Destination | undefined {
    const { names } = this.#deps
    const final = batch.final[i] === 1
    const isOther = c.words[o * WORDS + Word.destination] !== NONE
    const isTold = final || isTelling(batch, i, origin, hasBytes, names, !isUndecided(c, o))
    const name = names.resolve(batch, i)
    const isMeshSni =
      name.nameSource === 'cluster' ? !names.hasClusterHost(batch, i) : batch.meshTls[i] === 1
    const rank = rankOf(name, isMeshSni)
    if (isOther || batch.kind[i] === SampleKind.request) {
      if (!isTold) return undefined
      takeOrigin(c, o, batch, i, origin, this.#deps)
      this.#noteSni(c, o, names.invalidSni(batch, i), origin.sender)
      return name
    }
    if (isTold && rank === BEST_RANK && !isDeferred(c, o)) {
      takeOrigin(c, o, batch, i, origin, this.#deps)
      this.#noteSni(c, o, this.#names.take(row)?.invalidSni, origin.sender)
      return name
    }
    const best = this.#names.offer(row, name, rank, names.invalidSni(batch, i))
    if (this.#isSettling) setDeferred(c, o, false)
    else if (isDeferred(c, o) || (isTold && (hasBytes || final))) {
      this.#defer(c, o, batch, i, origin, arrivalMs)
      return undefined
    }
    if (!isTold) return undefined
    takeOrigin(c, o, batch, i, origin, this.#deps)
    if (best.rank < BEST_RANK && !hasBytes && !final) return undefined
    this.#names.take(row)
    this.#noteSni(c, o, best.invalidSni, origin.sender)
    return best.destination
  }

  /** The name of a row is fixed: what it was sent as an SNI is kept where that is no name. */
  #noteSni(c: ConnectionChunk, o: number, text: string | undefined, sender: string): void {
    if (text === undefined) return
    const kind = c.bytes[o * BYTES + Byte.kind] as number
    this.#deps.invalidSnis.note(c.words, o * WORDS + Word.identity, kind, text, sender)
  }

  #defer(
    c: ConnectionChunk,
    o: number,
    batch: SampleBatch,
    i: number,
    origin: SampleOrigin,
    arrivalMs: number,
  ): void {
    setDeferred(c, o, true)
    this.#deferred.append(batch, i)
    // Beyond this a message is settled in parts.
    if (this.#deferred.count >= MOST_DEFERRED) this.settle(origin, arrivalMs)
  }

  #bookGrowth(
    c: ConnectionChunk,
    o: number,
    upload: number,
    download: number,
    moment: number,
  ): void {
    const uploadDelta = growth(c.numbers[o * NUMBERS + Num.upload] as number, upload)
    const downloadDelta = growth(c.numbers[o * NUMBERS + Num.download] as number, download)
    const spanStart = c.numbers[o * NUMBERS + Num.momentMs] as number
    if (uploadDelta === 0 && downloadDelta === 0) {
      // An idle sample moves the span's start; a lower one is old news and does not.
      if (
        upload === c.numbers[o * NUMBERS + Num.upload] &&
        download === c.numbers[o * NUMBERS + Num.download]
      ) {
        // At the same moment it is a copy (another logger's, a replay's) and says nothing of idling.
        if (moment > spanStart) {
          c.numbers[o * NUMBERS + Num.momentMs] = moment
          c.numbers[o * NUMBERS + Num.lastDeltaBytes] = 0
        }
      }
      return
    }
    let from = spanStart
    let to = moment
    if (to <= from && (c.numbers[o * NUMBERS + Num.previousSpanEndMs] as number) > 0) {
      // A backlog in one message, or clocks: this delta belongs to the time of the one before.
      from = c.numbers[o * NUMBERS + Num.previousSpanStartMs] as number
      to = c.numbers[o * NUMBERS + Num.previousSpanEndMs] as number
    }
    if (isHop(c, o)) {
      const node = c.words[o * WORDS + Word.node] as number
      this.#deps.coverage.hop(node, uploadDelta + downloadDelta)
    } else {
      this.#deps.bookings.book(
        c.words[o * WORDS + Word.workload] as number,
        podOf(c, o),
        c.words[o * WORDS + Word.destination] as number,
        uploadDelta,
        downloadDelta,
        from,
        to,
      )
    }
    c.numbers[o * NUMBERS + Num.upload] =
      (c.numbers[o * NUMBERS + Num.upload] as number) + uploadDelta
    c.numbers[o * NUMBERS + Num.download] =
      (c.numbers[o * NUMBERS + Num.download] as number) + downloadDelta
    c.numbers[o * NUMBERS + Num.lastDeltaBytes] = uploadDelta + downloadDelta
    c.numbers[o * NUMBERS + Num.previousSpanStartMs] = Math.min(from, to)
    c.numbers[o * NUMBERS + Num.previousSpanEndMs] = to
    if (moment > spanStart) c.numbers[o * NUMBERS + Num.momentMs] = moment
  }

  #attribute(
    c: ConnectionChunk,
    o: number,
    destination: Destination,
    nowMs: number,
    sender: string,
  ): void {
    const { identities, bookings, coverage, observations } = this.#deps
    const workload = c.words[o * WORDS + Word.workload] as number
    c.bytes[o * BYTES + Byte.state] = RowState.open
    if (c.words[o * WORDS + Word.destination] === NONE) {
      c.words[o * WORDS + Word.destination] = identities.budgetedDestination(
        workload,
        destination,
        isHop(c, o),
        sender,
      )
    }
    const node = c.words[o * WORDS + Word.node] as number
    coverage.seen(node)
    const { nameSource } = destination
    observations.attributed(node, nameSource !== 'address' && nameSource !== 'none')
    if (isHop(c, o)) return
    // Nothing has been booked yet: this is still where the first span begins.
    const began = Math.min(c.numbers[o * NUMBERS + Num.momentMs] as number, nowMs)
    const named = c.words[o * WORDS + Word.destination] as number
    const pod = identities.budgetedPod(podOf(c, o), named, sender)
    setPod(c, o, pod)
    bookings.opened(workload, pod, named, began)
  }

  #end(row: number, c: ConnectionChunk, o: number, moment: number): void {
    if (c.bytes[o * BYTES + Byte.state] === RowState.closed) {
      this.#deps.observations.endedAgain(c.words[o * WORDS + Word.node] as number)
      return
    }
    this.#rows.close(row)
    this.#deps.coverage.closed(c.words[o * WORDS + Word.node] as number)
    if (isHop(c, o)) return
    this.#deps.bookings.closed(
      c.words[o * WORDS + Word.workload] as number,
      podOf(c, o),
      c.words[o * WORDS + Word.destination] as number,
      moment,
    )
  }

  /** Keeps the newest word on where the connection goes, for the `connections` view. */
  #noteUpstream(
    c: ConnectionChunk,
    o: number,
    batch: SampleBatch,
    i: number,
    sender: string,
  ): void {
    const cluster = batch.cluster[i] as number
    if (c.words[o * WORDS + Word.cluster] === 0 && cluster !== NO_TEXT) {
      c.words[o * WORDS + Word.cluster] = this.#deps.identities.cluster(cluster, sender)
    }
    if (c.halves[o * HALVES + Half.port] === 0 && batch.port[i] !== 0) {
      const k = i * 4
      for (let word = 0; word < 4; word++) {
        c.words[o * WORDS + Word.address + word] = batch.address[k + word] as number
      }
      c.halves[o * HALVES + Half.port] = batch.port[i] as number
    }
  }

  #orphan(row: number, c: ConnectionChunk, o: number): void {
    if (c.bytes[o * BYTES + Byte.state] === RowState.waiting) {
      if (isUndecided(c, o)) {
        // Silence must not decide who is billed. Nothing of it is booked or stored: should it speak
        // again it is as new.
        this.#names.take(row)
        this.#rows.dropWaiting(row)
        return
      }
      const a = o * WORDS + Word.address
      const address = this.#deps.names.ofAddress(
        c.words[a] as number,
        c.words[a + 1] as number,
        c.words[a + 2] as number,
        c.words[a + 3] as number,
      )
      this.#names.offer(row, address, rankOf(address, false))
      const found = this.#names.take(row)
      const destination = found?.destination ?? address
      this.#noteSni(c, o, found?.invalidSni, this.#rows.senderOf(row))
      const spoke = c.numbers[o * NUMBERS + Num.lastArrivalMs] as number
      this.#deps.bookings.sender = this.#rows.senderOf(row)
      this.#attribute(c, o, destination, spoke, this.#rows.senderOf(row))
    }
    c.bytes[o * BYTES + Byte.state] = RowState.orphaned
    this.#deps.observations.orphaned(c.words[o * WORDS + Word.node] as number)
    this.dirty.mark(row)
  }
}

/** The four words of an identity of 16 bytes. */
function wordsOf(key: Uint8Array): [number, number, number, number] {
  const words = new DataView(key.buffer, key.byteOffset, 16)
  return [words.getInt32(0), words.getInt32(4), words.getInt32(8), words.getInt32(12)]
}
