import assert from 'node:assert/strict'
import { it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { inMountNamespace, skipWithoutMounts } from './mount-namespace.ts'

const script = fileURLToPath(new URL('./disk-full.ts', import.meta.url))
it('a full disk loses nothing: the batch is retried until there is room, and applied once', {
  skip: skipWithoutMounts,
}, () => {
  const { stdout, stderr, status } = inMountNamespace(`"${process.execPath}" "${script}" "$d"`)
  assert.equal(status, 0, stderr)
  assert.deepEqual(JSON.parse(stdout), {
    code: 'SQLITE_FULL',
    known: true,
    recovered: 1,
    total: 101,
    rows: 5000,
    integrity: 'ok',
  })
})
