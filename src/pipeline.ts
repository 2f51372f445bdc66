import { DestinationResolver } from './attribution/destination-resolver.ts'
import { InvalidSnis } from './attribution/invalid-snis.ts'
import { isUnknownNode } from './attribution/node-binding.ts'
import {
  envoyMinorOf,
  namelessScopeOf,
  readIdentifier,
  scopeOf,
} from './attribution/node-identity.ts'
import { NodeObservations } from './attribution/node-observations.ts'
import { type Absence, NodeClock, StreamClock } from './attribution/sender-clock.ts'
import { SessionIdentities } from './attribution/session-identities.ts'
import type { Config } from './config.ts'
import { type DecodeStream, MessageDecoder } from './decoder/message-decoder.ts'
import { cutConnections } from './ledger/connection-columns.ts'
import { Forgotten } from './ledger/forgotten.ts'
import { type Answers, type HeldSample, HeldSamples } from './ledger/held-samples.ts'
import { Ledger } from './ledger/ledger.ts'
import { LedgerClock } from './ledger/ledger-clock.ts'
import { orphanAfterMs } from './ledger/ledger-config.ts'
import type { HopRule, SampleOrigin } from './ledger/ports.ts'
import type { ConnectionColumns, StoreBatch } from './model/batch.ts'
import type { ClockStep } from './model/clock-step.ts'
import type { StoredConnection } from './model/connection.ts'
import { Crowding, moreCrowded } from './model/crowding.ts'
import type { StoreOpening } from './model/opening.ts'
import { Reject } from './model/reject-reason.ts'
import { Said } from './model/said-moments.ts'
import { NO_TIME, SampleBatch } from './model/sample.ts'
import { type Node, UNKNOWN_NODE } from './model/source.ts'
import type { UsedPair } from './model/used-pairs.ts'
import { PipelineTexts } from './pipeline-texts.ts'
import { MinutesMark } from './rollup/minutes-mark.ts'
import { PendingCoverage } from './rollup/pending-coverage.ts'
import { Rollup } from './rollup/rollup.ts'
import { WindowLengths } from './rollup/window-lengths.ts'
import { UnfinishedMessage, UnfinishedMessages } from './unfinished-messages.ts'
import { LedgerIdsWalk } from './used-ids.ts'

/** Ledger time between two looks at every row for silence and age. */
const SWEEP_EVERY_MS = 10_000
/** An idle mesh's clocks are written at least this often, ms of wall or recorded time. */
const CLOCK_COMMIT_MS = 10_000
/** Rows of coverage that wait for a cut at most. */
const PENDING_COVERAGE_ROWS = 200_000

/** Bytes at the end of a message in parts that are read for how late it is: some hundred entries. */
const TAIL_BYTES = 256 * 1024

/** A record of a stream: the message before it has ended, though it said that it goes on. */
const END_OF_MESSAGE = new Uint8Array(0)

/** The sender of recorded streams. */
const REPLAYED = 'replay'

/** What only `serve` has. */
export interface PipelineExtras {
  readonly recorder?: Recorder | undefined
  /** Time since the machine started, ms. */
  readonly uptimeMs?: (() => number) | undefined
}

/** Keeps what was received, before anything else is done with it (see `recording/`). */
export interface Recorder {
  identifier(stream: number, recorded: Uint8Array): void
  write(
    stream: number,
    arrivalMs: number,
    message: Uint8Array,
    identifierRange?: { readonly start: number; readonly end: number },
  ): void
  end(stream: number): void
}

/**
 * The life of a message, stage by stage, from the bytes that Envoy sent to the batch that the store
 * commits. Synchronous throughout: whoever calls it, `serve` with arrivals or `replay` with recorded
 * ones, gets the same rows for the same messages at the same times.
 */
