import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { it } from 'node:test'
import { fileURLToPath } from 'node:url'
import Database from 'better-sqlite3'
import { NOON } from './batch-fixture.ts'
import { makeStore, newPath } from './store-fixture.ts'

const script = fileURLToPath(new URL('./killed-writer.ts', import.meta.url))

/** Kills the child once it has said so many batches; gives the last one that it said. */
async function killAfter(child: ChildProcess, batches: number): Promise<number> {
  assert.ok(child.stdout)
  const exited = once(child, 'exit')
  let last = 0
  let said = 0
  for await (const line of createInterface(child.stdout)) {
    last = Number(line)
    if (++said === batches) child.kill('SIGKILL')
  }
  await exited
  return last
}

it('a writer killed at any moment leaves whole batches: all it said are in, none twice', async () => {
  const path = newPath()
  for (const batches of [1, 7, 20]) {
    const stdio = ['ignore', 'pipe', 'inherit'] as const
    const said = await killAfter(
      spawn(process.execPath, [script, path], { stdio: [...stdio] }),
      batches,
    )
    // The lock has gone with the process.
    const store = makeStore(path)
    const { lastSequence } = await store.open(NOON)
    await store.stop()
    assert.ok(lastSequence >= said, `${lastSequence} batches are in, ${said} were said to be`)
    const database = new Database(path, { readonly: true })
    const one = (sql: string) => database.prepare(sql).raw().get()
    for (const view of ['sni_totals', 'usage']) {
      assert.deepEqual(one(`SELECT sum(upload_bytes) FROM ${view}`), [7 * lastSequence])
    }
    assert.deepEqual(one("SELECT connections FROM sni_totals WHERE sni = 'a.example'"), [
      lastSequence,
    ])
    assert.deepEqual(one('SELECT count(*) FROM connections'), [200])
    assert.deepEqual(one('PRAGMA integrity_check'), ['ok'])
    database.close()
  }
})
