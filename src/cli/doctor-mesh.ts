import { type Command, InvalidArgumentError, Option } from 'commander'
import { diagnose } from '../istio/doctor/diagnose.ts'
import { readRelease } from '../istio/mesh-config/release.ts'
import { type ClusterObject, readYamlStream } from '../istio/yaml-stream.ts'
import { readConfiguration } from './configuration.ts'
import { type CommonFlags, readInputs, withCommonFlags } from './doctor-input.ts'
import { counted, DOCTOR_HELP, MESH_EXAMPLE, reportFindings } from './doctor-report.ts'
import { usageFailure } from './failure.ts'
import type { Surroundings } from './surroundings.ts'

interface MeshFlags extends CommonFlags {
  readonly rootNamespace?: string
  readonly provider: string
  readonly istio?: number
}

export function addDoctorMesh(doctor: Command, surroundings: Surroundings): void {
  withCommonFlags(
    doctor.command('mesh').description('check the YAML of a mesh, applied or not yet'),
  )
    .option('--root-namespace <name>', "MeshConfig's rootNamespace (default: as it says)")
    .option('--provider <name>', 'name of our extension provider', 'snimeter')
    .addOption(
      new Option('--istio <release>', 'release of the mesh, like 1.29').argParser(istioMinor),
    )
    .addHelpText('after', `\n${DOCTOR_HELP}\n\nExample:\n  ${MESH_EXAMPLE}`)
    .action(async (flags: MeshFlags) => {
      const { config } = readConfiguration(surroundings, flags.config)
      const objects: ClusterObject[] = []
      for (const { name, text } of await readInputs(flags.file, surroundings)) {
        const content = readYamlStream(text)
        if ('wrong' in content) throw usageFailure(`${name}: ${content.wrong}`)
        objects.push(...content.objects)
      }
      if (objects.length === 0) throw usageFailure('there is no object in what was given')
      const { rootNamespace, receiver, provider, istio } = flags
      const findings = diagnose(lastOfEach(objects), {
        provider,
        flushMs: config.ledger.flushIntervalMs,
        ...(rootNamespace === undefined ? {} : { rootNamespace }),
        ...(receiver === undefined ? {} : { receiver }),
        ...(istio === undefined ? {} : { istioMinor: istio }),
      })
      reportFindings(
        surroundings,
        findings,
        flags.output,
        `in ${counted(objects.length, 'object')}`,
      )
    })
}

function istioMinor(text: string): number {
  const release = readRelease(text)
  if ('wrong' in release) throw new InvalidArgumentError(`It ${release.wrong}: ${release.fix}.`)
  return release.value.minor
}

/** A dump of the cluster and the file that is about to replace an object in it: the later one counts. */
function lastOfEach(objects: readonly ClusterObject[]): ClusterObject[] {
  const byName = new Map<string, ClusterObject>()
  for (const [index, object] of objects.entries()) {
    const group = String(object.body['apiVersion']).split('/')[0]
    const { kind, namespace, name } = object
    byName.set(kind === '' ? `${index}` : [group, kind, namespace, name].join(' '), object)
  }
  return [...byName.values()]
}