export class Pipeline {
  /** Streams that spoke before they said who they are (counted once a stream). */
  streamsWithoutIdentifier = 0
  identifiersUnreadable = 0
  /** Ends whose moment by the sender's clock was not believed: their arrival counts. */
  momentsNotBelieved = 0
  /** Identifiers of which a part could not be read, or was no UTF-8; the rest of them is used. */
  identifiersDamaged = 0
  readonly identities: SessionIdentities
  readonly ledger: Ledger
  readonly rollup: Rollup
  readonly coverage: PendingCoverage
  readonly observations = new NodeObservations()
  readonly invalidSnis = new InvalidSnis()
  readonly held: HeldSamples
  readonly clock: LedgerClock
  readonly #decoder: MessageDecoder
  readonly #texts: PipelineTexts
  readonly #batch = new SampleBatch()
  readonly #scratch = new SampleBatch(1)
  readonly #streams = new Set<PipelineStream>()
  readonly #unfinished = new UnfinishedMessages<PipelineStream>()
  readonly #recorder: Recorder | undefined
  readonly #lengths: WindowLengths
  readonly #gateways: Config['gateways']
  readonly #minutesMs: number
  readonly #namedSinceMs: number
  readonly #absence: Absence
  /** By the node that identities hand out: bounded as those are. */
  readonly #nodeClocks = new WeakMap<Node, NodeClock>()
  #tail: MessageDecoder | undefined
  readonly #usedIds: LedgerIdsWalk
  readonly #mark: MinutesMark
  /** Starts of all rows of the file. */
  readonly #starts: Forgotten
  readonly #uptimeMs: (() => number) | undefined
  readonly #wallClock: boolean
  #sequence: number
  #streamsMade = 0
  /** Since when the clock of arrivals was not set; undefined with recorded arrivals. */
  #eraFromMs: number | undefined
  #stepped: boolean
  #steppedByMs = 0
  #announcedMinutesFromMs: number
  #minutesHoldMs: number
  #clockWrittenMs: number
  /** Something is to be frozen then. */
  #dueMs: number

