import { ConnectionState, Meter, type StoredConnection } from '../model/connection.ts'
import { Reject } from '../model/reject-reason.ts'
import { NO_TEXT, type SampleBatch, SampleKind } from '../model/sample.ts'
import { CHUNK_MASK, type ConnectionChunk, RowFlag, RowState } from './connection-chunk.ts'
import { ConnectionTable } from './connection-table.ts'
import { chooseMeter, growth, lostTail, momentOf } from './delta.ts'
import { DirtyRows } from './dirty-rows.ts'
import { Forgotten } from './forgotten.ts'
import { HeldSamples } from './held-samples.ts'
import type { LedgerClock } from './ledger-clock.ts'
import {
  type LedgerConfig,
  ORPHAN_MEMORY_MS,
  orphanAfterMs,
  TOMBSTONE_MS,
} from './ledger-config.ts'
import type { Bookings, CoverageTally, Identities, Names, SampleOrigin } from './ports.ts'
import { Tombstones } from './tombstones.ts'

const NONE = -1

export interface LedgerDependencies {
  readonly clock: LedgerClock
  readonly names: Names
  readonly identities: Identities
  readonly bookings: Bookings
  readonly coverage: CoverageTally
  readonly held: HeldSamples
  /** Newest start among the file's rows, unix ms: what memory has forgotten at start. */
  readonly newestStartMs: number
}

/**
 * The ledger: cumulative samples in, deltas out. A byte is counted once, whatever is repeated, lost,
 * reordered or replayed. Synchronous; allocates nothing per sample (a sample that must wait for the
 * file is kept aside as an object: rare, see `HeldSamples`).
 */
export class Ledger {
  /** Rows in state waiting, open or orphaned. */
  living = 0
  readonly table: ConnectionTable
  readonly dirty: DirtyRows
  readonly #config: LedgerConfig
  readonly #deps: LedgerDependencies
  readonly #forgotten: Forgotten
  readonly #connections: Tombstones
  readonly #requests: Tombstones
  readonly #maxConnectionRows: number
  #lastSweepMs = 0

  constructor(config: LedgerConfig, deps: LedgerDependencies) {
    this.#config = config
    this.#deps = deps
    this.#maxConnectionRows = config.maxConnections + Math.ceil(config.maxConnections / 4)
    this.table = new ConnectionTable(this.#maxConnectionRows + config.maxRequests)
    this.dirty = new DirtyRows(this.table)
    this.#connections = new Tombstones(this.table)
    this.#requests = new Tombstones(this.table)
    this.#forgotten = new Forgotten(deps.newestStartMs)
  }

  get tombstones(): number {
    return this.#connections.count + this.#requests.count
  }

  /** True while no further open connection finds room. */
  get full(): boolean {
    return this.living >= this.#config.maxConnections
  }

  /** Applies the samples of one message. `arrivalMs` is whole unix ms, taken once per message. */
  apply(batch: SampleBatch, origin: SampleOrigin, arrivalMs: number): void {
    for (let i = 0; i < batch.count; i++) this.applySample(batch, i, origin, arrivalMs, false)
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
    }
    this.#merge(row, batch, i, origin, arrivalMs)
  }

