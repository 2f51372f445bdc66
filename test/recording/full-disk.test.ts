import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { temporaryFolder } from '../helpers/temporary-folder.ts'

/** Records 4 MiB to a disk of 2 MiB, reads what is there, makes room, and records again. */
const SCRIPT = `
import { readdirSync, rmSync } from 'node:fs'
const source = new URL('../../src/', ${JSON.stringify(import.meta.url)}).href
const { CaptureWriter } = await import(source + 'recording/capture-writer.ts')
const { readCapture } = await import(source + 'recording/capture-reader.ts')
const { Metrics } = await import(source + 'telemetry/registry.ts')
const directory = process.env.DISK + '/captures'
const metrics = new Metrics({ process: false })
const silent = () => undefined
const logger = { debug: silent, info: silent, warn: silent, error: silent }
const writer = new CaptureWriter({ directory, maxFileBytes: 1e9, maxFiles: 10 }, { logger, metrics })
const message = Buffer.concat([Buffer.of(0x1a, 0x80, 0x80, 0x01), Buffer.alloc(16384)])
for (let i = 0; i < 256; i++) writer.write(1, 1e12 + i, message)
const count = () => readdirSync(directory).map((name) => {
  const records = readCapture(directory + '/' + name)
  let whole = 0
  for (let next = records.next(); ; next = records.next()) {
    if (next.done) return { whole, truncated: next.value.truncated }
    whole++
  }
})
const full = count()
for (const name of readdirSync(directory)) rmSync(directory + '/' + name)
writer.write(1, 1e12 + 20_000, message)
await writer.stop()
const values = Object.fromEntries((await metrics.text()).split('\\n').filter((line) => line.startsWith('snimeter_recording')).map((line) => line.split(' ')))
console.log(JSON.stringify({ full, after: count(), values }))
`

test('on a full disk whole records stay, the others are counted, and recording goes on with room', (t) => {
  const disk = temporaryFolder(t)
  const mount =
    'mount -t tmpfs -o size=2m none "$DISK" && exec "$NODE" --input-type=module -e "$SCRIPT"'
  const { status, stdout, stderr } = spawnSync('unshare', ['-m', 'bash', '-c', mount], {
    env: { ...process.env, DISK: disk, NODE: process.execPath, SCRIPT },
    encoding: 'utf8',
    cwd: join(import.meta.dirname, '../..'),
  })
  if (status !== 0 && /unshare|mount|ENOENT/.test(`${stderr} ${status === null ? 'ENOENT' : ''}`)) {
    t.skip('no mounts here')
    return
  }
  assert.equal(status, 0, stderr)
  const { full, after, values } = JSON.parse(stdout) as {
    full: { whole: number; truncated: boolean }[]
    after: { whole: number; truncated: boolean }[]
    values: Record<string, string>
  }
  assert.equal(full.length, 1)
  const { whole = 0, truncated } = full[0] ?? {}
  assert.equal(truncated, false)
  assert.ok(whole > 0 && whole < 256)
  assert.deepEqual(after, [{ whole: 1, truncated: false }])
  assert.deepEqual(values, {
    snimeter_recording_messages_total: '257',
    snimeter_recording_messages_dropped_total: String(256 - whole),
    snimeter_recording_failures_total: '1',
  })
})
