import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { FileSink, type FileSinkConfig } from '../../src/files/file-sink.ts'
import type { CloudEvent } from '../../src/model/usage-event.ts'
import { structuredEvent } from '../../src/runtime/structured-event.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'
import { until } from '../helpers/until.ts'

function event(id: string): CloudEvent {
  return {
    id,
    source: '/snimeter/test',
    type: 'io.snimeter.usage.v1',
    subject: 'a/b/c/d',
    time: '2026-11-24T12:01:00Z',
    datacontenttype: 'application/json',
    dataschema: 'urn:snimeter:schema:usage:v1',
    partitionkey: 'a/b/c/d',
    data: JSON.stringify({ sni: 'a.example', revision: 1 }),
  }
}

const NOON = Date.UTC(2026, 10, 24, 12)
const LINE_BYTES = Buffer.byteLength(`${structuredEvent(event('1'))}\n`)

function makeSink(t: TestContext, overrides: Partial<FileSinkConfig> = {}) {
  const directory = join(temporaryFolder(t), 'events')
  const config = { directory, maxFileBytes: 2 ** 20, maxAgeMs: 3_600_000, maxFiles: 100 }
  const sink = new FileSink({ ...config, ...overrides }, { wallMs: () => NOON })
  t.after(() => sink.stop())
  return { sink, directory: overrides.directory ?? directory }
}

const kinds = async (sink: FileSink, ...ids: string[]): Promise<string[]> =>
  (await sink.publish(ids.map(event))).map(({ kind }) => kind)

/** The folder's files of events. */
const filesIn = (directory: string, end = ''): string[] =>
  readdirSync(directory)
    .filter((name) => name.startsWith('usage-') && name.endsWith(end))
    .sort()

/** Ids in the files of a folder, file by file in the order of their names. */
function idsIn(directory: string, end = ''): string[][] {
  return filesIn(directory, end).map((name) =>
    readFileSync(join(directory, name), 'utf8')
      .split('\n')
      .slice(0, -1)
      .map((line) => (JSON.parse(line) as { id: string }).id),
  )
}