  /** Puts a row of the file back into memory; nothing is booked by that. False if there is no room. */
  restore(stored: StoredConnection): boolean {
    const words = new DataView(stored.key.buffer, stored.key.byteOffset, 16)
    const k0 = words.getInt32(0)
    const k1 = words.getInt32(4)
    const k2 = words.getInt32(8)
    const k3 = words.getInt32(12)
    if (this.table.find(k0, k1, k2, k3) !== NONE) return true
    const row = this.#takeRow(k0, k1, k2, k3, stored.kind)
    if (row === NONE) return false
    const c = this.table.chunk(row)
    const o = row & CHUNK_MASK
    const ids = this.#deps.identities.ofStored(stored)
    c.kind[o] = stored.kind
    c.identityKind[o] = stored.identityKind
    c.meter[o] = stored.meter
    c.flags[o] = 0
    c.node[o] = ids.node
    c.workload[o] = ids.workload
    c.destination[o] = ids.destination
    c.cluster[o] = ids.cluster
    c.address.set(stored.address, o * 4)
    c.port[o] = stored.port
    c.startMs[o] = stored.startMs
    c.momentMs[o] = stored.momentMs
    c.previousSpanStartMs[o] = stored.previousSpanStartMs
    c.previousSpanEndMs[o] = stored.previousSpanEndMs
    c.lastDeltaBytes[o] = stored.lastDeltaBytes
    c.lastArrivalMs[o] = stored.lastArrivalMs
    c.lastLedgerMs[o] = stored.lastLedgerMs
    c.upload[o] = stored.upload
    c.download[o] = stored.download
    if (stored.state === ConnectionState.closed) {
      c.state[o] = RowState.closed
      this.#tombstonesOf(stored.kind).push(row)
    } else {
      c.state[o] = stored.state === ConnectionState.open ? RowState.open : RowState.orphaned
      this.living++
    }
    return true
  }

  /**
   * Time has passed: orphans the silent, lets the dead leave memory. Looks at every row at most once
   * per `everyMs` of ledger time (a million rows take a few ms).
   */
  sweep(nowMs: number, everyMs: number): void {
    const now = this.#deps.clock.ms
    if (now - this.#lastSweepMs < everyMs) return
    this.#lastSweepMs = now
    this.#dropTombstones(this.#connections, now, nowMs)
    this.#dropTombstones(this.#requests, now, nowMs)
    const orphanedBefore = now - orphanAfterMs(this.#config)
    for (let row = 0; row < this.table.rowsMade; row++) {
      const c = this.table.chunk(row)
      const o = row & CHUNK_MASK
      const state = c.state[o] as number
      if (state === RowState.free || state === RowState.closed) continue
      const spoke = c.lastLedgerMs[o] as number
      if (spoke > orphanedBefore) continue
      if (state !== RowState.orphaned) this.#orphan(row, c, o)
      else if (spoke <= orphanedBefore - ORPHAN_MEMORY_MS) this.#forgetOrphan(row, c, o, nowMs)
    }
  }

  /** The orphan's estimated lost tail in bytes; 0 in every other state. */
  lostBytes(row: number): number {
    const c = this.table.chunk(row)
    const o = row & CHUNK_MASK
    if (c.state[o] !== RowState.orphaned) return 0
    return lostTail(
      c.lastDeltaBytes[o] as number,
      c.previousSpanStartMs[o] as number,
      c.previousSpanEndMs[o] as number,
      this.#config.flushIntervalMs,
    )
  }

  #keptAside(batch: SampleBatch, i: number, origin: SampleOrigin, arrivalMs: number): boolean {
    const { held } = this.#deps
    // Whole ms, as rows keep it: Envoy's microseconds would put the newest row after itself.
    const start = Math.floor(batch.startMs[i] as number)
    const knownThere = held.size > 0 && held.has(batch, i)
    if (!knownThere && !this.#forgotten.mustLookUp(start, arrivalMs)) return false
    if (!held.hold(batch, i, origin, arrivalMs)) {
      const reason = batch.final[i] === 1 ? Reject.final_lost : Reject.no_room
      this.#deps.coverage.rejected(origin.node, reason)
    }
    return true
  }

  /** A row for an id seen for the first time: nothing is booked yet. */
  #admit(batch: SampleBatch, i: number, origin: SampleOrigin, arrivalMs: number): number {
    const kind = batch.kind[i] as number
    const noRoom = this.full && kind === SampleKind.connection
    // Without room a connection books nothing until its final, then everything under `__other__`.
    if (noRoom && batch.final[i] !== 1) return NONE
    const k = i * 4
    const identity = batch.identity
    const row = this.#takeRow(
      identity[k] as number,
      identity[k + 1] as number,
      identity[k + 2] as number,
      identity[k + 3] as number,
      kind,
    )
    if (row === NONE) return NONE
    const c = this.table.chunk(row)
    const o = row & CHUNK_MASK
    const start = batch.startMs[i] as number
    const moment = momentOf(start, batch.durationMs[i] as number, arrivalMs)
    c.state[o] = RowState.waiting
    c.kind[o] = kind
    c.identityKind[o] = batch.identityKind[i] as number
    c.meter[o] = chooseMeter(batch.entryType[i] as number, origin.envoyMinor)
    c.flags[o] = 0
    c.node[o] = origin.node
    c.workload[o] = origin.workload
    c.destination[o] = noRoom ? this.#deps.identities.otherDestination() : NONE
    c.cluster[o] = 0
    c.address.fill(0, o * 4, o * 4 + 4)
    c.port[o] = 0
    c.startMs[o] = start < 0 ? moment : Math.floor(start)
    // The first span begins at the start, unless the node's clock puts that after the sample.
    c.momentMs[o] = Math.min(c.startMs[o], moment)
    c.previousSpanStartMs[o] = 0
    c.previousSpanEndMs[o] = 0
    c.lastDeltaBytes[o] = 0
    c.lastArrivalMs[o] = arrivalMs
    c.upload[o] = 0
    c.download[o] = 0
    this.living++
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
    const wire = c.meter[o] === Meter.wire
    const upload = (wire ? batch.wireUpload[i] : batch.plainUpload[i]) as number
    const download = (wire ? batch.wireDownload[i] : batch.plainDownload[i]) as number
    const final = batch.final[i] === 1
    const moment = momentOf(batch.startMs[i] as number, batch.durationMs[i] as number, arrivalMs)
    // A replay tells the past again: it does not take a later word back.
    if (arrivalMs > (c.lastArrivalMs[o] as number)) c.lastArrivalMs[o] = arrivalMs
    c.lastLedgerMs[o] = this.#deps.clock.ms
    this.#noteUpstream(c, o, batch, i)

    // Source and destination are fixed once, when there is something to go by or to book.
    if (c.state[o] === RowState.waiting) {
      const named =
        batch.sni[i] !== NO_TEXT || batch.cluster[i] !== NO_TEXT || batch.authority[i] !== NO_TEXT
      if (!named && !final && upload === 0 && download === 0) return
      this.#attribute(c, o, origin, this.#deps.names.resolve(batch, i), arrivalMs)
    } else if (c.state[o] === RowState.orphaned) {
      c.state[o] = RowState.open
    }

    this.#bookGrowth(c, o, upload, download, moment)
    if (final && c.state[o] !== RowState.closed) this.#close(row, c, o, moment)
    this.dirty.mark(row)
  }

