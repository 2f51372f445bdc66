import assert from 'node:assert/strict'
import { closeSync, openSync, statSync, truncateSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import Database from 'better-sqlite3'
import { damageError, isDamage } from '../../src/store/error-code.ts'
import { AlsSender, sidecarIdentifier } from '../helpers/als-sender.ts'
import { ClockedProcess, MachineTime } from '../helpers/clocked-process.ts'
import { tcpEntry, tcpMessage } from '../helpers/entry-writer.ts'
import { type ServeProcess, startServe } from '../helpers/serve.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'
import { until } from '../helpers/until.ts'

// A damaged file was treated as a full disk: the same commit was tried for ever, while what arrived
// gathered in memory.

const PAGE = 4096

function final(number: number): Buffer {
  return tcpEntry({
    streamId: `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`,
    type: 3,
    sni: `name-${number}.example`,
    startMs: Date.now() - 20,
    durationMs: 10,
    upload: 1,
  })
}

/** A file of some hundred pages, closed. */
async function filled(t: TestContext): Promise<string> {
  const db = join(temporaryFolder(t), 'snimeter.db')
  const serve = await startServe(t, { db })
  await send(serve, 1, 3000)
  assert.equal(await serve.terminate(), 0)
  assert.ok(statSync(db).size > 100 * PAGE)
  return db
}

async function send(serve: ServeProcess, from: number, count: number): Promise<void> {
  const sender = new AlsSender(serve.alsAddress)
  const entries = Array.from({ length: count }, (_, i) => final(from + i))
  await sender.send(Buffer.concat([sidecarIdentifier('shop', 'web'), tcpMessage(entries)]))
  await sender.end()
}

/** Overwrites every page of the file but the first with garbage, as a broken disk does. */
function damage(db: string): void {
  const { size } = statSync(db)
  const file = openSync(db, 'r+')
  for (let at = PAGE; at < size; at += PAGE) writeSync(file, Buffer.alloc(PAGE, 0xa5), 0, PAGE, at)
  closeSync(file)
}

async function endsBecauseOfDamage(serve: ServeProcess, db: string): Promise<void> {
  const fromMs = performance.now()
  await until('serve ends by itself', () => serve.hasExited)
  assert.ok(performance.now() - fromMs < 20_000)
  assert.equal(await serve.exited, 1)
  assert.match(serve.stderr, /is damaged \(SQLITE_(CORRUPT|NOTADB)/)
  assert.match(serve.stderr, /restore the newest copy.*\.recover/)
  assert.ok(serve.stderr.includes(db))
  assert.doesNotMatch(serve.stderr, /everything is committed/)
}

describe('a file that is damaged under serve', () => {
  it('with garbage in its pages: ends at once, says to restore, exit 1', async (t) => {
    const db = await filled(t)
    const serve = await startServe(t, { db })
    damage(db)
    await send(serve, 10_001, 2000)
    await endsBecauseOfDamage(serve, db)
  })

  it('cut off: ends at once, says to restore, exit 1', async (t) => {
    const db = await filled(t)
    const serve = await startServe(t, { db })
    truncateSync(db, 2 * PAGE)
    await send(serve, 10_001, 2000)
    await endsBecauseOfDamage(serve, db)
  })
})

describe('codes of SQLite', () => {
  for (const [code, damaged] of [
    ['SQLITE_CORRUPT', true],
    ['SQLITE_CORRUPT_INDEX', true],
    ['SQLITE_NOTADB', true],
    ['SQLITE_IOERR_CORRUPTFS', true],
    ['SQLITE_IOERR_DATA', true],
    ['SQLITE_IOERR_READ', false],
    ['SQLITE_IOERR_WRITE', false],
    ['SQLITE_FULL', false],
    ['SQLITE_READONLY', false],
    ['SQLITE_BUSY', false],
    ['SQLITE_LOCKED', false],
    ['SQLITE_NOMEM', false],
    ['SQLITE_CANTOPEN', false],
  ] as const) {
    it(`${code} ${damaged ? 'does not heal' : 'may pass, and is tried again'}`, () => {
      const error = new Database.SqliteError('it fails', code)
      assert.equal(isDamage(error), damaged)
    })
  }

  for (const [message, damaged] of [
    ['no such table: usage_minute', true],
    ['no such column: upload', true],
    ['database table is locked', false],
  ] as const) {
    it(`SQLITE_ERROR "${message}" ${damaged ? "is another file's content" : 'may pass'}`, () => {
      assert.equal(isDamage(new Database.SqliteError(message, 'SQLITE_ERROR')), damaged)
    })
  }

  it('the error names the file and what to do', () => {
    const { code, message } = damageError(
      new Database.SqliteError('database disk image is malformed', 'SQLITE_CORRUPT'),
      '/data/x.db',
    )
    assert.equal(code, 'store_corrupt')
    assert.match(message, /^\/data\/x\.db is damaged \(SQLITE_CORRUPT: database disk image/)
  })
})

it('a file that an older copy was written over is not committed to', (t) => {
  const path = join(temporaryFolder(t), 'file.db')
  const time = new MachineTime(Date.UTC(2026, 10, 24, 12))
  const serve = new ClockedProcess(path, time)
  serve.receive({ connection: 1, upload: 100, startMs: time.nowMs })
  serve.commit()
  const other = new Database(path)
  other.exec('UPDATE ledger SET sequence = 0')
  other.close()
  serve.receive({ connection: 1, upload: 200, startMs: time.nowMs })
  assert.throws(() => serve.commit(), { code: 'store_corrupt', message: /was overwritten while/ })
  serve.kill()
})