describe('the file sink', () => {
  it('writes events as lines of structured CloudEvents, and finishes the file when it stops', async (t) => {
    const { sink, directory } = makeSink(t)
    assert.deepEqual(await kinds(sink, '1', '2'), ['acknowledged', 'acknowledged'])
    assert.deepEqual(await kinds(sink, '3'), ['acknowledged'])
    assert.match(filesIn(directory)[0] ?? '', /^usage-20261124T120000Z-[0-9a-f]{8}\.ndjson\.part$/)
    await sink.stop()
    await sink.stop()
    const [name] = filesIn(directory)
    assert.match(name ?? '', /^usage-20261124T120000Z-[0-9a-f]{8}\.ndjson$/)
    assert.equal(
      readFileSync(join(directory, name ?? ''), 'utf8'),
      ['1', '2', '3'].map((id) => `${structuredEvent(event(id))}\n`).join(''),
    )
  })

  it('begins the next file before one grows beyond its size, within a publish as well', async (t) => {
    const { sink, directory } = makeSink(t, { maxFileBytes: 2 * LINE_BYTES })
    await kinds(sink, '1')
    assert.equal((await kinds(sink, '2', '3', '4', '5')).length, 4)
    await sink.stop()
    for (const name of filesIn(directory)) {
      assert.ok(statSync(join(directory, name)).size <= 2 * LINE_BYTES)
    }
    assert.deepEqual(idsIn(directory).flat().sort(), ['1', '2', '3', '4', '5'])
    assert.equal(filesIn(directory).length, 3)
  })

  it('takes an event that is larger than a file may be, alone', async (t) => {
    const { sink, directory } = makeSink(t, { maxFileBytes: 10 })
    await kinds(sink, '1', '2')
    await sink.stop()
    assert.deepEqual(
      idsIn(directory).map((ids) => ids.length),
      [1, 1],
    )
  })

  it('finishes a file by age, also when nothing comes any more', async (t) => {
    const { sink, directory } = makeSink(t, { maxAgeMs: 20 })
    await kinds(sink, '1')
    await until('the file is finished', () => idsIn(directory, '.ndjson').length === 1)
    await kinds(sink, '2')
    await until('the next one too', () => idsIn(directory, '.ndjson').length === 2)
  })

  it('finishes what a dead process left: half a line is cut off, an empty file is gone', async (t) => {
    const { sink, directory } = makeSink(t)
    mkdirSync(directory)
    const line = `${structuredEvent(event('old'))}\n`
    const leave = (name: string, text: string) =>
      writeFileSync(join(directory, `usage-${name}.ndjson.part`), text)
    leave('a', `${line}${line}${line.slice(0, 40)}`)
    leave('b', line.slice(0, 40))
    leave('c', `${line}${'x'.repeat(200_000)}`)
    await kinds(sink, 'new')
    assert.deepEqual(idsIn(directory), [['new'], ['old', 'old'], ['old']])
    assert.deepEqual(filesIn(directory, '.ndjson'), ['usage-a.ndjson', 'usage-c.ndjson'])
  })

  it('finishes what is left without waiting for an event', async (t) => {
    const { sink, directory } = makeSink(t)
    mkdirSync(directory)
    writeFileSync(join(directory, 'usage-a.ndjson.part'), `${structuredEvent(event('old'))}\n`)
    assert.deepEqual(await sink.publish([]), [])
    assert.deepEqual(idsIn(directory, '.ndjson'), [['old']])
  })

  it('has the folder to itself; another one waits until it has stopped', async (t) => {
    const { sink, directory } = makeSink(t)
    await kinds(sink, '1')
    const { sink: second } = makeSink(t, { directory })
    const [delivery] = await second.publish([event('2')])
    assert.ok(delivery?.kind === 'retry')
    assert.match(delivery.message, /has another writer/)
    await kinds(sink, '3')
    await sink.stop()
    assert.deepEqual(await kinds(second, '2'), ['acknowledged'])
    await second.stop()
    assert.deepEqual(idsIn(directory, '.ndjson').flat().sort(), ['1', '2', '3'])
  })

  it('beside the writer events can be sent again, into files of their own', async (t) => {
    const { sink, directory } = makeSink(t)
    await kinds(sink, '1')
    const again = new FileSink(
      { directory, maxFileBytes: 2 ** 20, maxAgeMs: 3_600_000, maxFiles: 100 },
      { again: true },
    )
    await kinds(again, '1')
    const open = filesIn(directory, '.part')
    assert.equal(open.length, 2)
    assert.equal(open.filter((name) => name.endsWith('.again.part')).length, 1)
    await kinds(sink, '2')
    await again.stop()
    await sink.stop()
    assert.deepEqual(idsIn(directory, '.ndjson').flat().sort(), ['1', '1', '2'])
  })

  it('takes nothing while max_files lie in the folder, and goes on once they are collected', async (t) => {
    const { sink, directory } = makeSink(t, { maxFileBytes: 10, maxFiles: 2 })
    assert.deepEqual(await kinds(sink, '1', '2', '3'), ['acknowledged', 'acknowledged', 'retry'])
    const [delivery] = await sink.publish([event('3')])
    assert.ok(delivery?.kind === 'retry')
    assert.match(delivery.message, /holds 2 finished files \(files\.max_files\)/)
    for (const name of filesIn(directory)) rmSync(join(directory, name))
    assert.deepEqual(await kinds(sink, '3'), ['acknowledged'])
  })

  it('says why it cannot write, and makes the folder again when it can', async (t) => {
    const { sink, directory } = makeSink(t)
    writeFileSync(directory, 'a file where the folder should be')
    const [delivery] = await sink.publish([event('1')])
    assert.ok(delivery?.kind === 'retry')
    assert.match(delivery.message, /EEXIST|ENOTDIR/)
    rmSync(directory)
    assert.deepEqual(await kinds(sink, '1'), ['acknowledged'])
  })

  it('does not acknowledge into a file that somebody has deleted', async (t) => {
    const { sink, directory } = makeSink(t)
    await kinds(sink, '1')
    rmSync(directory, { recursive: true })
    assert.deepEqual(await kinds(sink, '2'), ['retry'])
    assert.deepEqual(await kinds(sink, '2'), ['acknowledged'])
    await sink.stop()
    assert.deepEqual(idsIn(directory), [['2']])
  })

  it('finishes a file later that could not get its final name', async (t) => {
    const { sink, directory } = makeSink(t)
    await kinds(sink, '1')
    const elsewhere = `${directory}-elsewhere`
    renameSync(directory, elsewhere)
    await sink.stop()
    renameSync(elsewhere, directory)
    await kinds(sink, '2')
    assert.deepEqual(idsIn(directory, '.ndjson'), [['1']])
    assert.deepEqual(idsIn(directory, '.part'), [['2']])
  })

  it('takes nothing on a full disk, leaves no torn line, and goes on when there is room', (t) => {
    const folder = temporaryFolder(t)
    const script = join(import.meta.dirname, 'full-disk.ts')
    const run = spawnSync(
      'unshare',
      [
        '-m',
        'bash',
        '-c',
        `mount -t tmpfs -o size=256k none ${folder} && exec ${process.execPath} ${script} ${folder}`,
      ],
      { encoding: 'utf8' },
    )
    if (run.error !== undefined || /unshare|mount:/.test(run.stderr)) {
      t.skip(`no mount namespaces here: ${run.error?.message ?? run.stderr}`)
      return
    }
    assert.equal(run.status, 0, run.stderr)
    const { acknowledged, refusal, lines, torn } = JSON.parse(run.stdout)
    assert.match(refusal, /ENOSPC/)
    assert.equal(torn, 0)
    assert.deepEqual(lines, acknowledged)
  })
})

