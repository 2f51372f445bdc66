import assert from 'node:assert/strict'
import {
  existsSync,
  mkdirSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import Database from 'better-sqlite3'
import { AlsSender, sidecarIdentifier } from '../helpers/als-sender.ts'
import { tcpEntry, tcpMessage } from '../helpers/entry-writer.ts'
import { type LogLine, metricSum, type ServeProcess, startServe } from '../helpers/serve.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'
import { select } from '../helpers/totals.ts'
import { until } from '../helpers/until.ts'

// The file was removed, moved or replaced under serve: it was ready, no metric said anything, everything
// was "committed", the exit code was 0, and the bytes were gone.

const ENV = { SNIMETER_SHUTDOWN_DEADLINE: '2s' }

async function send(serve: ServeProcess, number: number, upload: number): Promise<void> {
  const before = await metricSum(serve, 'snimeter_entries_received_total')
  const sender = new AlsSender(serve.alsAddress)
  const entry = tcpEntry({
    streamId: `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`,
    type: 3,
    sni: 'a.example',
    startMs: Date.now() - 20,
    durationMs: 10,
    upload,
  })
  await sender.send(Buffer.concat([sidecarIdentifier('shop', 'web'), tcpMessage([entry])]))
  await until(
    'the entry is received',
    async () => (await metricSum(serve, 'snimeter_entries_received_total')) === before + 1,
  )
  await sender.end()
}

const total = (db: string): unknown =>
  select(db, 'SELECT sum(upload_bytes) AS sum FROM sni_totals')[0]?.['sum']

const committed = (db: string, bytes: bigint): Promise<boolean> =>
  until(`${bytes} bytes are committed`, () => total(db) === bytes)

/** The first line that says that the file fails. */
const failure = (serve: ServeProcess): Promise<LogLine> =>
  until('serve says that the file fails', () =>
    serve.log.find((line) => String(line['code']).startsWith('store_file_')),
  )

async function fails(serve: ServeProcess): Promise<void> {
  await until(
    'the metric says so',
    async () => (await metricSum(serve, 'snimeter_store_failing')) === 1,
  )
}

async function started(
  t: TestContext,
): Promise<{ folder: string; db: string; serve: ServeProcess }> {
  const folder = realpathSync(temporaryFolder(t))
  const db = join(folder, 'data', 'snimeter.db')
  mkdirSync(join(folder, 'data'))
  const serve = await startServe(t, { db, env: ENV })
  await send(serve, 1, 100)
  await committed(db, 100n)
  return { folder, db, serve }
}

describe('the database file under serve', () => {
  it('removed: nothing counts as committed, and the end says so', async (t) => {
    const { db, serve } = await started(t)
    rmSync(db)
    await send(serve, 2, 1000)
    const { code, message } = (await failure(serve)) as { code?: string; message?: string }
    assert.equal(code, 'store_file_removed')
    assert.match(String(message), /the database .* was removed/)
    await fails(serve)
    assert.equal(await serve.terminate(), 1)
    assert.match(serve.stderr, /not everything received is in .*was removed/)
  })

  it('removed with nothing received since: what was committed is gone, and the end says so', async (t) => {
    const { db, serve } = await started(t)
    rmSync(db)
    assert.equal(await serve.terminate(), 1)
    assert.match(serve.stderr, /not everything received is in .*was removed/)
  })

  it('moved: says where it is, and goes on when it is back, with every byte once', async (t) => {
    const { folder, db, serve } = await started(t)
    const away = join(folder, 'elsewhere.db')
    renameSync(db, away)
    await send(serve, 2, 1000)
    const { code, message } = (await failure(serve)) as { code?: string; message?: string }
    assert.equal(code, 'store_file_moved')
    assert.ok(String(message).includes(`was moved to ${away}`), message)
    await fails(serve)
    assert.equal((await fetch(`${serve.httpUrl}/readyz`)).status, 200)
    renameSync(away, db)
    await committed(db, 1100n)
    await until(
      'the metric is 0',
      async () => (await metricSum(serve, 'snimeter_store_failing')) === 0,
    )
    await send(serve, 3, 10_000)
    assert.equal(await serve.terminate(), 0)
    assert.equal(total(db), 11_100n)
  })

  it('replaced: the new file is left alone, and the end is not in order', async (t) => {
    const { folder, db, serve } = await started(t)
    for (const tail of ['', '-wal', '-shm'])
      renameSync(`${db}${tail}`, join(folder, `old.db${tail}`))
    const other = new Database(db)
    other.pragma('journal_mode = WAL')
    other.exec('CREATE TABLE theirs (x); INSERT INTO theirs VALUES (7)')
    await send(serve, 2, 1000)
    assert.match(String((await failure(serve))['code']), /store_file_(moved|replaced)/)
    assert.equal(await serve.terminate(), 1)
    assert.ok(existsSync(`${db}-wal`), 'the log of another open database stays')
    assert.deepEqual(other.prepare('SELECT x FROM theirs').pluck().all(), [7])
    assert.deepEqual(other.prepare('SELECT name FROM sqlite_schema').pluck().all(), ['theirs'])
    other.close()
    assert.equal(total(join(folder, 'old.db')), 100n)
  })

  it('in a folder that was removed, or moved and is back', async (t) => {
    const { folder, db, serve } = await started(t)
    renameSync(join(folder, 'data'), join(folder, 'data2'))
    await send(serve, 2, 1000)
    const { message } = (await failure(serve)) as { message?: string }
    assert.ok(
      String(message).includes(`was moved to ${join(folder, 'data2', 'snimeter.db')}`),
      message,
    )
    renameSync(join(folder, 'data2'), join(folder, 'data'))
    await committed(db, 1100n)
    rmSync(join(folder, 'data'), { recursive: true })
    await send(serve, 3, 1)
    assert.equal(await serve.terminate(), 1)
  })

  it('whose write-ahead log was removed: nothing is committed, and what was is kept', async (t) => {
    const { db, serve } = await started(t)
    rmSync(`${db}-wal`)
    await send(serve, 2, 1000)
    const { code, message } = (await failure(serve)) as { code?: string; message?: string }
    assert.equal(code, 'store_file_removed')
    assert.match(String(message), /write-ahead log/)
    assert.equal(await serve.terminate(), 1)
    assert.equal(total(db), 100n)
  })

  it('behind a link that leads elsewhere', async (t) => {
    const folder = realpathSync(temporaryFolder(t))
    const real = join(folder, 'real.db')
    const db = join(folder, 'link.db')
    new Database(real).close()
    symlinkSync(real, db)
    const serve = await startServe(t, { db, env: ENV })
    await send(serve, 1, 100)
    await committed(db, 100n)
    // In one step: a commit in between would find no file.
    new Database(join(folder, 'other.db')).exec('CREATE TABLE t (x)').close()
    symlinkSync(join(folder, 'other.db'), `${db}.new`)
    renameSync(`${db}.new`, db)
    await send(serve, 2, 1000)
    assert.equal((await failure(serve))['code'], 'store_file_replaced')
    unlinkSync(db)
    symlinkSync(real, db)
    await committed(db, 1100n)
    assert.equal(await serve.terminate(), 0)
  })

  it('whose lock was removed: it is taken again, and a second writer stays out', async (t) => {
    const { db, serve } = await started(t)
    rmSync(`${db}.lock`)
    await send(serve, 2, 1000)
    await committed(db, 1100n)
    assert.ok(existsSync(`${db}.lock`))
    await assert.rejects(startServe(t, { db }), /in use by another snimeter/)
    assert.equal(await serve.terminate(), 0)
  })
})
