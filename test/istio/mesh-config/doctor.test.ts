import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { diagnose } from '../../../src/istio/doctor/diagnose.ts'
import { printMeshConfig } from '../../../src/istio/mesh-config/print.ts'
import { VARIANT_NAMES } from '../../../src/istio/mesh-config/variant-names.ts'
import { type ClusterObject, readYamlStream } from '../../../src/istio/yaml-stream.ts'
import { DEPLOY } from '../../helpers/kubernetes/documents.ts'
import { asked } from './ask.ts'
import { hostLists } from './host-lists.ts'

const SERVICE = readFileSync(join(DEPLOY, 'istio/receiver/service.yaml'), 'utf8')

function objectsOf(text: string): readonly ClusterObject[] {
  const content = readYamlStream(text)
  assert.ok('objects' in content)
  return content.objects
}

/** What `doctor mesh` says of what is printed, with MeshConfig and the receiver's Service beside it. */
function findings(flags: Parameters<typeof asked>[0]): string[] {
  const request = asked(flags)
  const texts = [printMeshConfig(request), SERVICE]
  if (request.variant !== 'envoyfilter-only') {
    texts.push(printMeshConfig({ ...request, form: 'istioctl' }))
  }
  const found = diagnose(texts.flatMap(objectsOf), {
    provider: request.provider,
    flushMs: request.flushMs,
    istioMinor: request.release.minor,
  })
  return found
    .filter(({ severity }) => severity !== 'note')
    .map(({ code, subject, wrong }) => `${code} ${subject} ${wrong}`)
}

test('doctor mesh finds nothing wrong with the example of any variant', () => {
  for (const variant of VARIANT_NAMES) {
    assert.deepEqual(findings({ variant: [variant], istio: '1.32' }), [], variant)
  }
})

test('law: doctor mesh finds nothing wrong with what is printed for any hosts', () => {
  fc.assert(
    fc.property(hostLists, ({ variant, ...flags }) => {
      assert.deepEqual(findings({ ...flags, variant: [variant] }), [])
    }),
  )
})
