import type { InvalidSni } from '../model/batch.ts'
import { SampleKind } from '../model/sample.ts'
import { FairShare } from '../runtime/fair-share.ts'
import { identityKey } from '../runtime/identity-key.ts'
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
  #pending: InvalidSni[] = []
  #day = 0

  /** Takes the time, unix ms. */
  at(nowMs: number): void {
    const day = Math.floor(nowMs / DAY_MS)
    if (day <= this.#day) return
    this.#day = day
    this.#share.clear()
  }

  /** The wall clock was set: the texts of the day stay, they are of the day that it says now. */
  stepTo(nowMs: number): void {
    this.#day = Math.min(this.#day, Math.floor(nowMs / DAY_MS))
  }

  /**
   * The SNI of a connection or request, whose identity is at `words[at]`, fails the check. To be called
   * once for each; `sender`: whose it is (`Sender.key`).
   */
  note(words: Int32Array, at: number, kind: number, text: string, sender: string): void {
    this.count++
    if (kind !== SampleKind.connection) return
    if (this.#share.total >= PER_DAY || !this.#share.hasRoom(sender)) {
      this.dropped++
      return
    }
    this.#share.take(sender)
    this.#pending.push({ key: identityKey(words, at), text: escapedText(text) })
  }

  /** A connection has another identity now, 16 bytes each: its text goes with it. */
  moved(from: Uint8Array, to: Uint8Array): void {
    this.#pending = this.#pending.map((sni) =>
      Buffer.compare(sni.key, from) === 0 ? { ...sni, key: to } : sni,
    )
  }

  /** What is new since the last cut. */
  cut(): InvalidSni[] {
    const texts = this.#pending
    this.#pending = []
    return texts
  }
}
