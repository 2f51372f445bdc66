import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import {
  DEPLOY,
  kustomized,
  nameOf,
  parseDocuments,
  yamlFiles,
} from '../helpers/kubernetes/documents.ts'

const execute = promisify(execFile)

/** `kubectl kustomize` or kustomize itself, whichever is there; it needs no cluster and no network. */
async function kustomizer(): Promise<readonly [string, ...string[]] | undefined> {
  for (const command of [['kubectl', 'kustomize'] as const, ['kustomize', 'build'] as const]) {
    const found = await execute(command[0], [command[1], '--help']).then(
      () => true,
      () => false,
    )
    if (found) return command
  }
  return undefined
}

const folders = yamlFiles('istio')
  .filter((path) => path.endsWith('kustomization.yaml'))
  .map((path) => join(path, '..'))

test('what kubectl makes of every kustomization is what its files say', async (t) => {
  const command = await kustomizer()
  if (command === undefined) {
    t.skip('neither kubectl nor kustomize on this machine')
    return
  }
  assert.equal(folders.length, 9)
  const [program, ...args] = command
  for (const folder of folders) {
    const { stdout } = await execute(program, [...args, join(DEPLOY, folder)])
    const byName = (objects: ReturnType<typeof kustomized>) =>
      new Map(objects.map((object) => [nameOf(object), object]))
    assert.deepEqual(byName(parseDocuments(stdout, folder)), byName(kustomized(folder)), folder)
  }
})
