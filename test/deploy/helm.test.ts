import assert from 'node:assert/strict'
import { cpSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { parse } from 'yaml'
import {
  type KubeObject,
  kustomized,
  nameOf,
  parseDocuments,
} from '../helpers/kubernetes/documents.ts'
import { typeProblems } from '../helpers/kubernetes/excess-properties.ts'
import { CHART, chartDigest, lint, realHelm, template } from '../helpers/kubernetes/helm.ts'
import { meshConfigProblems, providersOf } from '../helpers/kubernetes/mesh-config.ts'
import { meshProblems } from '../helpers/kubernetes/mesh-rules.ts'
import { schemaProblems } from '../helpers/kubernetes/models.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'

/** What a real Helm makes of the chart's default values. */
const GOLDEN = join(import.meta.dirname, '../fixtures/helm/default.yaml')
const FULL = join(import.meta.dirname, '../fixtures/helm/full.yaml')
const UPDATE = 'SNIMETER_BUILD_HELM=1 UPDATE_HELM=1 node --test test/deploy/helm.test.ts'

const UPDATING = process.env['UPDATE_HELM'] === '1'

/** Labels that Helm's conventions ask for, and that plain YAML has no use for. */
const HELM_LABELS = [
  'app.kubernetes.io/name',
  'app.kubernetes.io/instance',
  'app.kubernetes.io/version',
  'app.kubernetes.io/managed-by',
  'helm.sh/chart',
]
/** Annotations that do something in Helm alone. */
const HELM_ANNOTATIONS = ['helm.sh/resource-policy']
/** A start for a changed configuration; for plain YAML it is `kubectl rollout restart`. */
const CHECKSUM = 'checksum/config'
/** Helm makes it itself (`--create-namespace`). */
const RELEASE_NAMESPACE = 'Namespace snimeter'

function without(
  map: Readonly<Record<string, string>> | undefined,
  keys: readonly string[],
): object {
  return Object.fromEntries(Object.entries(map ?? {}).filter(([key]) => !keys.includes(key)))
}

/** Objects by name, less the differences above; the configuration's text is compared by meaning. */
function comparable(objects: readonly KubeObject[]): Map<string, unknown> {
  const named = objects.map((object): [string, unknown] => {
    const copy = structuredClone(object) as KubeObject & Record<string, unknown>
    const metadata = {
      ...copy.metadata,
      labels: without(copy.metadata.labels, HELM_LABELS),
      annotations: without(copy.metadata.annotations, HELM_ANNOTATIONS),
    }
    if (copy.kind === 'ConfigMap') {
      const { data } = copy as unknown as { data: Record<string, string> }
      return [nameOf(object), { ...copy, metadata, data: parse(data['config.yaml'] ?? '') }]
    }
    if (copy.kind === 'StatefulSet') delete copy.spec.template.metadata.annotations[CHECKSUM]
    return [nameOf(object), { ...copy, metadata }]
  })
  return new Map(named.sort(([a], [b]) => (a < b ? -1 : 1)))
}

const plain = kustomized('istio').filter((object) => nameOf(object) !== RELEASE_NAMESPACE)

test('the default output of the chart and deploy/istio are the same objects', () => {
  const rendered = parseDocuments(readFileSync(GOLDEN, 'utf8'), GOLDEN)
  assert.equal(rendered.length, 12)
  assert.deepEqual(comparable(rendered), comparable(plain))
})

test('the committed output was made from the chart as it is', () => {
  // Where there is no Helm nobody would notice otherwise that the chart has changed since.
  assert.ok(readFileSync(GOLDEN, 'utf8').includes(chartDigest()), `run: ${UPDATE}`)
})

test('a difference in any object would be seen', () => {
  for (const [index, object] of plain.entries()) {
    const changed = plain.with(index, { ...object, seeded: true })
    assert.notDeepEqual(comparable(changed), comparable(plain), nameOf(object))
  }
  assert.notDeepEqual(comparable(plain.slice(1)), comparable(plain))
})

test('the committed output is what a real Helm makes of the chart', async (t) => {
  const helm = await realHelm(t)
  if (helm === undefined) return
  const rendered = `# Made by a real Helm from the chart ${chartDigest()}.\n${await template(helm)}`
  if (UPDATING) writeFileSync(GOLDEN, rendered)
  assert.equal(readFileSync(GOLDEN, 'utf8'), rendered, `run: ${UPDATE}`)
  assert.match(await lint(helm), /1 chart\(s\) linted, 0 chart\(s\) failed/)
})

test('every value of the chart makes valid objects, alone and together', async (t) => {
  const helm = await realHelm(t)
  if (helm === undefined) return
  const full = parseDocuments(await template(helm, ['-f', FULL]), 'full')
  await lint(helm, ['-f', FULL])
  const bare = parseDocuments(await template(helm, ['--set', OFF]), 'bare')
  const all = [...full, ...bare]
  assert.deepEqual(await typeProblems(all), [])
  assert.deepEqual(await schemaProblems(all), [])
  const service = full.find(({ kind }) => kind === 'Service') as KubeObject
  const log = { service: 'snimeter/snimeter.snimeter.svc.cluster.local', port: 9001 }
  assert.deepEqual(meshProblems(full, [{ name: 'snimeter', envoyTcpAls: log }], service), [])
  const kinds = (objects: KubeObject[]): string[] => objects.map(({ kind }) => kind).sort()
  assert.equal(full.length, 14)
  assert.deepEqual(kinds(bare), ['ConfigMap', 'Service', 'StatefulSet'])
  const secrets = JSON.stringify(full.find(({ kind }) => kind === 'StatefulSet')?.spec.template)
  assert.match(secrets, /"secretKeyRef":\{"name":"kafka","key":"username"\}/)
  assert.match(secrets, /"value":"\/etc\/snimeter-kafka\/tls\/tls.key"/)
})

/** Everything that can be turned off. */
const OFF = [
  'istio.enabled',
  'networkPolicy.enabled',
  'podDisruptionBudget.enabled',
  'serviceAccount.create',
  'mesh.telemetry.enabled',
  'mesh.envoyFilter.enabled',
  'mesh.serviceEntries.enabled',
]
  .map((key) => `${key}=false`)
  .join(',')

test('two replicas are refused with the reason, by the schema and without it', async (t) => {
  const helm = await realHelm(t)
  if (helm === undefined) return
  const two = ['--set', 'replicas=2']
  await assert.rejects(template(helm, two), /replicas.*must be 1/s)
  await assert.rejects(
    template(helm, [...two, '--skip-schema-validation']),
    /replicas: 2 is refused: one receiver serves a mesh, because two files would count/,
  )
})

test('a pod that would be killed before its last commit is refused', async (t) => {
  const helm = await realHelm(t)
  if (helm === undefined) return
  const grace = (seconds: number, deadline: string): string[] => [
    '--set',
    `terminationGracePeriodSeconds=${seconds},config.shutdown.deadline=${deadline}`,
  ]
  await assert.rejects(template(helm, grace(40, '35s')), /take up to 40s, and a kill before/)
  await template(helm, grace(41, '35s'))
  await template(helm, grace(120, '1m'))
})

test("the notes' MeshConfig names the receiver that was installed", async (t) => {
  const helm = await realHelm(t)
  if (helm === undefined) return
  const folder = temporaryFolder(t)
  cpSync(CHART, folder, { recursive: true })
  // `helm template` leaves the notes out: here they are an object's text.
  renameSync(join(folder, 'templates/NOTES.txt'), join(folder, 'NOTES.txt'))
  const asText = '{{ dict "kind" "Notes" "text" (tpl (.Files.Get "NOTES.txt") .) | toYaml }}'
  writeFileSync(join(folder, 'templates/notes.yaml'), asText)
  const only = ['--show-only', 'templates/notes.yaml', '--set', 'fullnameOverride=meter']
  const [notes] = parseDocuments(await template(helm, only, folder), 'notes')
  const lines = String(notes?.['text']).split('\n')
  const begin = lines.findIndex((line) => line.trim() === 'meshConfig:')
  const end = lines.findIndex((line, index) => index > begin && line.trim() === '')
  const fragment = parse(lines.slice(begin, end).join('\n')) as KubeObject
  assert.deepEqual(meshConfigProblems(fragment), [])
  assert.deepEqual(providersOf(fragment), [
    {
      name: 'snimeter',
      envoyTcpAls: {
        service: 'snimeter/meter.snimeter.svc.cluster.local',
        port: 9001,
        logName: 'snimeter',
      },
    },
  ])
})
