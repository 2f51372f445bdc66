import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readYamlStream } from '../../src/istio/yaml-stream.ts'

const names = (text: string): string[] => {
  const content = readYamlStream(text)
  assert.ok('objects' in content, JSON.stringify(content))
  return content.objects.map(({ kind, namespace, name }) => `${kind} ${namespace}/${name}`)
}

test('documents, lists of kubectl and JSON are the same objects', () => {
  const one = '{kind: Telemetry, metadata: {name: a, namespace: x}}'
  const two = '{kind: Sidecar, metadata: {name: b}}'
  const expected = ['Telemetry x/a', 'Sidecar default/b']
  assert.deepEqual(names(`---\n${one}\n---\n# nothing\n---\n${two}\n`), expected)
  assert.deepEqual(names(`{apiVersion: v1, kind: List, items: [${one}, ${two}]}`), expected)
  const json = { kind: 'SidecarList', items: [{ kind: 'Sidecar', metadata: { name: 'b' } }] }
  assert.deepEqual(names(JSON.stringify(json)), ['Sidecar default/b'])
  assert.deepEqual(names(''), [])
})

test('a dot is a text, as Go reads it: exportTo: [.]', () => {
  const content = readYamlStream('{kind: A, spec: {exportTo: [., "*"]}}')
  assert.deepEqual('objects' in content && content.objects[0]?.spec['exportTo'], ['.', '*'])
})

test('what is no YAML, or no object, is told with its document', () => {
  const wrong = (text: string) => {
    const content = readYamlStream(text)
    return 'wrong' in content ? content.wrong : undefined
  }
  assert.match(wrong('kind: A\n---\na: b: c') ?? '', /^document 2 is not valid YAML: /)
  assert.equal(wrong('kind: A\n---\n[1, 2]'), 'document 2 is not an object')
  assert.match(wrong('a: 1\na: 2') ?? '', /^document 1 is not valid YAML: Map keys must be unique/)
})
