import type { Finding, Severity } from '../istio/doctor/finding.ts'
import { Failure } from './failure.ts'
import { printable, printableJson } from './printable.ts'
import type { Surroundings } from './surroundings.ts'

/** `--output`. */
export const OUTPUTS = ['text', 'json'] as const

export type DoctorOutput = (typeof OUTPUTS)[number]

/** For the help of every `doctor` command. */
export const DOCTOR_HELP = `Exit codes: 0 nothing wrong, 1 errors or warnings, 2 wrong usage or a file that can't be read,
3 no answer: what was asked can't be reached, or is something else.
Each line ends with a stable code in brackets. Notes tell what was seen or could not be; they are no findings.`

export const MESH_EXAMPLE =
  'kubectl get service,configmap,telemetry,envoyfilter,serviceentry,sidecar,destinationrule,virtualservice,gateways.networking.istio.io,gateways.gateway.networking.k8s.io,statefulset,authorizationpolicy -A -o yaml | snimeter doctor mesh -f -'

export const counted = (count: number, what: string): string =>
  `${count} ${what}${count === 1 ? '' : 's'}`

/** Findings to stdout, the sum of it to stderr; throws where something is wrong, for the exit code. */
export function reportFindings(
  { stdout, stderr }: Surroundings,
  findings: readonly Finding[],
  output: DoctorOutput,
  where: string,
): void {
  stdout.write(
    output === 'json'
      ? `${printableJson({ findings }, 2)}\n`
      : findings.map((finding) => `${printable(line(finding))}\n`).join(''),
  )
  const count = (severity: Severity): number =>
    findings.filter((finding) => finding.severity === severity).length
  const [errors, warnings] = [count('error'), count('warning')]
  if (errors + warnings > 0) {
    throw new Failure(`${counted(errors, 'error')} and ${counted(warnings, 'warning')} ${where}`)
  }
  stderr.write(`nothing wrong ${where}\n`)
}

const line = ({ severity, subject, wrong, fix, code }: Finding): string =>
  `${severity.padEnd(7)}  ${subject}: ${wrong}${fix === '' ? '' : `; ${fix}`} [${code}]`
