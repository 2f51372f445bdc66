import { type Surroundings, terminalSize } from './surroundings.ts'

const ENTER = '\u001b[?1049h\u001b[?25l'
const LEAVE = '\u001b[?25h\u001b[?1049l'
const HOME = '\u001b[H'
const CLEAR_LINE = '\u001b[K'
const CLEAR_BELOW = '\u001b[J'
/** q, and the bytes that Ctrl-C and Ctrl-D are while the keyboard is raw. */
const QUIT_KEYS = ['q', 'Q', '\u0003', '\u0004'] as const

/**
 * The terminal's second screen, redrawn in place, with a hidden cursor and a raw keyboard. After
 * `close()` (safe twice) the terminal is as it was. Lines must already be printable and fit.
 */
export class LiveScreen {
  readonly #surroundings: Surroundings
  readonly #quit: () => void
  readonly #resized: () => void
  readonly #key = (bytes: Buffer | string): void => {
    const typed = bytes.toString()
    if (QUIT_KEYS.some((key) => typed.includes(key))) this.#quit()
  }
  #open = false

  constructor(
    surroundings: Surroundings,
    on: { readonly quit: () => void; readonly resized: () => void },
  ) {
    this.#surroundings = surroundings
    this.#quit = on.quit
    this.#resized = on.resized
  }

  open(): void {
    const { stdin, stdout } = this.#surroundings
    this.#open = true
    stdout.write(ENTER)
    if (stdin.isTTY === true) stdin.setRawMode?.(true)
    stdin.on('data', this.#key).resume()
    stdout.on('resize', this.#resized)
  }

  /** Rows and columns of the terminal now. */
  get size(): { readonly rows: number; readonly columns: number } {
    return terminalSize(this.#surroundings.stdout)
  }

  draw(lines: readonly string[]): void {
    // Each line clears its own rest: clearing the whole screen first would flicker.
    const text = lines.map((line) => line + CLEAR_LINE).join('\r\n')
    if (this.#open) this.#surroundings.stdout.write(HOME + text + CLEAR_BELOW)
  }

  close(): void {
    if (!this.#open) return
    this.#open = false
    const { stdin, stdout } = this.#surroundings
    stdout.off('resize', this.#resized)
    stdin.off('data', this.#key).pause()
    if (stdin.isTTY === true) stdin.setRawMode?.(false)
    stdout.write(LEAVE)
  }
}
