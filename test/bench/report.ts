import Table from 'cli-table3'

/** A promise that is checked in every run of the bench; the run fails if one does not hold. */
export interface Gate {
  readonly promise: string
  readonly measured: string
  readonly holds: boolean
}

/** What the bench prints: tables as they are measured, the gates at the end. */
export class Report {
  readonly #gates: Gate[] = []
  readonly #write: (text: string) => void

  constructor(write: (text: string) => void) {
    this.#write = write
  }

  note(text: string): void {
    this.#write(`${text}\n`)
  }

  table(title: string, head: readonly string[], rows: readonly (readonly string[])[]): void {
    const table = new Table({
      head: [...head],
      style: { head: [], border: [], compact: true },
      colAligns: head.map((_, i) => (i === 0 ? 'left' : 'right')),
    })
    for (const row of rows) table.push([...row])
    this.#write(`\n${title}\n${table.toString()}\n`)
  }

  gate(promise: string, measured: string, holds: boolean): void {
    this.#gates.push({ promise, measured, holds })
  }

  /** Prints the gates; true if all of them hold. */
  finish(): boolean {
    this.table(
      'Gates',
      ['promise', 'measured', ''],
      this.#gates.map(({ promise, measured, holds }) => [
        promise,
        measured,
        holds ? 'holds' : 'FAILS',
      ]),
    )
    return this.#gates.every(({ holds }) => holds)
  }
}

/** 123456 as `123 k`. */
export function thousands(value: number): string {
  return `${Math.round(value / 1000).toLocaleString('en-US')} k`
}

export function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`
}

export function ratio(value: number): string {
  return `${value.toFixed(2)}x`
}

export function milliseconds(value: number): string {
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`
}
