import type { Finding, Severity } from '../../model/finding.ts'
import type { ClusterObject } from '../yaml-stream.ts'

export type { Finding, Severity }

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
