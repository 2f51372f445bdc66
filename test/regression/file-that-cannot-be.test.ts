import assert from 'node:assert/strict'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, it } from 'node:test'
import Database from 'better-sqlite3'
import { APPLICATION_ID } from '../../src/runtime/application-id.ts'
import { makeFolder } from '../../src/runtime/private-file.ts'
import { Store } from '../../src/store/store.ts'
import { PROJECT } from '../helpers/command.ts'
import { ServeProcess, spawnServe } from '../helpers/serve.ts'
import { storeConfig } from '../store/store-config.ts'

const folder = mkdtempSync(join(tmpdir(), 'snimeter-no-file-'))
after(() => rmSync(folder, { recursive: true, force: true }))

/** What `serve` says before it ends with 1. A serve that goes on is killed: `undefined`. */
async function refusal(
  t: { after(end: () => Promise<void>): void },
  db: string,
  args: string[] = [],
) {
  const serve: ServeProcess = spawnServe({ db, args })
  t.after(() => serve.kill())
  const late = AbortSignal.timeout(60_000)
  const code = await Promise.race([
    serve.exited,
    new Promise((resolve) => late.addEventListener('abort', () => resolve('it goes on'))),
  ])
  assert.equal(code, 1, `${String(code)}: ${serve.stderr}`)
  return serve.stderr.split('\n').filter((line) => line.startsWith('snimeter: '))
}

it('a file where none can be made is refused at once, with the key, the value and what to do', async (t) => {
  for (const path of ['/proc/x/y.db', '/dev/null/x.db', '/dev/null']) {
    const [line = '', ...more] = await refusal(t, path)
    assert.deepEqual(more, [])
    assert.ok(line.startsWith(`snimeter: ${path} cannot be `), line)
    assert.match(line, /[Cc]hange store\.path$/)
  }
})

it('folders of other keys that cannot be made are refused at once as well', async (t) => {
  const [line] = await refusal(t, join(folder, 'fine.db'), ['--record', '/proc/x/y'])
  assert.match(
    line ?? '',
    /^snimeter: cannot record to \/proc\/x\/y: ENOENT.*; give record\.directory a folder that can be written$/,
  )
})

it('a refused file is as it was, and nothing lies beside it', async (t) => {
  const place = join(folder, 'refused')
  mkdirSync(place)
  const at = (name: string) => join(place, name)
  const readme = readFileSync(join(PROJECT, 'README.md'))
  writeFileSync(at('README.md'), readme)
  writeFileSync(at('short'), 'a note')
  mkdirSync(at('folder'))
  symlinkSync('README.md', at('link'))
  for (const [name, sql] of [
    ['other.db', 'CREATE TABLE mine (x)'],
    ['named.db', 'PRAGMA application_id = 7'],
    ['newer.db', `PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = 1000`],
    ['wal.db', 'PRAGMA journal_mode = WAL; CREATE TABLE mine (x)'],
  ] as const) {
    const database = new Database(at(name))
    database.exec(sql)
    database.close()
  }
  const before = readdirSync(place)
  for (const name of before) {
    await assert.rejects(new Store(storeConfig(at(name))).open(0), (error: Error) =>
      error.message.startsWith(at(name)),
    )
    assert.deepEqual(readdirSync(place), before, name)
  }
  await refusal(t, at('README.md'))
  assert.deepEqual(readdirSync(place), before)
  assert.deepEqual(readFileSync(at('README.md')), readme)
})

it('folders are made with those above them, and the first one is named', () => {
  const deep = join(folder, 'a/b/c')
  assert.equal(makeFolder(deep), join(folder, 'a'))
  assert.equal(makeFolder(deep), undefined)
  assert.equal(makeFolder(join(deep, 'd')), join(deep, 'd'))
  assert.throws(() => makeFolder(join(PROJECT, 'package.json')), { code: 'EEXIST' })
})
