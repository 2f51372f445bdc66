import { cutConnections } from '../../src/ledger/connection-columns.ts'
import { type HeldSample, HeldSamples, type Texts } from '../../src/ledger/held-samples.ts'
import { Ledger } from '../../src/ledger/ledger.ts'
import { LedgerClock } from '../../src/ledger/ledger-clock.ts'
import type { LedgerConfig } from '../../src/ledger/ledger-config.ts'
import type { SampleOrigin } from '../../src/ledger/ports.ts'
import type { ConnectionColumns } from '../../src/model/batch.ts'
import type { StoredConnection } from '../../src/model/connection.ts'
import type { Destination } from '../../src/model/destination.ts'
import { REJECT_REASONS } from '../../src/model/reject-reason.ts'
import { IdentityKind, NO_TIME, SampleBatch, SampleKind } from '../../src/model/sample.ts'
import { UNKNOWN_NODE } from '../../src/model/source.ts'
import { PendingCoverage } from '../../src/rollup/pending-coverage.ts'
import { Rollup } from '../../src/rollup/rollup.ts'
import { WindowLengths } from '../../src/rollup/window-lengths.ts'

/** 2026-11-24T12:00:00Z: a round hour, so that window starts are easy to name. */
export const NOON = Date.UTC(2026, 10, 24, 12)

/** What an entry says; the defaults are a final word of connection 1. */
export interface Word {
  id?: number
  type?: number
  final?: boolean
  kind?: number
  upload?: number
  download?: number
  plainUpload?: number
  plainDownload?: number
  /** Arrival, ms after noon. */
  at: number
  /** Start, ms after noon; undefined = not told. */
  start?: number
  duration?: number
  sni?: string
  cluster?: string
  /** Number of the workload that opened it, as text; read where the origin reports peers. */
  peer?: string
  origin?: Partial<SampleOrigin>
}

/** Name of the one egress gateway, as a cluster. */
export const GATEWAY = 'outbound|443||gateway.example'

export const SIDECAR: SampleOrigin = {
  node: 0,
  workload: 0,
  pod: 0,
  sender: 'sidecar',
  reporter: UNKNOWN_NODE,
  envoyMinor: 1040,
  hops: 'none',
  reportsPeers: false,
}

