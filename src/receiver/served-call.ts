import { type ServerReadableStream, type sendUnaryData, status } from '@grpc/grpc-js'
import { Crowding } from '../model/crowding.ts'
import type { Sender } from '../model/sender.ts'
import type { SampledLogger } from '../telemetry/sampled-logger.ts'
import {
  type CallInternals,
  internalsOf,
  readToTheEnd,
  takeQueued,
  watchStatus,
} from './grpc-internals.ts'
import { FRAME_HEADER_BYTES } from './message-parts.ts'
import type { ReceiverCounters } from './metrics.ts'
import type { ReadTurn } from './read-turns.ts'
import { senderOf } from './sender.ts'
import { type Reading, StreamReader } from './stream-reader.ts'

/**
 * Where the messages of one stream go. Both calls are synchronous; `bytes` are valid only during
 * the call. `close` comes once, after the last message.
 */
export interface AccessLogStream {
  /** Says whether this sender, or all, should be held until `AccessLogReceiver.release`. */
  message(bytes: Buffer): Crowding
  close(): void
}

export interface ServedCallDependencies {
  readonly openStream: (sender: Sender) => AccessLogStream
  readonly counters: ReceiverCounters
  readonly logger: SampledLogger
  readonly reading: Reading
  /** Stops reading of a connection, or of all. */
  readonly hold: (crowding: Crowding, turn: ReadTurn | undefined) => void
  /** Called once, when nothing more will come. */
  readonly onClosed: (call: ServedCall) => void
}

export type GrpcCall = ServerReadableStream<Buffer, unknown>

/** How long a stream that we ended may stay half open before we reset it. */
const LINGER_MS = 5000

/** HTTP/2's code for "not needed any more" after a complete response. */
const NO_ERROR = 0
const RESOURCE_EXHAUSTED: number = status.RESOURCE_EXHAUSTED
/** What an unknown encoding and damaged compressed data end a stream with. */
const NOT_UNPACKED: readonly number[] = [status.UNIMPLEMENTED, status.INTERNAL]

/**
 * One access log stream.
 *
 *     open ──(either side ends it)──▶ ending ──▶ closed
 *       └──────(reset, cut)──────────────────────▲
 *
 * In `ending` we have answered with status OK and still read what the sender had under way.
 */
export class ServedCall {
  #state: 'open' | 'ending' | 'closed' = 'open'
  readonly #sender: Sender
  readonly #call: GrpcCall
  readonly #respond: sendUnaryData<unknown>
  readonly #deps: ServedCallDependencies
  readonly #sink: AccessLogStream | undefined
  readonly #inside: CallInternals | undefined
  readonly #reader: StreamReader | undefined
  #ageTimer: NodeJS.Timeout | undefined
  #lingerTimer: NodeJS.Timeout | undefined

