/**
 * How bad it is. `error`: bytes are lost, counted twice, or traffic breaks. `warning`: they may be.
 * `note`: what could not be seen or may be meant; a note is no finding and changes no exit code.
 */
export type Severity = 'error' | 'warning' | 'note'

/** One thing that is wrong, and what to do about it. */
export interface Finding {
  readonly severity: Severity
  /** Stable, lower case with hyphens; may be matched by scripts. */
  readonly code: string
  /** `Kind namespace/name`, or what else it is about. */
  readonly subject: string
  /** What is wrong, without a subject. */
  readonly wrong: string
  /** What to do about it, in the imperative. */
  readonly fix: string
}
