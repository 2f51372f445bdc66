import assert from 'node:assert/strict'
import { chmodSync, existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { it, type TestContext } from 'node:test'
import { FileSink } from '../../src/files/file-sink.ts'
import { AlsSender, sidecarIdentifier } from '../helpers/als-sender.ts'
import { tcpEntry, tcpMessage } from '../helpers/entry-writer.ts'
import { metricSum, type ServeProcess, startServe } from '../helpers/serve.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'
import { until } from '../helpers/until.ts'

// Every user of the machine could read whom each workload talks to.

async function startUnder(t: TestContext, umask: number, folder: string): Promise<ServeProcess> {
  const before = process.umask(umask)
  try {
    return await startServe(t, {
      db: join(folder, 'data', 'snimeter.db'),
      args: ['--record', join(folder, 'record')],
      env: { SNIMETER_FILES_DIRECTORY: join(folder, 'events') },
    })
  } finally {
    process.umask(before)
  }
}

/** Modes of all files and folders in a folder, by name. */
function modes(folder: string): Map<string, number> {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  return new Map(names.map((name) => [name, statSync(join(folder, name)).mode & 0o777]))
}

async function sendOne(serve: ServeProcess): Promise<void> {
  const sender = new AlsSender(serve.alsAddress)
  const entry = tcpEntry({
    streamId: '00000000-0000-4000-8000-000000000001',
    type: 3,
    sni: 'a.example',
    startMs: Date.now() - 20,
    durationMs: 10,
    upload: 1,
  })
  await sender.send(Buffer.concat([sidecarIdentifier('shop', 'web'), tcpMessage([entry])]))
  await until(
    'it is committed',
    async () => (await metricSum(serve, 'snimeter_store_commits_total')) > 0,
  )
  await sender.end()
}

for (const [umask, file, directory] of [
  [0o000, 0o640, 0o750],
  [0o022, 0o640, 0o750],
  [0o077, 0o600, 0o700],
] as const) {
  it(`under umask 0${umask.toString(8).padStart(3, '0')} every file of serve is 0${file.toString(8)}`, async (t) => {
    const folder = temporaryFolder(t)
    const serve = await startUnder(t, umask, folder)
    await sendOne(serve)
    const found = modes(folder)
    for (const name of [
      'data/snimeter.db',
      'data/snimeter.db-wal',
      'data/snimeter.db.lock',
      'events/.writer.lock',
    ]) {
      assert.ok(found.has(name), `${name} of ${[...found.keys()].join(' ')}`)
    }
    assert.ok([...found.keys()].some((name) => name.endsWith('.alscap')))
    for (const [name, mode] of found) {
      const isDirectory = statSync(join(folder, name)).isDirectory()
      assert.equal(mode.toString(8), (isDirectory ? directory : file).toString(8), name)
    }
    assert.equal(await serve.terminate(), 0)
  })
}

it('a database of before that everybody could read is restricted, a stricter one stays as it is', async (t) => {
  const folder = temporaryFolder(t)
  const db = join(folder, 'data', 'snimeter.db')
  const first = await startUnder(t, 0o022, folder)
  await sendOne(first)
  await first.kill()
  for (const end of ['', '-wal', '.lock']) chmodSync(db + end, 0o666)
  const second = await startUnder(t, 0, folder)
  for (const end of ['', '-wal', '-shm', '.lock']) {
    assert.ok(existsSync(db + end))
    assert.equal((statSync(db + end).mode & 0o777).toString(8), '640', end)
  }
  assert.equal(await second.terminate(), 0)
  chmodSync(db, 0o600)
  const third = await startUnder(t, 0, folder)
  await sendOne(third)
  for (const end of ['', '-wal']) assert.equal((statSync(db + end).mode & 0o777).toString(8), '600')
  assert.equal(await third.terminate(), 0)
})

for (const [umask, mode] of [
  [0, 0o640],
  [0o077, 0o600],
] as const) {
  it(`under umask 0${umask.toString(8).padStart(3, '0')} a file of events is 0${mode.toString(8)}, while it is written and after`, async (t) => {
    const directory = temporaryFolder(t)
    const sink = new FileSink({
      directory,
      maxFileBytes: 2 ** 20,
      maxAgeMs: 3_600_000,
      maxFiles: 9,
    })
    t.after(() => sink.stop())
    const before = process.umask(umask)
    try {
      const [outcome] = await sink.publish([
        {
          id: '1',
          source: '/snimeter/test',
          type: 'io.snimeter.usage.v1',
          subject: 'a',
          time: '2026-11-24T12:01:00Z',
          datacontenttype: 'application/json',
          dataschema: 'urn:snimeter:schema:usage:v1',
          partitionkey: 'a',
          data: '{}',
        },
      ])
      assert.equal(outcome?.kind, 'acknowledged')
      const found = (end: string) =>
        [...modes(directory)].filter(([name]) => name.endsWith(end)).map(([, one]) => one)
      assert.deepEqual(found('.part'), [mode])
      await sink.stop()
      assert.deepEqual(found('.ndjson'), [mode])
    } finally {
      process.umask(before)
    }
  })
}
