import type { Writable } from 'node:stream'
import { humanBytes } from './amount.ts'

const CELLS = 30
/** Drawing more often only costs. */
const REDRAW_MS = 100

/** A bar on one line of a terminal: `[#####-----] 48%  1.2 GiB of 2.5 GiB`. */
export class ProgressBar {
  readonly #stream: Writable
  readonly #monotonicMs: () => number
  #drawnMs = Number.NEGATIVE_INFINITY

  constructor(stream: Writable, monotonicMs: () => number) {
    this.#stream = stream
    this.#monotonicMs = monotonicMs
  }

  /** Bytes done and in all. Draws at most ten times a second. */
  update(done: number, total: number): void {
    const nowMs = this.#monotonicMs()
    if (nowMs - this.#drawnMs < REDRAW_MS) return
    this.#drawnMs = nowMs
    const share = total > 0 ? Math.min(1, done / total) : 1
    const cells = Math.floor(share * CELLS)
    const bar = '#'.repeat(cells) + '-'.repeat(CELLS - cells)
    const bytes = `${humanBytes(BigInt(done))} of ${humanBytes(BigInt(total))}`
    this.#stream.write(`\r[${bar}] ${Math.floor(share * 100)}%  ${bytes}\u001b[K`)
  }

  /** Removes the bar, so that what follows begins on a clean line. */
  clear(): void {
    if (this.#drawnMs > Number.NEGATIVE_INFINITY) this.#stream.write('\r\u001b[K')
  }
}
