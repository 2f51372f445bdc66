import type { ClusterObject } from '../yaml-stream.ts'

/**
 * How bad it is. `error`: bytes are lost, counted twice, or traffic breaks. `warning`: they may be.
 * `note`: what could not be seen or may be meant; a note is no finding and changes no exit code.
 */
export type Severity = 'error' | 'warning' | 'note'

/** One thing that is wrong, and how to mend it. */
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

/** `Kind namespace/name`. */
export const nameOf = ({ kind, namespace, name }: ClusterObject): string =>
  `${kind} ${namespace}/${name}`

type Subject = ClusterObject | string

const finding =
  (severity: Severity) =>
  (code: string, subject: Subject, wrong: string, fix: string): Finding => ({
    severity,
    code,
    subject: typeof subject === 'string' ? subject : nameOf(subject),
    wrong,
    fix,
  })

export const error = finding('error')
export const warning = finding('warning')
export const note = finding('note')

const RANK: Readonly<Record<Severity, number>> = { error: 0, warning: 1, note: 2 }

/** Worst first, else as they were found; each once. */
export function sortedFindings(findings: Iterable<Finding>): Finding[] {
  const unique = new Map<string, Finding>()
  for (const one of findings) unique.set(`${one.code}\n${one.subject}\n${one.wrong}`, one)
  return [...unique.values()].sort((a, b) => RANK[a.severity] - RANK[b.severity])
}