  #bookGrowth(
    c: ConnectionChunk,
    o: number,
    upload: number,
    download: number,
    moment: number,
  ): void {
    const uploadDelta = growth(c.upload[o] as number, upload)
    const downloadDelta = growth(c.download[o] as number, download)
    const spanStart = c.momentMs[o] as number
    if (uploadDelta === 0 && downloadDelta === 0) {
      // An idle sample moves the span's start; a lower one is old news and does not.
      if (upload === c.upload[o] && download === c.download[o]) {
        // At the same moment it is a copy (another logger's, a replay's) and says nothing of idling.
        if (moment > spanStart) {
          c.momentMs[o] = moment
          c.lastDeltaBytes[o] = 0
        }
      }
      return
    }
    let from = spanStart
    let to = moment
    if (to <= from && (c.previousSpanEndMs[o] as number) > 0) {
      // A backlog in one message, or clocks: this delta belongs to the time of the one before.
      from = c.previousSpanStartMs[o] as number
      to = c.previousSpanEndMs[o] as number
    }
    this.#deps.bookings.book(
      c.workload[o] as number,
      c.destination[o] as number,
      uploadDelta,
      downloadDelta,
      from,
      to,
    )
    c.upload[o] = (c.upload[o] as number) + uploadDelta
    c.download[o] = (c.download[o] as number) + downloadDelta
    c.lastDeltaBytes[o] = uploadDelta + downloadDelta
    c.previousSpanStartMs[o] = Math.min(from, to)
    c.previousSpanEndMs[o] = to
    if (moment > spanStart) c.momentMs[o] = moment
  }

  #attribute(
    c: ConnectionChunk,
    o: number,
    origin: SampleOrigin,
    destination: Parameters<Identities['budgetedDestination']>[1],
    nowMs: number,
  ): void {
    const { identities, bookings, coverage } = this.#deps
    c.state[o] = RowState.open
    c.node[o] = origin.node
    c.workload[o] = origin.workload
    if (c.destination[o] === NONE) {
      c.destination[o] = identities.budgetedDestination(origin.workload, destination)
    }
    const start = Math.min(c.startMs[o] as number, nowMs)
    bookings.opened(origin.workload, c.destination[o] as number, start)
    coverage.seen(origin.node)
  }

  #close(row: number, c: ConnectionChunk, o: number, moment: number): void {
    c.state[o] = RowState.closed
    this.living--
    this.#tombstonesOf(c.kind[o] as number).push(row)
    this.#deps.bookings.closed(c.workload[o] as number, c.destination[o] as number, moment)
    this.#deps.coverage.closed(c.node[o] as number)
  }

  /** Keeps the newest word on where the connection goes, for the `connections` view. */
  #noteUpstream(c: ConnectionChunk, o: number, batch: SampleBatch, i: number): void {
    const cluster = batch.cluster[i] as number
    if (c.cluster[o] === 0 && cluster !== NO_TEXT) {
      c.cluster[o] = this.#deps.identities.cluster(cluster)
    }
    if (c.port[o] === 0 && batch.port[i] !== 0) {
      const k = i * 4
      for (let word = 0; word < 4; word++) {
        c.address[o * 4 + word] = batch.address[k + word] as number
      }
      c.port[o] = batch.port[i] as number
    }
  }

  #orphan(row: number, c: ConnectionChunk, o: number): void {
    if (c.state[o] === RowState.waiting) {
      const a = o * 4
      const destination = this.#deps.names.ofAddress(
        c.address[a] as number,
        c.address[a + 1] as number,
        c.address[a + 2] as number,
        c.address[a + 3] as number,
      )
      const origin = {
        node: c.node[o] as number,
        workload: c.workload[o] as number,
        envoyMinor: 0,
      }
      this.#attribute(c, o, origin, destination, c.lastArrivalMs[o] as number)
    }
    c.state[o] = RowState.orphaned
    this.dirty.mark(row)
  }

  #forgetOrphan(row: number, c: ConnectionChunk, o: number, nowMs: number): void {
    if (((c.flags[o] as number) & (RowFlag.dirty | RowFlag.inFlight)) !== 0) return
    this.#forgotten.note(c.startMs[o] as number, nowMs)
    this.table.remove(row)
    this.living--
  }

  #dropTombstones(queue: Tombstones, ledgerMs: number, nowMs: number): void {
    for (;;) {
      const row = queue.oldestCommitted()
      if (row === NONE) return
      const spoke = this.table.chunk(row).lastLedgerMs[row & CHUNK_MASK] as number
      if (spoke > ledgerMs - TOMBSTONE_MS) return
      this.#dropOldest(queue, row, nowMs)
    }
  }

  #dropOldest(queue: Tombstones, row: number, nowMs: number): void {
    queue.shift()
    this.#forgotten.note(this.table.chunk(row).startMs[row & CHUNK_MASK] as number, nowMs)
    this.table.remove(row)
  }

  /** A row within the budget of its kind: under pressure the oldest committed tombstone goes. */
  #takeRow(k0: number, k1: number, k2: number, k3: number, kind: number): number {
    const queue = this.#tombstonesOf(kind)
    const used =
      kind === SampleKind.request ? this.#requests.count : this.table.size - this.#requests.count
    const budget = kind === SampleKind.request ? this.#config.maxRequests : this.#maxConnectionRows
    if (used >= budget) {
      const oldest = queue.oldestCommitted()
      if (oldest === NONE) return NONE
      this.#dropOldest(queue, oldest, this.#deps.clock.newestMs)
    }
    return this.table.insert(k0, k1, k2, k3)
  }

  #tombstonesOf(kind: number): Tombstones {
    return kind === SampleKind.request ? this.#requests : this.#connections
  }
}
