import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
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
