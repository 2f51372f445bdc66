import assert from 'node:assert/strict'
import { it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { inMountNamespace, skipWithoutMounts } from './mount-namespace.ts'

const script = fileURLToPath(new URL('./read-only.ts', import.meta.url))

it('in a read-only folder a closed file can be read, one with a log is refused, and none written', {
  skip: skipWithoutMounts,
}, () => {
  const run = `"${process.execPath}" "${script}"`
  const { stdout, stderr, status } = inMountNamespace(
    `${run} make "$d"; mount -o remount,ro "$d"; ${run} look "$d"`,
  )
  assert.equal(status, 0, stderr)
  assert.deepEqual(JSON.parse(stdout), {
    whole: '100',
    // Without its log it would show the totals of its last checkpoint.
    live: 'no_file',
    written: ['store_read_only', 'store_read_only', 'store_read_only'],
  })
})
