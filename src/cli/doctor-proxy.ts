import type { Command } from 'commander'
import { type ConfigDump, readConfigDump } from '../istio/config-dump/config-dump.ts'
import { diagnoseProxy } from '../istio/config-dump/diagnose.ts'
import { readConfiguration } from './configuration.ts'
import { type CommonFlags, type Input, readInputs, withCommonFlags } from './doctor-input.ts'
import { DOCTOR_HELP, reportFindings } from './doctor-report.ts'
import { noAnswer, usageFailure } from './failure.ts'
import { printable } from './printable.ts'
import type { Surroundings } from './surroundings.ts'

export function addDoctorProxy(doctor: Command, surroundings: Surroundings): void {
  withCommonFlags(
    doctor
      .command('proxy')
      .description("check what one proxy runs with: Envoy's config dump or istioctl's"),
  )
    .option('--url <url>', "Envoy's admin address, like http://127.0.0.1:15000")
    .addHelpText(
      'after',
      `\n${DOCTOR_HELP}\n\nExample:\n  istioctl proxy-config all POD -o json | snimeter doctor proxy -f -`,
    )
    .action(async (flags: CommonFlags & { readonly url?: string }) => {
      const { config } = readConfiguration(surroundings, flags.config)
      const inputs =
        flags.url === undefined
          ? await readInputs(flags.file, surroundings)
          : [await fetchDump(flags.url)]
      const dumps = inputs.map(({ name, text }): ConfigDump => {
        const dump = readConfigDump(text)
        if ('wrong' in dump) {
          throw (flags.url === undefined ? usageFailure : noAnswer)(`${name}: ${dump.wrong}`)
        }
        return dump
      })
      const findings = diagnoseProxy(
        {
          listeners: dumps.flatMap(({ listeners }) => listeners),
          clusters: dumps.flatMap(({ clusters }) => clusters),
          nodeId: dumps.map(({ nodeId }) => nodeId).find((id) => id !== '') ?? '',
          refused: dumps.flatMap(({ refused }) => refused),
        },
        {
          flushMs: config.ledger.flushIntervalMs,
          ...(flags.receiver === undefined ? {} : { receiver: flags.receiver }),
        },
      )
      reportFindings(surroundings, findings, flags.output, 'in this proxy')
    })
}

/** The admin port has no authentication and changes the proxy too: only this machine's is asked. */
const LOOPBACK = ['127.0.0.1', 'localhost', '[::1]']
const FETCH_TIMEOUT_MS = 10_000

async function fetchDump(url: string): Promise<Input> {
  if (!URL.canParse(url) || !LOOPBACK.includes(new URL(url).hostname)) {
    throw usageFailure(
      printable(
        `${url} is not on this machine; use kubectl port-forward POD 15000 and --url http://127.0.0.1:15000`,
      ),
    )
  }
  const target = new URL('/config_dump', url)
  try {
    const response = await fetch(target, { signal: AbortSignal.timeout(FETCH_TIMEOUT_MS) })
    if (!response.ok) throw new Error(`status ${response.status}`)
    return { name: target.href, text: await response.text() }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw noAnswer(printable(`${target.href} does not answer: ${reason}`), error)
  }
}
