import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { it } from 'node:test'
import { fileURLToPath } from 'node:url'

const script = fileURLToPath(new URL('./disk-full.ts', import.meta.url))
const inNamespace = (command: string) =>
  spawnSync(
    'unshare',
    [
      '-m',
      'bash',
      '-c',
      `set -e; d=$(mktemp -d); mount -t tmpfs -o size=4m tmpfs "$d"; ${command}; umount -l "$d"; rmdir "$d"`,
    ],
    { encoding: 'utf8', timeout: 60_000 },
  )
const allowed = inNamespace('true').status === 0

it('a full disk loses nothing: the batch is retried until there is room, and applied once', {
  skip: allowed ? false : 'mounting a tmpfs is not allowed here',
}, () => {
  const { stdout, stderr, status } = inNamespace(`"${process.execPath}" "${script}" "$d"`)
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