  constructor(config: Config, opening: StoreOpening, { recorder, uptimeMs }: PipelineExtras = {}) {
    this.#recorder = recorder
    this.#uptimeMs = uptimeMs
    this.#gateways = config.gateways
    this.#sequence = opening.lastSequence
    const { newestStartMs, farStarts, eraFromMs } = opening.clock
    this.#starts = new Forgotten(newestStartMs, farStarts)
    this.#wallClock = opening.wallClock === true
    this.#mark = new MinutesMark(this.#wallClock)
    this.#eraFromMs = eraFromMs
    this.#stepped = opening.step !== undefined
    this.#announcedMinutesFromMs = opening.clock.minutesFromMs
    this.#minutesHoldMs = opening.minutesHoldMs
    this.#clockWrittenMs = opening.clock.newestMs
    this.#dueMs = opening.dueMs ?? Number.POSITIVE_INFINITY
    this.#minutesMs = config.store.retention.minutesMs
    this.#lengths = new WindowLengths(opening.windowLengths)
    this.#namedSinceMs = opening.namedSinceMs ?? 0
    this.#absence = {
      fromMs: opening.clock.newestMs,
      untilMs: 0,
      settleMs: orphanAfterMs(config.ledger),
    }
    this.#texts = new PipelineTexts()
    this.#decoder = new MessageDecoder(this.#texts.interner)
    this.clock = new LedgerClock(opening.clock.ledgerMs, opening.clock.newestMs)
    this.identities = new SessionIdentities(
      config.rollup.names,
      this.#texts,
      config.rollup.pods.perHour,
    )
    // Of that hour or of one before: then the first arrival begins another.
    this.identities.pods.budget.advance(opening.clock.newestMs)
    this.identities.pods.budget.seed(opening.podsOfHour ?? 0)
    this.rollup = new Rollup(this.#lengths, opening.clock.minutesFromMs, config.rollup.pendingRows)
    this.coverage = new PendingCoverage(this.#lengths, PENDING_COVERAGE_ROWS)
    this.held = new HeldSamples(this.#texts)
    this.ledger = new Ledger(config.ledger, {
      clock: this.clock,
      names: new DestinationResolver(this.#texts.interner, config.gateways.hosts),
      identities: this.identities,
      bookings: this.rollup,
      coverage: this.coverage,
      observations: {
        attributed: (node, isNamed) =>
          this.observations.attributed(this.identities.nodeOf(node), isNamed),
        endedAgain: (node) => this.observations.endedAgain(this.identities.nodeOf(node)),
        orphaned: (node) => this.observations.activity.orphaned(this.identities.nodeOf(node)),
        reportedOthers: (node) => this.observations.reportedOthers(this.identities.nodeOf(node)),
      },
      invalidSnis: this.invalidSnis,
      held: this.held,
      newestStartMs,
      farStarts,
      restoring: opening.restoring,
    })
    this.#usedIds = new LedgerIdsWalk(this.ledger.table, {
      streams: () => [...this.#streams].map(({ context }) => context),
      waiting: () => this.held.origins(),
    })
  }

  /** While true, periodic entries are dropped and counted as `shed`; the next one heals them. */
  get shedding(): boolean {
    return this.#decoder.shedPeriodic
  }

  set shedding(value: boolean) {
    this.#decoder.shedPeriodic = value
  }

  /** The pools that senders share, by what they hold. */
  get pools(): Readonly<Record<string, { readonly refusals: number }>> {
    return {
      ...this.identities.pools,
      ...this.ledger.pools,
      pending_usage: this.rollup.pool,
      observations: this.observations.pool,
      activity: this.observations.activity.pool,
      unfinished: this.#unfinished.pool,
    }
  }

  /** Puts back what the file knows: open connections, and the names that were used today. */
  restore(open: readonly StoredConnection[], namesToday: readonly UsedPair[], nowMs: number): void {
    if (this.#wallClock) this.clock.advance(nowMs)
    this.identities.advance(nowMs)
    for (const { workload, destination } of namesToday) this.identities.seed(workload, destination)
    for (const stored of open) this.ledger.restore(stored)
  }

  /** `sender`: what budgets know who opened it by (`Sender.key`); replayed streams share one. */
  openStream(sender = REPLAYED): PipelineStream {
    const stream = new PipelineStream(
      ++this.#streamsMade,
      sender,
      this.#contextOf(UNKNOWN_NODE, sender),
      new StreamClock(this.#absence, new NodeClock()),
    )
    this.#streams.add(stream)
    return stream
  }

  /** Whether memory has no room before the next commit. */
  get isCrowded(): boolean {
    return this.ledger.crowding(REPLAYED) === Crowding.all
  }

  /** Whether a stream's sender brings more than commits and answers of the file make room for. */
  crowding({ sender }: PipelineStream): Crowding {
    return moreCrowded(this.ledger.crowding(sender), this.held.crowding(sender))
  }

  closeStream(stream: PipelineStream): void {
    this.#cutOff(stream)
    this.#streams.delete(stream)
    this.#recorder?.end(stream.number)
  }

  /** The life of one message. `bytes` are not kept. Never throws because of data. */
  message(stream: PipelineStream, bytes: Uint8Array, arrivalMs: number): void {
    // Time: what was silent for too long is dealt with before the newest word.
    this.tick(arrivalMs)

    // Who speaks: only a stream's first message says so.
    this.observations.sender = stream.sender
    this.#decoder.scan(bytes)
    this.#identify(stream, bytes, arrivalMs)

    if (this.#decoder.goesOn || stream.unfinished !== undefined)
      this.#part(stream, bytes, arrivalMs)
    else this.#whole(stream, bytes, arrivalMs)

    while (!this.#texts.resetIfFull(this.#unfinished)) {
      for (const message of this.#unfinished.ofLargest()) this.#bookWaiting(message, false)
    }
  }

  #whole(stream: PipelineStream, bytes: Uint8Array, arrivalMs: number): void {
    // What was said: entries to samples; what cannot be read is counted, its neighbours go on.
    const { context } = stream
    const batch = this.#batch
    batch.reset()
    let parts = 0
    this.#decoder.decode(bytes, context, batch, () => {
      // What was logged last says how late the message is: it is needed before its first part is booked.
      if (parts++ === 0) stream.clock.judge(this.#saidLast(bytes, context), batch, arrivalMs)
      stream.clock.date(batch, arrivalMs)
      this.ledger.apply(batch, context, arrivalMs, false)
      batch.reset()
    })
    if (parts === 0) stream.clock.judge(this.#decoder.said, batch, arrivalMs)
    stream.clock.date(batch, arrivalMs)
    this.coverage.received(context.node, this.#decoder.entries, this.#decoder.rejected)
    this.#observe(stream, this.#decoder.said[Said.end] as number, arrivalMs)
    this.#observeClock(stream)

    // What it adds: cumulative samples to deltas, deltas to windows.
    this.ledger.apply(batch, context, arrivalMs)
  }

  /**
   * A message that comes in parts has one arrival, the first part's, and is judged, dated and applied once
   * it has ended, like a whole one: its samples wait for that, as far as there is room.
   */
  #part(stream: PipelineStream, bytes: Uint8Array, arrivalMs: number): void {
    const { goesOn } = this.#decoder
    if (stream.unfinished?.goesOnAt(arrivalMs) === false) this.#end(stream)
    const message = (stream.unfinished ??= this.#begin(stream, arrivalMs))
    const batch = this.#batch
    batch.reset()
    const take = (): void => {
      stream.clock.takePart(this.#decoder.said, batch)
      this.#keep(message, arrivalMs)
      batch.reset()
    }
    this.#decoder.decode(bytes, stream.context, batch, take)
    take()
    this.coverage.received(stream.context.node, this.#decoder.entries, this.#decoder.rejected)
    this.#observe(stream, goesOn ? NO_TIME : stream.clock.latestEndMs, message.arrivalMs)
    if (!goesOn) this.#end(stream)
  }

  #begin(stream: PipelineStream, arrivalMs: number): UnfinishedMessage<PipelineStream> {
    stream.clock.begin(arrivalMs)
    return new UnfinishedMessage(stream, stream.sender, arrivalMs)
  }

  /** The batch waits for the rest of its message; without room what waits is booked by what has come so far. */
  #keep(message: UnfinishedMessage<PipelineStream>, nowMs: number): void {
    const batch = this.#batch
    if (batch.count === 0 || this.#unfinished.keep(message, batch, nowMs)) return
    this.#bookWaiting(message, false)
    if (!this.#unfinished.keep(message, batch, nowMs)) this.#book(message, [batch], false)
  }

  /** The stream's message has ended, if it had not. */
  #end(stream: PipelineStream): void {
    const message = stream.unfinished
    stream.unfinished = undefined
    if (message !== undefined) this.#bookWaiting(message, true)
  }

  /** The same before it is whole. A replay must do so at the same place. */
  #cutOff(stream: PipelineStream): void {
    if (stream.unfinished === undefined) return
    this.#end(stream)
    this.#recorder?.write(stream.number, this.clock.newestMs, END_OF_MESSAGE)
  }

  #bookWaiting(message: UnfinishedMessage<PipelineStream>, isWhole: boolean): void {
    this.#book(message, this.#unfinished.take(message), isWhole)
  }

  #bookOverdue(nowMs: number): void {
    for (const message of this.#unfinished.overdue(nowMs)) this.#bookWaiting(message, false)
  }

  /** Books samples of a message, by what has come of it; `isWhole`: that is all of it. */
  #book(
    { stream, arrivalMs }: UnfinishedMessage<PipelineStream>,
    batches: readonly SampleBatch[],
    isWhole: boolean,
  ): void {
    const { clock, context } = stream
    this.observations.sender = stream.sender
    clock.conclude(isWhole)
    for (const batch of batches) {
      clock.date(batch, arrivalMs)
      this.ledger.apply(batch, context, arrivalMs, false)
    }
    this.ledger.settle(context, arrivalMs)
    this.#observeClock(stream)
  }

  /** Messages that have not ended wait no longer for the rest: what has come of them is all there is. */
  endMessages(): void {
    for (const stream of this.#streams) this.#cutOff(stream)
  }

  /** Time has passed without a message (or with one: `message` calls this first). */
  tick(nowMs: number): void {
    if (this.#unfinished.size > 0) this.#bookOverdue(nowMs)
    if (this.#absence.untilMs === 0) this.#absence.untilMs = nowMs + this.#absence.settleMs
    this.clock.advance(nowMs)
    this.coverage.at(nowMs)
    this.observations.at(nowMs)
    this.identities.advance(nowMs)
    this.invalidSnis.at(nowMs)
    this.ledger.sweep(nowMs, SWEEP_EVERY_MS)
    this.#moveMinutesFrom()
  }

  /**
   * The wall clock was set: what follows has other times, before or after what was. Nothing is counted
   * again by that, and nothing ages; a delta covers the time since its connection's last sample, not the step.
   */
  step({ fromMs, toMs }: ClockStep): void {
    const byMs = toMs - fromMs
    this.endMessages()
    this.clock.stepTo(toMs)
    if (this.#absence.untilMs !== 0) this.#absence.untilMs += byMs
    this.held.stepped(byMs)
    this.ledger.stepped({ fromMs: this.#eraFromMs ?? 0, byMs, latestMs: toMs })
    this.observations.stepped(byMs)
    this.identities.stepTo(toMs)
    this.invalidSnis.stepTo(toMs)
    this.#mark.stepped()
    this.#eraFromMs = (this.#eraFromMs ?? toMs - byMs) + byMs
    this.#stepped = true
    this.#steppedByMs += byMs
    this.tick(toMs)
  }

  /**
   * Applies what waited for the file's answers; `keys` and `answers` are in the same order. There may be
   * further questions then: for the identities that ids had before.
   */
  answer(keys: Uint8Array, answers: Answers): void {
    answers.forEach((stored, index) => {
      const key = keys.subarray(index * 16, index * 16 + 16)
      for (const held of this.held.takeBefore(key)) {
        const isIts =
          stored !== undefined && stored.startMs === held.startMs && isUnknownNode(stored.node)
        const { sender } = (held.samples[0] as HeldSample).origin
        const restored = !isIts || this.ledger.adopt(held.key, stored, sender)
        this.#applyHeld(this.held.release(held.key), restored)
      }
      if (stored === undefined && this.held.askBefore(key)) return
      const samples = this.held.release(key)
      const restored =
        stored === undefined || this.ledger.restore(stored, samples[0]?.origin.sender)
      this.#applyHeld(samples, restored)
    })
  }

  /** Applies samples that waited; `restored`: whether there was room for the row that the file has of them. */
  #applyHeld(samples: readonly HeldSample[], restored: boolean): void {
    samples.forEach((sample, at) => {
      // Booking it anew would count its bytes twice: without room for its row it is refused.
      if (!restored) {
        const reason = sample.final ? Reject.final_lost : Reject.no_room
        this.coverage.rejected(sample.origin.node, reason)
        return
      }
      this.observations.sender = sample.origin.sender
      sample.restore(this.#scratch, this.#texts)
      const { origin, arrivalMs } = sample
      this.ledger.applySample(this.#scratch, 0, origin, arrivalMs, true)
      const next = samples[at + 1]
      // Those of one message are settled together.
      if (next?.origin !== origin || next.arrivalMs !== arrivalMs) {
        this.ledger.settle(origin, arrivalMs)
      }
    })
  }

  /** Whether a cut would hold anything worth a commit. */
  get hasChanges(): boolean {
    return (
      this.rollup.pendingRows > 0 ||
      this.ledger.dirty.count > 0 ||
      this.coverage.count > 0 ||
      this.#stepped ||
      this.clock.newestMs - this.#clockWrittenMs >= CLOCK_COMMIT_MS ||
      // What is to leave now leaves now, however idle the mesh is.
      (this.clock.newestMs >= this.#dueMs && this.#clockWrittenMs < this.#dueMs)
    )
  }

  /** Rows that wait for the next cut. */
  get pendingRows(): number {
    return this.rollup.pendingRows + this.ledger.dirty.count + this.coverage.count
  }

  /** Everything that changed since the last cut, as one immutable batch. */
  cut(): StoreBatch {
    const connections = cutConnections(this.ledger)
    this.#noteNewestStart(connections)
    const batch: StoreBatch = {
      sequence: ++this.#sequence,
      clock: {
        ledgerMs: this.clock.ms,
        newestMs: this.clock.newestMs,
        // Rows of this batch may lie before the rollup's newest mark, never before the last cut's.
        minutesFromMs: this.#announcedMinutesFromMs,
        newestStartMs: this.#starts.newestStartMs,
        farStarts: this.#starts.far,
        eraFromMs: this.#eraFromMs ?? 0,
        uptimeMs: this.#uptimeMs?.() ?? 0,
        stepped: this.#stepped,
        steppedByMs: this.#steppedByMs,
      },
      usage: this.rollup.cut(),
      coverage: this.coverage.cut(),
      connections,
      invalidSnis: this.invalidSnis.cut(),
      renamed: this.ledger.takeRenamed(),
      definitions: this.identities.cut(this.#usedIds),
    }
    this.#announcedMinutesFromMs = this.rollup.minutesFromMs
    this.#clockWrittenMs = this.clock.newestMs
    this.#stepped = false
    this.#steppedByMs = 0
    return batch
  }

  /**
   * The last cut is in the file; no sink needs a minute row before `minutesHoldMs` any more. With
   * `minutesFromMs` the file has moved its mark back: it was ahead of a clock that was set. At `dueMs` something is
   * to be frozen for a sink.
   */
  committed(
    minutesHoldMs: number,
    minutesFromMs = Number.POSITIVE_INFINITY,
    dueMs = Number.POSITIVE_INFINITY,
  ): void {
    this.#dueMs = dueMs
    this.#minutesHoldMs = minutesHoldMs
    this.rollup.minutesFromMs = Math.min(this.rollup.minutesFromMs, minutesFromMs)
    this.#announcedMinutesFromMs = Math.min(this.#announcedMinutesFromMs, minutesFromMs)
    this.ledger.dirty.committed()
    this.identities.committed()
  }

  #identify(stream: PipelineStream, bytes: Uint8Array, arrivalMs: number): void {
    const { identifierStart: start, identifierEnd: end } = this.#decoder
    if (start >= 0) {
      // What came before it in parts is of the identity of before.
      this.#end(stream)
      const identity = readIdentifier(bytes.subarray(start, end))
      if (identity === undefined) this.identifiersUnreadable++
      else if (identity.damaged) this.identifiersDamaged++
      const { node, damaged } = identity ?? { node: UNKNOWN_NODE, damaged: true }
      stream.context = this.#contextOf(node, stream.sender, damaged)
      stream.clock.belongsTo(this.#clockOf(stream.context))
      stream.identified = true
      if (identity !== undefined) this.#recorder?.identifier(stream.number, identity.recorded)
    } else if (!stream.identified) {
      stream.identified = true
      this.streamsWithoutIdentifier++
    }
    this.#recorder?.write(stream.number, arrivalMs, bytes, start >= 0 ? { start, end } : undefined)
  }

  #observe({ context: { proxy } }: PipelineStream, latestEndMs: number, arrivalMs: number): void {
    const { shapes, rejected } = this.#decoder
    const withoutId = rejected[Reject.no_connection_id] as number
    this.observations.heard(proxy, shapes, withoutId, latestEndMs, arrivalMs)
  }

  #observeClock({ context: { proxy }, clock }: PipelineStream): void {
    if (clock.disbelieved === 0) return
    this.momentsNotBelieved += clock.disbelieved
    this.observations.disbelieved(proxy, clock.disbelieved, clock.furthestMs)
  }

  /** The moments that a message's last entries say. */
  #saidLast(bytes: Uint8Array, context: StreamContext): Float64Array {
    this.#tail ??= new MessageDecoder(this.#texts.interner)
    this.#tail.decodeTail(bytes, context, new SampleBatch(), TAIL_BYTES)
    return this.#tail.said
  }

  /** What is known of a node's clock; streams of unknown senders have one each. */
  #clockOf(context: StreamContext): NodeClock {
    if (isUnknownNode(context.proxy)) return new NodeClock()
    const known = this.#nodeClocks.get(context.proxy)
    if (known !== undefined) return known
    const made = new NodeClock()
    this.#nodeClocks.set(context.proxy, made)
    return made
  }

  #contextOf(node: Node, sender: string, damaged = false): StreamContext {
    const ids = this.identities.source(node, sender)
    return {
      ...ids,
      sender,
      proxy: this.identities.nodeOf(ids.node),
      reporter: node,
      scope: scopeOf(node.id),
      namelessScope: namelessScopeOf(node),
      before: this.#before(node, damaged),
      envoyMinor: envoyMinorOf(node.envoyVersion),
      hops: this.#hopsOf(node),
      // Their connections are somebody else's.
      reportsPeers: node.proxyType === 'router' || node.proxyType === 'waypoint',
    }
  }

  /**
   * A node without an id and a pod was the unknown source once, and so was one with a damaged identifier:
   * the file may know its connections so.
   */
  #before(node: Node, damaged: boolean): StreamContext['before'] {
    if (this.#namedSinceMs === 0 || isUnknownNode(node)) return undefined
    if (!damaged && (node.id !== '' || node.pod !== '')) return undefined
    return { stream: { scope: scopeOf(''), envoyMinor: 0 }, untilMs: this.#namedSinceMs }
  }

  /** Which connections of a node another proxy of the mesh is billed for. */
  #hopsOf(node: Node): HopRule {
    const { billAt, hosts } = this.#gateways
    if (billAt === 'gateway') return hosts.length > 0 ? 'to_gateway' : 'none'
    return node.proxyType === 'router' ? 'all' : 'none'
  }

  /** Minutes become hours once they are old enough. */
  #moveMinutesFrom(): void {
    const oldMs = Math.min(this.clock.newestMs - this.#minutesMs, this.#minutesHoldMs)
    this.rollup.minutesFromMs = this.#mark.next({
      markMs: this.rollup.minutesFromMs,
      oldMs,
      ledgerMs: this.clock.ms,
      windowMs: this.#lengths.secondsAt(oldMs) * 1000,
    })
  }

  #noteNewestStart(connections: ConnectionColumns): void {
    for (let i = 0; i < connections.count; i++) {
      this.#starts.note(connections.startMs[i] as number, this.clock.newestMs)
    }
  }
}

/** Everything the stages need to know of a stream; replaced when the stream says who it is. */
export type StreamContext = SampleOrigin & DecodeStream & { readonly proxy: Node }

/** One ALS call, as the pipeline knows it. */
export class PipelineStream {
  /** 1, 2, … per process: the stream number of recordings. */
  readonly number: number
  /** `Sender.key` of who opened it. */
  readonly sender: string
  context: StreamContext
  /** Which moments of it are believed. */
  readonly clock: StreamClock
  identified = false
  /** The message of which parts have come, and not the last. */
  unfinished: UnfinishedMessage<PipelineStream> | undefined

  constructor(number: number, sender: string, context: StreamContext, clock: StreamClock) {
    this.number = number
    this.sender = sender
    this.context = context
    this.clock = clock
  }
}
