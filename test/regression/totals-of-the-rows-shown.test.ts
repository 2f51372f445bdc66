import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PageAsText } from '../../src/query/page.ts'
import { Writer } from '../../src/store/writer.ts'
import { runCommand } from '../helpers/command.ts'
import { databaseIn, startServe } from '../helpers/serve.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'
import { makeBatch, NOON } from '../store/batch-fixture.ts'

/** More pairs than `top` asks for at a time, and more connections than an answer has by default. */
const PAIRS = 1500
const CONNECTIONS = 230
const MIB = 2 ** 20

/** A file with pairs of 1 MiB up and 2 MiB down each, and connections of 3 and 4 bytes. */
function makeFile(path: string): void {
  const writer = new Writer({
    path,
    windowSeconds: 60,
    changeWindows: true,
    retention: { hoursMs: 1e12, connectionsMs: 1e12 },
  })
  writer.open(NOON)
  const numbers = (length: number) => Array.from({ length }, (_, index) => index)
  writer.apply(
    makeBatch({
      sequence: 1,
      usage: numbers(PAIRS).map((index) => ({
        sni: `name-${index}.example`,
        upload: MIB,
        download: 2 * MIB,
        opened: 1,
      })),
      connections: numbers(CONNECTIONS).map((id) => ({
        id,
        sni: `name-${id}.example`,
        state: 2,
        upload: 3,
        download: 4,
        lastArrivalMs: NOON,
      })),
    }),
  )
  writer.close()
}

test('totals are those of everything, however few rows an answer or a table has', async (t) => {
  const db = databaseIn(temporaryFolder(t))
  makeFile(db)
  const { httpUrl } = await startServe(t, { db })
  const get = async (path: string): Promise<PageAsText> => {
    const response = await fetch(`${httpUrl}/api/v1/${path}`)
    assert.equal(response.status, 200)
    return (await response.json()) as PageAsText
  }
  const lines = async (...args: string[]): Promise<string[]> => {
    const { code, stdout, stderr } = await runCommand(args)
    assert.equal(code, 0, stderr)
    return stdout.trimEnd().split('\n')
  }

  const sums = {
    upload_bytes: String(PAIRS * MIB),
    download_bytes: String(PAIRS * 2 * MIB),
    connections: String(PAIRS),
  }
  const { columns: _columns, rows, ...said } = await get('totals')
  assert.equal(rows.length, 100)
  assert.deepEqual(said, { total_rows: PAIRS, truncated: true, next_offset: 100, totals: sums })

  // All pages together are all rows, each once.
  const seen: string[] = []
  for (let offset: number | null = 0; offset !== null; ) {
    const page: PageAsText = await get(`totals?limit=700&offset=${offset}`)
    seen.push(...page.rows.map(([sni = '']) => sni))
    assert.deepEqual([page.total_rows, page.totals], [PAIRS, sums])
    assert.equal(page.truncated, page.next_offset !== null)
    offset = page.next_offset
  }
  assert.equal(new Set(seen).size, PAIRS)
  assert.equal(seen.length, PAIRS)

  const connections = await get('connections')
  assert.deepEqual(
    [connections.rows.length, connections.total_rows, connections.truncated],
    [100, CONNECTIONS, true],
  )
  assert.deepEqual(connections.totals, {
    upload_bytes: String(3 * CONNECTIONS),
    download_bytes: String(4 * CONNECTIONS),
    hop_bytes: '0',
  })
  const nodes = await get('nodes')
  assert.deepEqual([nodes.total_rows, nodes.truncated, nodes.next_offset], [0, false, null])

  const top = await lines('top', '--once', '--interval', '100ms', '--url', httpUrl)
  assert.equal(
    top[1],
    'upload 1.4 GiB (0 B/s) · download 2.9 GiB (0 B/s) · 1,500 rows, the 1,000 largest watched',
  )
  assert.deepEqual((await lines('query', '--db', db, '--limit', '2', '--exact')).slice(-2), [
    '2 rows shown        2,097,152      4,194,304            2',
    'all 1,500 rows  1,572,864,000  3,145,728,000        1,500',
  ])
  for (const source of [
    ['--db', db],
    ['--url', httpUrl],
  ]) {
    const table = await lines('connections', ...source)
    assert.match(table.at(-2) ?? '', /100 rows shown +300 B +400 B$/)
    assert.match(table.at(-1) ?? '', /all 230 rows +690 B +920 B$/)
    const last = await lines('connections', '--offset', '220', '--format', 'csv', ...source)
    assert.equal(last.length, 1 + 10)
  }
})