/** What all handles of files have: a test may see, and spoil, what is done with them. */
async function handlePrototype(): Promise<FileHandle> {
  const handle = await open('/dev/null')
  await handle.close()
  return Object.getPrototypeOf(handle) as FileHandle
}

/** Where an open handle leads; the number of a process and chance are left out. */
const nameOf = ({ fd }: FileHandle): string =>
  basename(readlinkSync(`/proc/self/fd/${fd}`)).replace(/-[0-9a-f]{8}\.ndjson(\.\d+)?/, '.ndjson')

/** What is done with open files from now on, in order: `sync events` and the like. */
async function watchHandles(t: TestContext): Promise<string[]> {
  const prototype = await handlePrototype()
  const done: string[] = []
  for (const what of ['write', 'truncate', 'datasync', 'sync'] as const) {
    const original = prototype[what] as (...args: unknown[]) => Promise<unknown>
    t.mock.method(prototype, what, function (this: FileHandle, ...args: unknown[]) {
      done.push(`${what} ${nameOf(this)}`)
      return original.apply(this, args)
    })
  }
  return done
}

/** As `idsIn`, in the order of the first ids: names of files hold chance. */
const sortedIdsIn = (directory: string, end = ''): string[][] =>
  idsIn(directory, end).sort(([a = ''], [b = '']) => (a < b ? -1 : 1))

/** Open files of events in a folder, also when that has another name by now. */
const openIn = (directory: string): string[] =>
  readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const path = readlinkSync(`/proc/self/fd/${fd}`)
      return path.startsWith(directory) && path.includes('/usage-') ? [path] : []
    } catch {
      return []
    }
  })

describe('a power cut', () => {
  it('takes nothing that was acknowledged: new folders, new files, lines and new names are synced', async (t) => {
    const { sink, directory } = makeSink(t)
    const parent = basename(join(directory, '..'))
    const done = await watchHandles(t)
    await kinds(sink, '1')
    const part = 'usage-20261124T120000Z.ndjson.part'
    assert.deepEqual(done.splice(0), [
      `sync ${parent}`,
      'sync events',
      `write ${part}`,
      `datasync ${part}`,
    ])
    await kinds(sink, '2')
    assert.deepEqual(done.splice(0), [`write ${part}`, `datasync ${part}`])
    await sink.stop()
    assert.deepEqual(done, ['sync events'])
  })

  it('takes nothing of what a dead process left: it is synced before and after it is renamed', async (t) => {
    const { sink, directory } = makeSink(t)
    mkdirSync(directory)
    const name = `usage-old.ndjson.${process.pid}.part`
    writeFileSync(join(directory, name), `${structuredEvent(event('old'))}\nhalf a li`)
    const done = await watchHandles(t)
    await kinds(sink, '1')
    // The last one is for the file that is begun then.
    assert.deepEqual(done.slice(0, 4), [
      `truncate ${name}`,
      `sync ${name}`,
      'sync events',
      'sync events',
    ])
  })
})

