import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Writer } from '../../src/store/writer.ts'
import { runCommand } from '../helpers/command.ts'
import { databaseIn, startServe } from '../helpers/serve.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'
import { makeBatch, NOON } from '../store/batch-fixture.ts'

const ID = '00000000-0000-0000-0000-000000000001'

for (const [shown, env] of [
  [false, {}],
  [true, { SNIMETER_HTTP_CONNECTION_IDS: 'true' }],
] as const) {
  test(`the API ${shown ? 'lists connection ids when it is told to' : 'does not list connection ids, the file does'}`, async (t) => {
    const db = databaseIn(temporaryFolder(t))
    const writer = new Writer({
      path: db,
      windowSeconds: 60,
      changeWindows: true,
      retention: { hoursMs: 1e12, connectionsMs: 1e12 },
    })
    writer.open(NOON)
    const connections = [{ id: 1, sni: 'a.example', state: 1, lastArrivalMs: NOON }]
    writer.apply(makeBatch({ sequence: 1, usage: [{ sni: 'a.example', upload: 5 }], connections }))
    writer.close()
    const serve = await startServe(t, { db, env })
    const text = await (await fetch(`${serve.httpUrl}/api/v1/connections`)).text()
    const { columns, rows } = JSON.parse(text) as { columns: string[]; rows: string[][] }
    assert.equal(columns.includes('connection_id'), shown)
    assert.equal(text.includes(ID), shown)
    assert.equal(rows.length, 1)
    assert.equal(rows[0]?.length, columns.length)
    assert.equal(rows[0]?.[columns.indexOf('sni')], 'a.example')
    for (const format of ['table', 'csv', 'json']) {
      const args = ['connections', '--format', format]
      const asked = await runCommand([...args, '--url', serve.httpUrl])
      assert.equal(asked.code, 0, asked.stderr)
      assert.match(asked.stdout, /a\.example/)
      assert.equal(asked.stdout.includes(ID), shown)
      assert.match((await runCommand([...args, '--db', db])).stdout, new RegExp(ID))
    }
  })
}
