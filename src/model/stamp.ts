/**
 * What a destination remembers of who sent to it. Every record carries the stamp of the moment when it was sent. A
 * file knows its own stamps; one that is an older copy does not know those that were made after the copy.
 */
export interface Stamp {
  readonly ledgerId: string
  readonly sink: string
  /** 1, 2, … per sink: a life is the time in which one process sends. 0: the file knows of none. */
  readonly life: number
  /** Random, made with the life: two copies of a file begin different ones. */
  readonly token: string
  /** The sink's newest event when the record was sent. */
  readonly sequence: number
}

/** What a sink may do, by what its destination has. */
export type Admission =
  | { readonly kind: 'admitted'; readonly life: number; readonly token: string }
  /** The file is an older copy: `unknown` is a stamp that it does not know. */
  | { readonly kind: 'restored'; readonly unknown: Stamp | undefined }

/** Guards a destination against an older copy of the file. */
export interface SinkGuard {
  readonly ledgerId: string
  readonly sink: string
  /**
   * The stamp of what is sent now; undefined until `admit` has resolved. Throws `file_restored` where nothing may
   * be sent.
   */
  stamp(): Stamp | undefined
  /**
   * Judges the newest stamps of this ledger and sink that the destination has (per partition), undefined where they
   * may not be read. Rejects with `file_restored` if the file does not know one of them.
   */
  admit(found: readonly Stamp[] | undefined): Promise<void>
}

/** One line of text; `readStamp` reads it. */
export function stampText({ ledgerId, sink, life, token, sequence }: Stamp): string {
  return JSON.stringify([ledgerId, sink, life, token, sequence])
}

/** The stamp in a text; undefined if there is none. */
export function readStamp(text: string): Stamp | undefined {
  let parts: unknown
  try {
    parts = JSON.parse(text)
  } catch {
    return undefined
  }
  if (!Array.isArray(parts)) return undefined
  const [ledgerId, sink, life, token, sequence] = parts as readonly unknown[]
  if (typeof ledgerId !== 'string' || typeof sink !== 'string' || typeof token !== 'string') {
    return undefined
  }
  if (!Number.isSafeInteger(life) || !Number.isSafeInteger(sequence)) return undefined
  return { ledgerId, sink, life: life as number, token, sequence: sequence as number }
}