describe('a failed write', () => {
  it('leaves no line behind that was not acknowledged', async (t) => {
    const { sink, directory } = makeSink(t)
    await kinds(sink, '1')
    const prototype = await handlePrototype()
    const sync = t.mock.method(prototype, 'datasync', () => Promise.reject(new Error('EIO')), {
      times: 1,
    })
    const deliveries = await sink.publish([event('2'), event('3')])
    assert.equal(sync.mock.callCount(), 1)
    const retry = { kind: 'retry', message: 'EIO' }
    assert.deepEqual(deliveries, [retry, retry])
    await kinds(sink, '2', '3')
    await sink.stop()
    assert.deepEqual(sortedIdsIn(directory), [['1'], ['2', '3']])
  })

  it('that took fewer bytes than it was given is continued', async (t) => {
    const { sink, directory } = makeSink(t)
    const prototype = await handlePrototype()
    t.mock.method(prototype, 'write', function (this: FileHandle, bytes: Buffer, at: number) {
      const bytesWritten = writeSync(this.fd, bytes, at, Math.min(100, bytes.length - at))
      return Promise.resolve({ bytesWritten, buffer: bytes })
    })
    assert.deepEqual(await kinds(sink, '1', '2'), ['acknowledged', 'acknowledged'])
    await sink.stop()
    assert.deepEqual(idsIn(directory), [['1', '2']])
  })

  it('keeps no file open, wherever it fails', async (t) => {
    const { sink, directory } = makeSink(t)
    const prototype = await handlePrototype()
    const failOnce = (what: 'datasync' | 'sync', after: number) => {
      const method = t.mock.method(prototype, what)
      method.mock.mockImplementationOnce(() => Promise.reject(new Error('EIO')), after)
      return method
    }
    // The sync of a line; then, of a new folder's new file.
    failOnce('datasync', 0)
    assert.deepEqual(await kinds(sink, '1'), ['retry'])
    assert.deepEqual(openIn(directory), [])
    t.mock.restoreAll()
    rmSync(directory, { recursive: true })
    failOnce('sync', 1)
    assert.deepEqual(await kinds(sink, '1'), ['retry'])
    assert.deepEqual(openIn(directory), [])
    t.mock.restoreAll()
    // A leftover that cannot be synced.
    failOnce('sync', 0)
    assert.deepEqual(await kinds(sink, '1'), ['retry'])
    assert.deepEqual(openIn(directory), [])
    t.mock.restoreAll()
    // A file that cannot get its name.
    assert.deepEqual(await kinds(sink, '1'), ['acknowledged'])
    renameSync(directory, `${directory}-elsewhere`)
    await sink.stop()
    assert.deepEqual(openIn(directory), [])
  })
})

describe('files of the file sink', () => {
  it('are as long as they may be, to the byte', async (t) => {
    const { sink, directory } = makeSink(t, { maxFileBytes: 2 * LINE_BYTES })
    await kinds(sink, '1')
    await kinds(sink, '2')
    await kinds(sink, '3', '4', '5')
    await sink.stop()
    assert.deepEqual(sortedIdsIn(directory), [['1', '2'], ['3', '4'], ['5']])
  })

  it('are measured in bytes, not in characters', async (t) => {
    const wide = (id: string) => ({ ...event(id), subject: '\u00fc'.repeat(500) })
    const bytes = Buffer.byteLength(`${structuredEvent(wide('1'))}\n`)
    const { sink, directory } = makeSink(t, { maxFileBytes: 2 * bytes - 1 })
    await sink.publish([wide('1'), wide('2')])
    await sink.publish([wide('3')])
    await sink.stop()
    assert.deepEqual(sortedIdsIn(directory), [['1'], ['2'], ['3']])
  })

  it('have an age of their own: one that was finished by size does not end the next one early', async (t) => {
    const { sink, directory } = makeSink(t, { maxAgeMs: 1000, maxFileBytes: LINE_BYTES })
    t.mock.timers.enable({ apis: ['setTimeout'] })
    await kinds(sink, '1')
    t.mock.timers.tick(600)
    await kinds(sink, '2')
    t.mock.timers.tick(999)
    // In turn: whatever the timers began is over.
    await sink.publish([])
    assert.deepEqual(idsIn(directory, '.part'), [['2']])
    t.mock.timers.tick(1)
    await sink.publish([])
    assert.deepEqual(sortedIdsIn(directory, '.ndjson'), [['1'], ['2']])
  })

  it('are written by one publish after the other', async (t) => {
    const { sink, directory } = makeSink(t)
    await Promise.all([kinds(sink, '1', '2'), kinds(sink, '3')])
    await sink.stop()
    assert.deepEqual(idsIn(directory), [['1', '2', '3']])
  })

  it('of others do not count for max_files', async (t) => {
    const { sink, directory } = makeSink(t, { maxFiles: 1 })
    mkdirSync(directory)
    writeFileSync(join(directory, 'other.ndjson'), '')
    assert.deepEqual(await kinds(sink, '1'), ['acknowledged'])
  })
})
