import { type Command, InvalidArgumentError, Option } from 'commander'
import { parseDuration } from '../config/duration.ts'
import { printMeshConfig } from '../istio/mesh-config/print.ts'
import { type MeshFlags, readMeshRequest } from '../istio/mesh-config/read-request.ts'
import type { Refusal } from '../istio/mesh-config/refusals.ts'
import { FORMS, type Form } from '../istio/mesh-config/request.ts'
import { VARIANT_NAMES } from '../istio/mesh-config/variant-names.ts'
import { readConfiguration } from './configuration.ts'
import { usageFailure } from './failure.ts'
import { printable } from './printable.ts'
import type { Surroundings } from './surroundings.ts'

interface Flags extends Omit<MeshFlags, 'flushMs'> {
  readonly flush: number
  readonly config?: string
  readonly example?: true
}

const list = (text: string, before: readonly string[] = []): string[] => [...before, text]

function flushMs(text: string): number {
  const parsed = parseDuration(text)
  if ('wrong' in parsed) throw new InvalidArgumentError(`It ${parsed.wrong}: use one like 15s.`)
  return parsed.value
}

export function addMeshConfig(program: Command, surroundings: Surroundings): void {
  program
    .command('mesh-config')
    .description('print what to apply to Istio so that its proxies report to snimeter')
    .option('--host <name>', 'host to bill, like *.example.com; repeat it for more', list)
    .option('--example', 'print it for hosts of an example, to look at')
    .option('--port <number>', 'port of their TLS (default: 443); repeat it for more', list)
    .addOption(
      new Option('--flush <duration>', 'how often an open connection reports')
        .argParser(flushMs)
        .default(15_000, '15s'),
    )
    .option('--variant <name>', `how to wire it: ${VARIANT_NAMES.join(', ')}`, list)
    .option('--istio <release>', 'release of the mesh, 1.27 to 1.32 (default: 1.29)')
    .option('--namespace <name>', 'of the ServiceEntries (default: external)')
    .option('--root-namespace <name>', "MeshConfig's rootNamespace (default: istio-system)")
    .option('--provider <name>', 'name of the extension provider (default: snimeter)')
    .option('--receiver <service>', 'namespace/name:port (default: snimeter/snimeter:9001)')
    .option('--gateway <service>', 'egress gateway (default: istio-egress/istio-egressgateway)')
    .option('--gateway-port <number>', "port of the gateway's pods (default: 8443)")
    .option('--waypoint <name>', 'waypoint in the namespace (default: waypoint)')
    .addOption(
      new Option('--form <form>', 'all for kubectl, or MeshConfig alone for istioctl or helm')
        .choices(FORMS)
        .default('kubectl' satisfies Form),
    )
    .option('--config <file>', "the receiver's configuration, to agree with (SNIMETER_CONFIG)")
    .addHelpText('after', `\n${EXAMPLES}`)
    .action(({ flush, config: path, example, ...flags }: Flags) => {
      const isExample = example === true
      if (isExample === (flags.host !== undefined)) throw refused([isExample ? BOTH : NO_HOST])
      const { config } = readConfiguration(surroundings, path)
      const read = readMeshRequest(
        { ...flags, flushMs: flush },
        {
          flushMs: config.ledger.flushIntervalMs,
          billAt: config.gateways.billAt,
          gatewayHosts: config.gateways.hosts,
        },
      )
      if ('refusals' in read) throw refused(read.refusals)
      for (const note of read.notes) surroundings.stderr.write(`snimeter: note: ${note}\n`)
      surroundings.stdout.write(printMeshConfig(read.request))
    })
}

const NO_HOST: Refusal = {
  subject: '--host',
  wrong: 'is not given',
  fix: "give the hosts that you bill, like --host '*.example.com', or --example to look at what is printed",
}
const BOTH: Refusal = {
  subject: '--example',
  wrong: 'has hosts of its own, and --host is given too',
  fix: 'leave one out',
}

const EXAMPLES = `What would report twice or do nothing is refused, with the reason.

Examples:
  snimeter mesh-config --host '*.oss-cn-shanghai.aliyuncs.com' --form helm > meshconfig.yaml
  snimeter mesh-config --host '*.oss-cn-shanghai.aliyuncs.com' | kubectl apply -f -`

function refused(refusals: readonly Refusal[]) {
  const lines = refusals.map(
    ({ subject, wrong, fix }) => `\n  ${printable(`${subject}: ${wrong}; ${fix}`)}`,
  )
  return usageFailure(`mesh-config refuses this:${lines.join('')}`)
}
