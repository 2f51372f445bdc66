import { type Command, Option } from 'commander'
import type { Finding } from '../istio/doctor/finding.ts'
import { readConfiguration } from './configuration.ts'
import { DOCTOR_HELP, type DoctorOutput, OUTPUTS, reportFindings } from './doctor-report.ts'
import { Failure, noAnswer } from './failure.ts'
import { printable } from './printable.ts'
import { getJson, serverUrl } from './server-api.ts'
import type { Surroundings } from './surroundings.ts'

interface LiveFlags {
  readonly url?: string
  readonly config?: string
  readonly output: DoctorOutput
}

const SEVERITIES: readonly unknown[] = ['error', 'warning', 'note']

export function addDoctorLive(doctor: Command, surroundings: Surroundings): void {
  doctor
    .command('live')
    .description('check what arrives at a running server')
    .option('--url <url>', 'of the server (default: where http.listen says)')
    .addOption(new Option('--output <form>', 'how to print').choices(OUTPUTS).default('text'))
    .option('--config <file>', 'configuration file (SNIMETER_CONFIG)')
    .addHelpText(
      'after',
      `\n${DOCTOR_HELP}\nIt judges what was received in the last 15 to 30 minutes: ask again some time after mending.`,
    )
    .action(async ({ url: given, config, output }: LiveFlags) => {
      const url = serverUrl(given, readConfiguration(surroundings, config).config)
      const answer = await ask(url)
      const findings = findingsOf(answer)
      if (findings === undefined) {
        throw noAnswer(
          `${printable(url)} answered without findings; is it a snimeter of this version?`,
        )
      }
      const nodes = Number(answer['nodes'])
      const until = answer['settling_until']
      if (answer['truncated'] === true) {
        surroundings.stderr.write(
          `snimeter: these are the worst ${findings.length} findings; there are more\n`,
        )
      }
      const isSettling = typeof until === 'string' && until !== ''
      const ofSilence = isSettling ? justStarted(until) : NOTHING_HEARD
      reportFindings(
        surroundings,
        nodes > 0 || findings.length > 0 ? findings : [ofSilence],
        output,
        `in what ${nodes === 1 ? '1 proxy' : `${nodes} proxies`} sent`,
      )
    })
}

/** What the server says. Every failure is one of asking: there are no findings to speak of. */
async function ask(url: string): Promise<Record<string, unknown>> {
  try {
    const answer = await getJson(url, '/api/v1/findings')
    // `null` and texts are JSON as well.
    return Object(answer) as Record<string, unknown>
  } catch (error) {
    throw error instanceof Failure ? noAnswer(error.message, error) : error
  }
}

const NOTHING_HEARD: Finding = {
  severity: 'error',
  code: 'nothing-heard',
  subject: 'mesh',
  wrong: 'no proxy has sent anything lately',
  fix: 'check the mesh with `snimeter doctor mesh`, and a sidecar with `snimeter doctor proxy`',
}

const justStarted = (until: string): Finding => ({
  severity: 'note',
  code: 'just-started',
  subject: 'mesh',
  wrong: 'the receiver has just started, and no proxy has sent anything yet',
  fix: `ask again after ${until}`,
})

/** The findings of an answer; undefined if it is none of this program. */
function findingsOf(answer: Record<string, unknown>): readonly Finding[] | undefined {
  const { findings, nodes } = answer
  if (!Array.isArray(findings) || typeof nodes !== 'number') return undefined
  const isFinding = (value: Partial<Record<keyof Finding, unknown>> | null): boolean =>
    SEVERITIES.includes(value?.severity) &&
    [value?.code, value?.subject, value?.wrong, value?.fix].every(
      (text) => typeof text === 'string',
    )
  return findings.every(isFinding) ? (findings as Finding[]) : undefined
}
