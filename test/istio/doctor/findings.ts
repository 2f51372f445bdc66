import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { diagnose } from '../../../src/istio/doctor/diagnose.ts'
import type { Finding } from '../../../src/istio/doctor/finding.ts'
import type { DoctorOptions } from '../../../src/istio/doctor/mesh.ts'
import { type ClusterObject, readYamlStream } from '../../../src/istio/yaml-stream.ts'

const FIXTURES = join(import.meta.dirname, '..', '..', 'fixtures', 'doctor')

/** Names of the files of a folder, without `.yaml`. */
export const fixturesIn = (folder: 'mistakes' | 'correct'): string[] =>
  readdirSync(join(FIXTURES, folder)).map((name) => name.replace('.yaml', ''))

export const fixture = (name: string): ClusterObject[] =>
  objectsIn(readFileSync(join(FIXTURES, `${name}.yaml`), 'utf8'))

export function objectsIn(text: string): ClusterObject[] {
  const content = readYamlStream(text)
  assert.ok('objects' in content, JSON.stringify(content))
  return [...content.objects]
}

/** What doctor says with the receiver's default configuration. */
export const diagnosed = (
  objects: readonly ClusterObject[],
  options: Partial<DoctorOptions> = {},
): Finding[] => diagnose(objects, { provider: 'snimeter', flushMs: 30_000, ...options })

/** Errors and warnings, without the notes. */
export const wrongIn = (findings: readonly Finding[]): Finding[] =>
  findings.filter(({ severity }) => severity !== 'note')

export const codesOf = (findings: readonly Finding[]): string[] => findings.map(({ code }) => code)
