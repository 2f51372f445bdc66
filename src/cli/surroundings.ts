import type { Readable, Writable } from 'node:stream'

/** A stream that may be a terminal. */
export type Output = Writable & {
  readonly isTTY?: boolean
  readonly columns?: number
  readonly rows?: number
}

/** A stream that may be a keyboard. */
type Input = Readable & { readonly isTTY?: boolean; setRawMode?(raw: boolean): unknown }

/** All that a command knows of the process it runs in. Data goes to stdout, everything else to stderr. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly stdin: Input
  readonly stdout: Output
  readonly stderr: Output
  /** Wall clock, unix ms. */
  readonly wallMs: () => number
  /** Monotonic clock, ms. */
  readonly monotonicMs: () => number
}

/** Those of this process. */
export function processSurroundings(): Surroundings {
  return {
    env: process.env,
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    wallMs: () => Date.now(),
    monotonicMs: () => performance.now(),
  }
}

/** Of a terminal that does not say its size, or says 0, as some do. */
const USUAL = { columns: 80, rows: 24 }

/** Columns of a terminal; undefined for a file or a pipe, which take lines of any length. */
export function terminalWidth(output: Output): number | undefined {
  return output.isTTY === true ? terminalSize(output).columns : undefined
}

/** Columns and rows of a terminal. */
export function terminalSize({ columns, rows }: Output): typeof USUAL {
  return { columns: columns || USUAL.columns, rows: rows || USUAL.rows }
}
