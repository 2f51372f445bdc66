import type { Delivery, RefusalReason } from '../model/sink.ts'
import type { EventRecord } from './record.ts'
import { ErrorCode } from './trouble.ts'

/** A record, and where its event stood in the batch. */
export interface Waiting {
  readonly index: number
  readonly record: EventRecord
}

/**
 * Most bytes of one send to a partition, before compression: below the 1,048,588 that a topic takes by
 * default (`max.message.bytes` counts the batch, not the message). A larger record goes alone.
 */
const MAX_SEND_BYTES = 900_000
/** A generous bound of what a record needs beside key, value and headers. */
const RECORD_OVERHEAD = 64

/**
 * The records of a batch for one partition, sent in order and one send at a time: a later one is never
 * settled before those ahead of it. A send that is refused for its content is halved until the culprit
 * stands alone; after each success the sends grow again.
 */
export class Lane {
  readonly partition: number
  readonly #waiting: readonly Waiting[]
  readonly #deliveries: Delivery[]
  #at = 0
  #sent = 0
  #limit = Number.MAX_SAFE_INTEGER

  /** @param deliveries where outcomes are put, by the index of the event */
  constructor(partition: number, waiting: readonly Waiting[], deliveries: Delivery[]) {
    this.partition = partition
    this.#waiting = waiting
    this.#deliveries = deliveries
  }

  get done(): boolean {
    return this.#at === this.#waiting.length
  }

  /** The records of the next send: what was taken and not settled is taken again. */
  take(): readonly EventRecord[] {
    const records: EventRecord[] = []
    let bytes = 0
    for (let i = this.#at; i < this.#waiting.length && records.length < this.#limit; i++) {
      const { record } = this.#waiting[i] as Waiting
      bytes += record.key.length + record.value.length + RECORD_OVERHEAD
      if (records.length > 0 && bytes > MAX_SEND_BYTES) break
      records.push(record)
    }
    this.#sent = records.length
    return records
  }

  /** What a broker answered to the last send: its code, 0 for success, and the words for it. */
  answered(code: number, message: string): void {
    const reason = refusalOf(code)
    if (code === 0) {
      this.#settle(this.#sent, { kind: 'acknowledged' })
      this.#limit *= 2
    } else if (reason === undefined) {
      this.retry(message)
    } else if (!CONTENT_CODES.has(code)) {
      this.refuse(reason, message)
    } else if (this.#sent > 1) {
      this.#limit = Math.ceil(this.#sent / 2)
    } else {
      this.#settle(1, { kind: 'refused', reason, message })
    }
  }

  /** Everything that is left is to be sent again. */
  retry(message: string): void {
    this.#settle(this.#waiting.length - this.#at, { kind: 'retry', message })
  }

  /** Everything that is left is refused. */
  refuse(reason: RefusalReason, message: string): void {
    this.#settle(this.#waiting.length - this.#at, { kind: 'refused', reason, message })
  }

  #settle(count: number, delivery: Delivery): void {
    for (const { index } of this.#waiting.slice(this.#at, this.#at + count)) {
      this.#deliveries[index] = delivery
    }
    this.#at += count
  }
}

/** Codes that blame a record, or the size of the send. */
const CONTENT_CODES: ReadonlySet<number> = new Set([
  ErrorCode.messageTooLarge,
  ErrorCode.recordListTooLarge,
  ErrorCode.invalidRecord,
])

/**
 * Why an answer with this code is final; undefined for all others: they pass by themselves (elections,
 * replicas away), hold everything alike (compression, clocks), or are decided by fresh metadata.
 */
export function refusalOf(code: number): RefusalReason | undefined {
  switch (code) {
    case ErrorCode.messageTooLarge:
    case ErrorCode.recordListTooLarge:
      return 'message_too_large'
    case ErrorCode.topicAuthorizationFailed:
    case ErrorCode.clusterAuthorizationFailed:
      return 'not_authorized'
    case ErrorCode.invalidTopic:
      return 'topic_unknown'
    case ErrorCode.invalidRecord:
      return 'invalid_record'
    default:
      return undefined
  }
}
