import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { printMeshConfig } from '../../../src/istio/mesh-config/print.ts'
import { VARIANT_NAMES } from '../../../src/istio/mesh-config/variant-names.ts'
import {
  DEPLOY,
  type KubeObject,
  kustomized,
  yamlFiles,
} from '../../helpers/kubernetes/documents.ts'
import { asked } from '../mesh-config/ask.ts'
import { hostLists } from '../mesh-config/host-lists.ts'
import { codesOf, diagnosed, fixture, fixturesIn, objectsIn, wrongIn } from './findings.ts'

for (const name of fixturesIn('mistakes')) {
  test(`mistake ${name}: it is found, and nothing else`, () => {
    const wrong = wrongIn(diagnosed(fixture(`mistakes/${name}`)))
    assert.deepEqual(
      codesOf(wrong),
      [name.replace(/--.*/, '')],
      JSON.stringify(wrong, undefined, 1),
    )
  })
}

for (const name of fixturesIn('correct')) {
  test(`correct variation ${name}: nothing is wrong, and nothing is unseen`, () => {
    const findings = diagnosed(fixture(`correct/${name}`))
    assert.deepEqual(wrongIn(findings), [])
    const unseen = codesOf(findings).filter((code) => code.endsWith('-unseen'))
    assert.deepEqual(unseen, name === 'envoyfilter-only' ? ['mesh-config-unseen'] : [])
  })
}

test('there are at least 25 mistakes and ten correct variations', () => {
  const codes = new Set(fixturesIn('mistakes').map((name) => name.replace(/--.*/, '')))
  assert.ok(codes.size >= 25, String(codes.size))
  assert.ok(fixturesIn('correct').length >= 10)
})

const yaml = (objects: readonly KubeObject[]) =>
  objectsIn(objects.map((object) => JSON.stringify(object)).join('\n---\n'))
const read = (path: string) => objectsIn(readFileSync(join(DEPLOY, path), 'utf8'))
const RECEIVER = yamlFiles('istio/receiver').filter((path) => !path.includes('kustomization'))

for (const variant of VARIANT_NAMES) {
  const folder = variant === 'telemetry' ? 'istio/mesh' : `istio/variants/${variant}`
  test(`nothing is wrong with ${folder} beside the receiver`, () => {
    const meshConfig = yamlFiles(folder).filter((path) => /meshconfig(?:-helm)?\.yaml$/.test(path))
    const objects = [...yaml(kustomized(folder)), ...[...RECEIVER, ...meshConfig].flatMap(read)]
    assert.deepEqual(wrongIn(diagnosed(objects, { istioMinor: 32 })), [])
  })
}

test('law: nothing is wrong with what mesh-config prints, whatever the hosts', () => {
  fc.assert(
    fc.property(hostLists, ({ variant, ...flags }) => {
      const request = asked({ ...flags, variant: [variant] })
      const objects = objectsIn(printMeshConfig(request))
      const withConfig =
        variant === 'envoyfilter-only'
          ? objects
          : [...objects, ...objectsIn(printMeshConfig({ ...request, form: 'helm' }))]
      for (const given of [objects, withConfig]) {
        assert.deepEqual(wrongIn(diagnosed(given, { rootNamespace: request.rootNamespace })), [])
      }
    }),
  )
})

test('nothing is wrong with a mesh that is billed at its egress gateway', () => {
  const gatewayHosts = ['istio-egressgateway.istio-egress.svc.cluster.local']
  const request = asked({ variant: ['egress-gateway'] }, { billAt: 'gateway', gatewayHosts })
  assert.deepEqual(wrongIn(diagnosed(objectsIn(printMeshConfig(request)))), [])
})

test('two files that are right alone are wrong together: every byte would be billed twice', () => {
  const both = [...fixture('correct/telemetry'), ...fixture('correct/envoyfilter-only')]
  assert.ok(codesOf(diagnosed(both)).includes('logged-twice'))
})

test('without MeshConfig, Telemetry and Service it tells what it could not see', () => {
  const [entry] = fixture('correct/telemetry').filter(({ kind }) => kind === 'ServiceEntry')
  assert.ok(entry !== undefined)
  const findings = diagnosed([entry])
  assert.deepEqual(wrongIn(findings), [])
  assert.deepEqual(codesOf(findings), [
    'mesh-config-unseen',
    'telemetry-unseen',
    'wildcard-apex',
    'receiver-unseen',
  ])
})

test('a wildcard without its apex is a note: who uses the apex knows', () => {
  const [finding] = diagnosed(fixture('correct/telemetry'))
  assert.deepEqual(finding, {
    severity: 'note',
    code: 'wildcard-apex',
    subject: 'ServiceEntry external/wildcard',
    wrong:
      '*.oss-cn-shanghai.aliyuncs.com, *.oss-cn-shanghai-internal.aliyuncs.com do not match the name behind the star itself',
    fix: 'add that as a host of its own if apps use it',
  })
})

test('the release decides about DYNAMIC_DNS', () => {
  const objects = fixture('correct/dynamic-dns')
  assert.deepEqual(codesOf(wrongIn(diagnosed(objects, { istioMinor: 29 }))), [
    'dynamic-dns-release',
  ])
  assert.deepEqual(wrongIn(diagnosed(objects, { istioMinor: 30 })), [])
})

test("the receiver's flush interval is what 'too long' is measured by", () => {
  const objects = fixture('correct/telemetry')
  assert.deepEqual(codesOf(wrongIn(diagnosed(objects, { flushMs: 10_000 }))), ['flush-long'])
})

test('errors come before warnings, and warnings before notes', () => {
  const ranks = ['error', 'warning', 'note']
  const objects = fixturesIn('mistakes').flatMap((name) => fixture(`mistakes/${name}`))
  const severities = diagnosed(objects).map(({ severity }) => ranks.indexOf(severity))
  assert.deepEqual(
    severities,
    severities.toSorted((a, b) => a - b),
  )
})

test('law: whatever stands in place of a value, doctor answers', () => {
  const junk = fc.oneof(
    fc.constantFrom(null, true, 0, -1, '', '*', 'outbound|x||', [], {}, [null], [[]]),
    fc.string(),
  )
  const names = fixturesIn('correct')
  fc.assert(
    fc.property(fc.constantFrom(...names), fc.nat(), junk, (name, where, value) => {
      const objects = fixture(`correct/${name}`)
      const paths = objects.flatMap(({ body }) => pathsIn(body))
      const change = paths[where % paths.length]
      if (change !== undefined) change.owner[change.key] = value
      const again = objectsIn(objects.map(({ body }) => JSON.stringify(body)).join('\n---\n'))
      for (const { wrong, subject, code } of diagnosed(again)) {
        assert.ok(wrong !== '' && subject !== '' && /^[a-z-]+$/.test(code))
      }
    }),
    { numRuns: 300 },
  )
})

interface Place {
  readonly owner: Record<string, unknown>
  readonly key: string
}

function pathsIn(value: unknown): Place[] {
  if (typeof value !== 'object' || value === null) return []
  const owner = value as Record<string, unknown>
  return Object.keys(owner).flatMap((key) => [{ owner, key }, ...pathsIn(owner[key])])
}