  constructor(call: GrpcCall, respond: sendUnaryData<unknown>, deps: ServedCallDependencies) {
    this.#call = call
    this.#respond = respond
    this.#deps = deps
    this.#sender = senderOf({
      address: call.getPeer(),
      certificate: call.getAuthContext().sslPeerCertificate,
      forwarded: call.metadata.get('x-forwarded-client-cert'),
    })
    this.#inside = internalsOf(call)
    this.#reader =
      this.#inside &&
      new StreamReader(this.#inside, this.#sender.key, deps.reading, (part) => this.#message(part))
    deps.counters.streamsOpened++
    this.#sink = this.#open()
    this.#listen()
  }

  /** Bytes that are read and not handled. */
  get held(): number {
    return this.#reader?.held ?? 0
  }

  /** Ends the stream after `ageMs`. */
  limitAge(ageMs: number): void {
    this.#ageTimer = setTimeout(() => this.end(), ageMs).unref()
  }

  /** Ends the stream with status OK; what the sender has under way is still read. */
  end(): void {
    if (this.#state !== 'open') return
    this.#state = 'ending'
    if (this.#inside !== undefined) {
      readToTheEnd(this.#inside, (framed) => this.#framed(framed))
      this.#linger(this.#inside)
    }
    this.#respond(null, {})
    this.#reader?.ending()
  }

  /**
   * To be called every `elapsedMs`: ends a stream that sends no first message, or does not get on with a
   * message, for `timeoutMs`.
   */
  checkProgress(elapsedMs: number, timeoutMs: number): void {
    const wrong = this.#state === 'open' ? this.#reader?.waited(elapsedMs, timeoutMs) : undefined
    if (wrong === undefined) return
    const { counters, logger } = this.#deps
    if (wrong === 'silent') counters.silentStreams++
    else counters.stalledStreams++
    logger.warn(
      { peer: this.#sender.address, timeoutMs },
      wrong === 'silent'
        ? 'a stream without a message was ended'
        : 'a stream that stopped inside of a message was ended',
    )
    this.end()
  }

  /** Not every sender resets a stream that was answered; none may keep it for ever. */
  #linger({ stream }: CallInternals): void {
    this.#lingerTimer ??= setTimeout(() => stream.close(NO_ERROR), LINGER_MS).unref()
  }

  #listen(): void {
    const inside = this.#inside
    this.#call.on('data', (bytes: Buffer) => this.#message(bytes))
    this.#call.on('end', () => this.end())
    // Every error comes with the close of its stream; without a listener it would end the process.
    this.#call.on('error', () => undefined)
    this.#call.on('cancelled', () => {
      if (inside === undefined) return this.#close()
      this.#reader?.ending()
      takeQueued(inside, (framed) => this.#framed(framed))
      this.#linger(inside)
    })
    if (inside === undefined) return
    // 'cancelled' comes a few ticks after the close: grpc-js announces it in nextTick, twice.
    inside.stream.once('close', () => setImmediate(() => this.#close()))
    watchStatus(inside, (code) => {
      if (code === RESOURCE_EXHAUSTED) this.#oversized()
      if (NOT_UNPACKED.includes(code)) this.#notUnpacked()
    })
  }

  #open(): AccessLogStream | undefined {
    try {
      return this.#deps.openStream(this.#sender)
    } catch (error) {
      this.#failed(error)
      return undefined
    }
  }

  /** A message that grpc-js did not unpack. */
  #framed(framed: Buffer): void {
    const { unpacker } = this.#deps.reading
    const bytes =
      framed[0] === 0
        ? framed.subarray(FRAME_HEADER_BYTES)
        : unpacker.unpackNow(framed, this.#inside?.incomingEncoding ?? '', this.#sender.key)
    if (bytes !== undefined) this.#message(bytes)
  }

  #message(bytes: Buffer): void {
    const { counters } = this.#deps
    counters.messages++
    counters.bytes += bytes.length
    try {
      const crowding = this.#sink?.message(bytes) ?? Crowding.none
      if (crowding !== Crowding.none) this.#deps.hold(crowding, this.#reader?.turn)
    } catch (error) {
      // An error would make Envoy drop what it has in flight and come back at once, for ever.
      this.#failed(error)
    }
  }

  #close(): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    clearTimeout(this.#ageTimer)
    clearTimeout(this.#lingerTimer)
    const { counters } = this.#deps
    counters.streamsEnded++
    this.#reader?.close()
    try {
      this.#sink?.close()
    } catch (error) {
      this.#failed(error)
    }
    this.#deps.onClosed(this)
  }

  #failed(error: unknown): void {
    const { counters, logger } = this.#deps
    counters.handlerErrors++
    logger.error({ peer: this.#sender.address, err: error }, 'a message could not be handled')
  }

  #oversized(): void {
    const { counters, logger } = this.#deps
    counters.oversizedMessages++
    logger.warn(
      { peer: this.#sender.address },
      'a message is larger than als.max_message_size (compressed: than 16 MiB); its stream was ended',
    )
  }

  #notUnpacked(): void {
    this.#deps.logger.warn(
      { peer: this.#sender.address },
      'a compressed message cannot be unpacked (use identity, gzip or deflate); its stream was ended',
    )
  }
}
