import assert from 'node:assert/strict'
import { mkdtempSync, readlinkSync, rmSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { it } from 'node:test'
import { FileSink } from '../../src/files/file-sink.ts'
import { someEvent } from '../kafka/events.ts'

it('every folder that was made is synced into the one that it is in', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'snimeter-nested-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const handle = await open('/dev/null')
  await handle.close()
  const prototype = Object.getPrototypeOf(handle) as FileHandle
  const synced: string[] = []
  const original = Object.getOwnPropertyDescriptor(prototype, 'sync')?.value as () => Promise<void>
  t.mock.method(prototype, 'sync', function (this: FileHandle) {
    synced.push(basename(readlinkSync(`/proc/self/fd/${this.fd}`)))
    return original.call(this)
  })
  const sink = new FileSink({
    directory: join(folder, 'a', 'b', 'c'),
    maxFileBytes: 2 ** 20,
    maxAgeMs: 1e6,
    maxFiles: 10,
  })
  await sink.publish([someEvent('cart', 0)])
  await sink.stop()
  assert.deepEqual(new Set(synced), new Set([basename(folder), 'a', 'b', 'c']))
})
