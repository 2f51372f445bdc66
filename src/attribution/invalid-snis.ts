import type { InvalidSni } from '../model/batch.ts'
import { type SampleBatch, SampleKind } from '../model/sample.ts'
import { FairShare } from '../runtime/fair-share.ts'
import { escapedText } from './escaped-text.ts'

const DAY_MS = 86_400_000
/** Texts kept a UTC day, about 300 bytes of the file each: of one sender while it is alone, of each at least, of all. */
const PER_SENDER = 5000
const GUARANTEED = 20
const PER_DAY = 50_000

/**
 * SNIs that fail the check, as they were sent, for the `connections` view. Clients choose them: a day's
 * texts are bounded, in all and per sender, and what does not fit is counted.
 */
export class InvalidSnis {
  /** Connections and requests whose SNI failed the check. */
  count = 0
  /** Connections of those whose text found no room. */
  dropped = 0
  readonly #share = new FairShare(PER_SENDER, GUARANTEED)
  #pending = new Map<string, InvalidSni>()
  #day = 0
  #sender = ''

  /** Takes the time, unix ms, and whom what follows comes from (`Sender.key`). */
  at(nowMs: number, sender: string): void {
    this.#sender = sender
    const day = Math.floor(nowMs / DAY_MS)
    if (day <= this.#day) return
    this.#day = day
    this.#share.clear()
  }

  /** A sample's SNI fails the check; asked once or more per connection. */
  note(batch: SampleBatch, row: number, text: string): void {
    this.count++
    if (batch.kind[row] !== SampleKind.connection) return
    const id = batch.identity.subarray(row * 4, row * 4 + 4).join(' ')
    if (this.#pending.has(id)) return
    if (this.#share.total >= PER_DAY || !this.#share.hasRoom(this.#sender)) {
      this.dropped++
      return
    }
    this.#share.take(this.#sender)
    this.#pending.set(id, { key: keyOf(batch, row), text: escapedText(text) })
  }

  /** What is new since the last cut. */
  cut(): InvalidSni[] {
    const texts = [...this.#pending.values()]
    this.#pending = new Map()
    return texts
  }
}

function keyOf(batch: SampleBatch, row: number): Uint8Array {
  const key = new Uint8Array(16)
  const words = new DataView(key.buffer)
  for (let word = 0; word < 4; word++) {
    words.setInt32(word * 4, batch.identity[row * 4 + word] as number)
  }
  return key
}