/** A ledger over a real rollup, with fakes for names and ids, and a hand on the clock. */
export class LedgerFixture {
  readonly clock = new LedgerClock(0, 0)
  readonly lengths = new WindowLengths([{ fromMs: 0, seconds: 60 }])
  readonly rollup = new Rollup(this.lengths, 0, 1_000_000)
  readonly coverage = new PendingCoverage(this.lengths, 1000)
  readonly held: HeldSamples
  readonly ledger: Ledger
  readonly names: string[] = []
  /** Connections attributed to no name, and ends told again. */
  unnamed = 0
  endedAgain = 0
  readonly #texts = ['']
  readonly #textTable: Texts = {
    text: (id) => this.#texts[id] ?? '',
    internText: (text) => this.#textId(text),
  }

  constructor(config: Partial<LedgerConfig> = {}, newestStartMs = 0) {
    this.held = new HeldSamples(this.#textTable)
    this.ledger = new Ledger(
      { maxConnections: 1000, maxRequests: 100, flushIntervalMs: 30_000, ...config },
      {
        clock: this.clock,
        held: this.held,
        bookings: this.rollup,
        coverage: this.coverage,
        observations: {
          attributed: (_node, isNamed) => void (isNamed || this.unnamed++),
          endedAgain: () => void this.endedAgain++,
          orphaned: () => undefined,
          reportedOthers: () => undefined,
        },
        invalidSnis: { note: () => undefined, moved: () => undefined },
        newestStartMs,
        names: {
          resolve: (batch, row) => this.#nameOf(batch, row),
          invalidSni: () => undefined,
          isNamed: (batch, row) => batch.sni[row] !== 0 || batch.authority[row] !== 0,
          hasClusterHost: (batch, row) => batch.cluster[row] !== 0,
          isToGateway: (batch, row) => this.#texts[batch.cluster[row] as number] === GATEWAY,
          ofAddress: () => ({ name: '', nameSource: 'none' }),
        },
        identities: {
          peerWorkload: (peer) => Number(this.#texts[peer] || -1),
          // Pod 100 of workload 1, and so on.
          peerPod: (_peer, workload) => workload * 100,
          budgetedPod: (pod) => pod,
          budgetedDestination: (_workload, destination) => this.#destinationId(destination.name),
          otherDestination: () => this.#destinationId('__other__'),
          cluster: (text) => text,
          claim: (owner) => owner,
          ofStored: (stored) => ({
            node: 0,
            workload: 0,
            pod: 0,
            destination: this.#destinationId(stored.destination.name),
            cluster: 0,
          }),
        },
      },
    )
  }

  /** One entry arrives. */
  hear(word: Word): void {
    this.pass(word.at)
    const batch = new SampleBatch(1)
    this.write(batch, word)
    this.ledger.apply(batch, { ...SIDECAR, ...word.origin }, NOON + word.at)
  }

  /** Applies a sample that waited, as the pipeline does once the file has answered. */
  replayHeld(sample: HeldSample): void {
    const batch = new SampleBatch(1)
    sample.restore(batch, this.#textTable)
    this.ledger.applySample(batch, 0, sample.origin, sample.arrivalMs, true)
    this.ledger.settle(sample.origin, sample.arrivalMs)
  }

  /** Time passes without an entry, to `at` ms after noon, in steps that the ledger clock follows. */
  pass(at: number): void {
    let now = this.clock.newestMs === 0 ? NOON + at : this.clock.newestMs
    while (now < NOON + at) {
      now = Math.min(now + 60_000, NOON + at)
      this.#tick(now)
    }
    this.#tick(NOON + at)
  }

  /** The pending batch is in the file. */
  commit(): ConnectionColumns {
    const columns = cutConnections(this.ledger)
    this.ledger.dirty.committed()
    return columns
  }

  /** Answers everything that waits for the file, out of the rows that `file` holds. */
  answerFrom(file: Map<string, StoredConnection>): void {
    const keys = this.held.takeQuestions()
    for (let at = 0; at < keys.length; at += 16) {
      const key = keys.slice(at, at + 16)
      const stored = file.get(key.join())
      if (stored !== undefined) this.ledger.restore(stored)
      for (const sample of this.held.release(key)) this.replayHeld(sample)
    }
  }

  /** Commits the changed rows into `file`, a stand-in for the connection table. */
  commitTo(file: Map<string, StoredConnection>): void {
    const rows = this.commit()
    for (let i = 0; i < rows.count; i++) {
      const stored = storedRow(rows, i, this.names[rows.destination[i] as number] ?? '')
      file.set(stored.key.join(), stored)
    }
  }

  /** Usage since the last call: `name@minute after noon` to `upload/download opened closed`. */
  usage(): Record<string, string> {
    const cut = this.rollup.cut()
    const sums = new Map<string, [number, number, number, number]>()
    for (let i = 0; i < cut.count; i++) {
      const minute = ((cut.windowMs[i] as number) - NOON) / 60_000
      const key = `${this.names[cut.destination[i] as number]}@${minute}`
      const sum = sums.get(key) ?? [0, 0, 0, 0]
      sum[0] += cut.upload[i] as number
      sum[1] += cut.download[i] as number
      sum[2] += cut.opened[i] as number
      sum[3] += cut.closed[i] as number
      sums.set(key, sum)
    }
    return Object.fromEntries(
      [...sums]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([key, [up, down, opened, closed]]) => [
          key,
          `${up}/${down}${opened > 0 ? ` opened ${opened}` : ''}${closed > 0 ? ` closed ${closed}` : ''}`,
        ]),
    )
  }

  /** Sums over all windows since the last call. */
  totals(): { upload: number; download: number; opened: number; closed: number } {
    const cut = this.rollup.cut()
    const sum = (column: ArrayLike<number>) => Array.from(column).reduce((a, b) => a + b, 0)
    return {
      upload: sum(cut.upload),
      download: sum(cut.download),
      opened: sum(cut.opened),
      closed: sum(cut.closed),
    }
  }

  rejected(): Record<string, number> {
    return Object.fromEntries(
      REJECT_REASONS.map(
        (reason, i) => [reason, this.coverage.rejectedTotals[i] ?? 0] as const,
      ).filter(([, count]) => count > 0),
    )
  }

  write(batch: SampleBatch, word: Word): void {
    batch.count = 1
    batch.kind[0] = word.kind ?? SampleKind.connection
    batch.identityKind[0] = IdentityKind.uuid
    batch.identity.set([word.id ?? 1, 7, 7, 7])
    batch.entryType[0] = word.type ?? 3
    batch.final[0] = (word.final ?? (word.type ?? 3) === 3) ? 1 : 0
    batch.startMs[0] = word.start === undefined ? NO_TIME : NOON + word.start
    batch.durationMs[0] = word.duration ?? NO_TIME
    batch.beganMs[0] = batch.startMs[0]
    batch.wireUpload[0] = word.upload ?? 0
    batch.wireDownload[0] = word.download ?? 0
    batch.plainUpload[0] = word.plainUpload ?? word.upload ?? 0
    batch.plainDownload[0] = word.plainDownload ?? word.download ?? 0
    batch.sni[0] = this.#textId(word.sni ?? (word.cluster === undefined ? 'a.example' : ''))
    batch.cluster[0] = this.#textId(word.cluster ?? '')
    batch.peer[0] = this.#textId(word.peer ?? '')
  }

  #tick(nowMs: number): void {
    this.clock.advance(nowMs)
    this.coverage.at(nowMs)
    this.ledger.sweep(nowMs, 10_000)
  }

  #textId(text: string): number {
    const known = this.#texts.indexOf(text)
    return known >= 0 ? known : this.#texts.push(text) - 1
  }

  #nameOf(batch: SampleBatch, row: number): Destination {
    const sni = this.#texts[batch.sni[row] as number] ?? ''
    if (sni !== '') return { name: sni, nameSource: 'sni' }
    const cluster = this.#texts[batch.cluster[row] as number] ?? ''
    if (cluster !== '') return { name: cluster, nameSource: 'cluster' }
    return { name: '', nameSource: 'none' }
  }

  #destinationId(name: string): number {
    const known = this.names.indexOf(name)
    return known >= 0 ? known : this.names.push(name) - 1
  }
}

function storedRow(rows: ConnectionColumns, i: number, name: string): StoredConnection {
  return {
    key: rows.key.slice(i * 16, i * 16 + 16),
    kind: rows.kind[i] as number,
    identityKind: rows.identityKind[i] as number,
    meter: rows.meter[i] as number,
    state: rows.state[i] as number,
    node: UNKNOWN_NODE,
    workload: UNKNOWN_NODE.workload,
    destination: { name, nameSource: 'sni' },
    upstreamCluster: '',
    address: [0, 0, 0, 0],
    port: 0,
    startMs: rows.startMs[i] as number,
    momentMs: rows.momentMs[i] as number,
    previousSpanStartMs: rows.previousSpanStartMs[i] as number,
    previousSpanEndMs: rows.previousSpanEndMs[i] as number,
    lastDeltaBytes: rows.lastDeltaBytes[i] as number,
    lastArrivalMs: rows.lastArrivalMs[i] as number,
    lastLedgerMs: rows.lastLedgerMs[i] as number,
    upload: rows.upload[i] as number,
    download: rows.download[i] as number,
    hop: rows.hop[i] === 1,
  }
}
