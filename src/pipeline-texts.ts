import { TextInterner } from './decoder/text-interner.ts'
import type { SampleBatch } from './model/sample.ts'

/** Texts that outlive an epoch at most, and their bytes: half of the interner stays free. */
const MOST_KEPT = 32_768
const MOST_KEPT_BYTES = 8 * 1024 * 1024

/** The decoder's interner, with the way back in for texts that outlived an epoch. */
export class PipelineTexts {
  readonly interner = new TextInterner()
  readonly #encoder = new TextEncoder()

  text(id: number): string {
    return this.interner.text(id)
  }

  internText(text: string): number {
    if (text === '') return 0
    const bytes = this.#encoder.encode(text)
    return this.interner.intern(bytes, 0, bytes.length)
  }

  /**
   * To be called between messages: begins a new epoch if the interner is full. Batches that wait get the ids
   * of their texts in it. False if it is full and they have too many texts to keep: fewer must wait then.
   */
  resetIfFull(waiting: { batches(): Iterable<SampleBatch> }): boolean {
    const { interner } = this
    if (!interner.isFull) {
      interner.resetIfFull()
      return true
    }
    const batches = [...waiting.batches()]
    const texts = this.#textsOf(batches)
    if (texts === undefined) return false
    interner.resetIfFull()
    const ids = new Map<number, number>()
    for (const [id, text] of texts) ids.set(id, this.internText(text))
    for (const batch of batches) {
      for (const column of textColumns(batch)) {
        for (let i = 0; i < batch.count; i++) column[i] = ids.get(column[i] as number) ?? 0
      }
    }
    return true
  }

  /** The texts of batches by their ids; undefined if they are too many. */
  #textsOf(batches: readonly SampleBatch[]): Map<number, string> | undefined {
    const texts = new Map<number, string>()
    let bytes = 0
    for (const batch of batches) {
      for (const column of textColumns(batch)) {
        for (let i = 0; i < batch.count; i++) {
          const id = column[i] as number
          // What is no text of this epoch was not written: peers, on streams that do not say them.
          if (id === 0 || id > this.interner.size || texts.has(id)) continue
          const text = this.text(id)
          texts.set(id, text)
          bytes += text.length
          if (texts.size > MOST_KEPT || bytes > MOST_KEPT_BYTES) return undefined
        }
      }
    }
    return texts
  }
}

function textColumns({ sni, cluster, authority, peer }: SampleBatch): readonly Int32Array[] {
  return [sni, cluster, authority, peer]
}
