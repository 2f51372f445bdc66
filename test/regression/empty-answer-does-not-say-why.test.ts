import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { DEMO_FILE } from '../../src/demo/demo.ts'
import { openReader } from '../../src/query/reader.ts'
import { Writer } from '../../src/store/writer.ts'
import { PROJECT, runCommand } from '../helpers/command.ts'
import { databaseIn, startServe } from '../helpers/serve.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'
import { makeBatch, NOON } from '../store/batch-fixture.ts'

function fileWith(t: TestContext, content: Parameters<typeof makeBatch>[0]): string {
  const path = databaseIn(temporaryFolder(t))
  const writer = new Writer({
    path,
    windowSeconds: 60,
    changeWindows: true,
    retention: { hoursMs: 1e12, connectionsMs: 1e12 },
  })
  writer.open(NOON)
  writer.apply(makeBatch(content))
  writer.close()
  return path
}

const SHOP = {
  sequence: 1,
  usage: [
    { sni: 'www.example.com', upload: 1_500_000_000, opened: 1 },
    { sni: 'api.example.com', workload: 'Trainer', download: 7, lastMs: NOON + 61_500 },
  ],
  connections: [
    { id: 1, sni: 'www.example.com', startMs: NOON - 9000, lastArrivalMs: NOON },
    { id: 2, sni: 'api.example.com', startMs: NOON, lastArrivalMs: NOON + 60_000, upload: 9 },
  ],
}

const RANGE = '2026-11-24T12:00:00Z to 2026-11-24T12:01:01Z'

test('an empty query says why, and what is near the glob', async (t) => {
  const db = fileWith(t, SHOP)
  const empty = fileWith(t, { sequence: 1 })
  const why = async (args: string[], file = db): Promise<string> => {
    const { code, stdout, stderr } = await runCommand([
      'query',
      '--db',
      file,
      '--format',
      'csv',
      ...args,
    ])
    assert.equal(code, 0)
    assert.equal(stdout.trimEnd().split('\n').length, 1)
    return stderr
  }
  assert.equal(await why([], empty), 'snimeter: no rows: the file has no usage yet\n')
  assert.equal(
    await why(['--sni', 'example.com']),
    `snimeter: no rows: no name matches "example.com" (near it: www.example.com, api.example.com). The file has usage from ${RANGE}\n`,
  )
  assert.equal(
    await why(['--workload', 'trainer', '--limit', '5']),
    `snimeter: no rows: no workload matches "trainer" (near it: Trainer). The file has usage from ${RANGE}\n`,
  )
  assert.equal(
    await why(['--workload', 'shop', '--sni', 'api.*']),
    `snimeter: no rows: there are such names and such workloads, but not together. The file has usage from ${RANGE}\n`,
  )
  assert.equal(
    await why(['--sni', 'www.*', '--since', '2026-11-24T21:00', '--tz', 'Asia/Shanghai']),
    'snimeter: no rows: what matches has usage from 2026-11-24T20:00:00+08:00 to 2026-11-24T20:00:00+08:00, and no usage in the time asked for\n',
  )
  assert.equal(
    await why(['--not-sni', '*']),
    `snimeter: no rows: every name that is left matches "*", which leaves it out. The file has usage from ${RANGE}\n`,
  )
})

test('empty connections say why, of a file and of a server, and take the filters of query', async (t) => {
  const db = fileWith(t, SHOP)
  const { httpUrl } = await startServe(t, { db })
  for (const source of [
    ['--db', db],
    ['--url', httpUrl],
  ]) {
    const ask = (...args: string[]) =>
      runCommand(['connections', '--format', 'csv', ...source, ...args])
    const snis = async (...args: string[]): Promise<string[]> => {
      const { code, stdout, stderr } = await ask(...args)
      assert.equal(code, 0, stderr)
      return (stdout.match(/\b(?:www|api)(?=\.example)/g) ?? []).map(String)
    }
    const { stderr } = await ask('--since', '2026-11-25', '--state', 'open')
    assert.match(
      stderr,
      /^snimeter: no rows: what matches has connections from 2026-11-24T11:59:51Z to 2026-11-24T12:01:00Z, and no connections in state open in the time asked for\n$/,
    )
    assert.match(
      (await ask('--namespace', 'defualt')).stderr,
      /no namespace matches "defualt" \(near it: default\)/,
    )
    assert.deepEqual(await snis(), ['api', 'www'])
    assert.deepEqual(await snis('--order', 'started'), ['api', 'www'])
    assert.deepEqual(await snis('--not-sni', 'API.*'), ['www'])
    assert.deepEqual(await snis('--since', '2026-11-24T12:01'), ['api'])
    assert.deepEqual(await snis('--namespace', 'def*', '--order', 'upload', '--limit', '1'), [
      'api',
    ])
    assert.match(
      (await ask('--tz', 'Asia/Shanghai', '--limit', '1')).stdout,
      /,2026-11-24T20:00:00\.000\+08:00,2026-11-24T20:01:00\.000\+08:00,/,
    )
  }
  const answer = (await (await fetch(`${httpUrl}/api/v1/totals?sni=ww.example.com`)).json()) as {
    why_empty?: string
  }
  assert.match(
    answer.why_empty ?? '',
    /^no name matches "ww\.example\.com" \(near it: www\.example\.com, /,
  )
  const units = await runCommand(['query', '--db', db, '--units', 'GB', '--not-sni', 'a*'])
  assert.equal(
    units.stdout,
    'SNI              UPLOAD  DOWNLOAD  CONNECTIONS\nwww.example.com  1.5 GB       0 B            1\n',
  )
})

test('the commands that the README gives for after the demo have rows', async (t) => {
  const readme = readFileSync(join(PROJECT, 'README.md'), 'utf8')
  const [, block = ''] = /^Then ask [^]*?\n```\n([^]*?)```/m.exec(readme) ?? []
  const db = join(temporaryFolder(t), 'demo.db')
  const capture = fileURLToPath(new URL('../../src/demo/capture.alscap', import.meta.url))
  assert.equal((await runCommand(['replay', '--db', db, capture])).code, 0)
  const commands = block.trimEnd().split('\n')
  assert.equal(commands.length, 6)
  for (const command of commands) {
    assert.ok(command.includes(` ${DEMO_FILE} `), command)
    const [, sql] = /^sqlite3 \S+ '(.*)'$/.exec(command) ?? []
    if (sql === undefined) {
      const [, args = ''] = /^npm run -s snimeter -- (.*)$/.exec(command) ?? []
      const { code, stdout, stderr } = await runCommand(args.replace(DEMO_FILE, db).split(' '))
      assert.equal(code, 0, stderr)
      assert.ok(stdout.split('\n').length > 2, `${command}: ${stdout}`)
    } else {
      const database = openReader(db)
      assert.ok(database.prepare(sql).all().length > 0)
      database.close()
    }
  }
})
