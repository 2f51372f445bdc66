import type { Delivery, Sink } from '../model/sink.ts'
import type { CloudEvent } from '../model/usage-event.ts'

/** A sink of usage that can be asked before anything is sent. */
interface AskedSink {
  /** Rejects unless the file knows everything that the destination has of it. */
  admit(): Promise<void>
  stop(): Promise<void>
}

/** Marks of hours: sent only where usage may be sent, since an older copy of the file would mark hours anew. */
export class AfterUsage implements Sink {
  readonly #marks: Sink
  readonly #usage: AskedSink

  constructor(marks: Sink, usage: AskedSink) {
    this.#marks = marks
    this.#usage = usage
  }

  get batchEvents(): number {
    return this.#marks.batchEvents
  }

  async publish(events: readonly CloudEvent[]): Promise<readonly Delivery[]> {
    try {
      if (events.length > 0) await this.#usage.admit()
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      return events.map((): Delivery => ({ kind: 'retry', message }))
    }
    return this.#marks.publish(events)
  }

  async stop(): Promise<void> {
    await Promise.all([this.#marks.stop(), this.#usage.stop()])
  }
}
