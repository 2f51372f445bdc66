import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import Database from 'better-sqlite3'
import pino from 'pino'
import { defaultConfig } from '../src/config/load.ts'
import { type ReplaySummary, replay } from '../src/replay.ts'
import { Store } from '../src/store/store.ts'
import { capturePath } from './helpers/captures.ts'
import { tcpEntry, tcpMessage } from './helpers/entry-writer.ts'
import { SHOP_SIDECAR } from './helpers/shop-sidecar.ts'
import { temporaryFolder } from './helpers/temporary-folder.ts'

const NOON = Date.UTC(2026, 10, 24, 12)
const MINUTE = 60_000
const logger = pino({ level: 'silent' })

interface Word {
  /** Arrival, ms after noon. */
  readonly at: number
  readonly connection: number
  readonly upload: number
  readonly start?: number
  readonly final?: boolean
  readonly stream?: number
}

/** A capture of one message a word; every message says who speaks. */
function writeCapture(path: string, words: readonly Word[]): string {
  const records = words.map((word) => {
    const entry = tcpEntry({
      streamId: `00000000-0000-4000-8000-${String(word.connection).padStart(12, '0')}`,
      type: word.final === true ? 3 : 2,
      sni: `n${word.connection % 20}.example`,
      startMs: NOON + (word.start ?? 0),
      upload: word.upload,
      download: 2 * word.upload,
    })
    const message = tcpMessage([entry], SHOP_SIDECAR)
    const header = Buffer.alloc(16)
    header.writeUInt32LE(word.stream ?? 1, 0)
    header.writeDoubleLE((NOON + word.at) / 1000, 4)
    header.writeUInt32LE(message.length, 12)
    return Buffer.concat([header, message])
  })
  writeFileSync(path, Buffer.concat(records))
  return path
}

function replayInto(dbPath: string, ...captures: string[]): Promise<ReplaySummary> {
  return replay({ dbPath, captures, config: defaultConfig(), logger })
}

function open(path: string): Database.Database {
  return new Database(path, { readonly: true, fileMustExist: true })
}

function all(path: string, sql: string): unknown[] {
  const database = open(path)
  try {
    return database.prepare(sql).safeIntegers().all()
  } finally {
    database.close()
  }
}

/** Every row of every table, but for the random id of the ledger. */
function dump(path: string): Record<string, unknown[]> {
  const tables = all(path, "SELECT name FROM sqlite_schema WHERE type = 'table'") as {
    name: string
  }[]
  return Object.fromEntries(
    tables.map(({ name }) => {
      const rows = all(path, `SELECT * FROM ${name}`) as Record<string, unknown>[]
      return [name, rows.map((row) => ({ ...row, ledger_id: '' }))]
    }),
  )
}

/** When a connection last spoke is told anew by a second replay. */
const RETOLD = new Set(['last_arrival_ms', 'last_ledger_ms'])
const COUNTED = ['usage_minute', 'usage_hour', 'pair_total', 'connection']
const TOTALS =
  'SELECT sni, upload_bytes AS upload, connections FROM sni_totals WHERE upload_bytes > 0 ORDER BY sni'

function counted(path: string): unknown {
  const tables = dump(path)
  return COUNTED.map((name) =>
    tables[name]?.map((row) =>
      Object.fromEntries(Object.entries(row as object).filter(([column]) => !RETOLD.has(column))),
    ),
  )
}

/** Ten connections that speak every hour, and short ones, over days: minutes are compacted. */
function someDays(days: number): Word[] {
  const words: Word[] = []
  for (let hour = 0; hour < days * 24; hour++) {
    const at = hour * 60 * MINUTE
    for (let connection = 1; connection <= 10; connection++) {
      words.push({ at: at + connection, connection, upload: 1000 * hour })
    }
    words.push({ at: at + 100, connection: 11 + hour, upload: 7, start: at, final: true })
  }
  return words
}

describe('the same capture', () => {
  for (const name of [
    '1.40.0/short-connections',
    '1.40.0/long-lived-periodic',
    '1.36.2/all-types',
  ]) {
    it(`gives the same rows in every table whenever it is replayed: ${name}`, async (t) => {
      const folder = temporaryFolder(t)
      const [first, second] = [join(folder, 'first.db'), join(folder, 'second.db')]
      const summary = await replayInto(first, capturePath(name))
      assert.deepEqual(await replayInto(second, capturePath(name)), summary)
      assert.ok(summary.messages > 0)
      const rows = dump(first)
      assert.ok((rows['connection']?.length ?? 0) > 0)
      assert.deepEqual(dump(second), rows)
    })
  }

  it('of many days gives the same rows too, minutes compacted as far as the capture goes', async (t) => {
    const folder = temporaryFolder(t)
    const capture = writeCapture(join(folder, 'days.alscap'), someDays(5))
    const [first, second] = [join(folder, 'first.db'), join(folder, 'second.db')]
    await replayInto(first, capture)
    await replayInto(second, capture)
    assert.deepEqual(dump(second), dump(first))
    const [mark] = all(first, 'SELECT minutes_from_ms AS ms FROM ledger') as { ms: bigint }[]
    const [oldest] = all(first, 'SELECT min(window_ms) AS ms FROM usage_minute')
    assert.ok((mark?.ms ?? 0n) > BigInt(NOON))
    assert.deepEqual(oldest, mark)
  })

  it('does not go on before the file has answered: a late answer would count in a later window', async (t) => {
    const path = join(temporaryFolder(t), 'file.db')
    // A start ahead of its arrival: the file is asked.
    const capture = writeCapture(`${path}.alscap`, [
      { at: 0, connection: 1, upload: 5, start: 10 * MINUTE, final: true },
      { at: 5 * MINUTE, connection: 2, upload: 7, final: true },
    ])
    await replayInto(path, capture)
    assert.deepEqual(
      all(
        path,
        'SELECT window_start AS at, connections_seen AS seen FROM coverage ORDER BY window_start',
      ),
      [
        { at: '2026-11-24T12:00:00Z', seen: 1n },
        { at: '2026-11-24T12:05:00Z', seen: 1n },
      ],
    )
  })

  it('adds nothing to usage, totals and connections the second time', async (t) => {
    const folder = temporaryFolder(t)
    for (const capture of [
      capturePath('1.40.0/all-types'),
      capturePath('1.40.0/tls-origination-http'),
      writeCapture(join(folder, 'days.alscap'), someDays(1)),
    ]) {
      const path = join(folder, `${capture.replaceAll('/', '-')}.db`)
      const once = await replayInto(path, capture)
      const before = counted(path)
      assert.deepEqual(await replayInto(path, capture), once)
      assert.deepEqual(counted(path), before)
      const [entries] = all(path, 'SELECT sum(entries) AS n FROM coverage')
      assert.deepEqual(entries, { n: BigInt(2 * once.entries) })
    }
  })
})

describe('several captures', () => {
  it('are merged by arrival, whatever their order; their stream numbers are not the same stream', async (t) => {
    const folder = temporaryFolder(t)
    const word = { connection: 1, stream: 1 }
    const early = writeCapture(join(folder, 'b.alscap'), [
      { ...word, at: 30_000, upload: 60 },
      { ...word, at: 3 * MINUTE, upload: 120, final: true },
    ])
    const between = writeCapture(join(folder, 'a.alscap'), [
      { ...word, at: MINUTE, upload: 60 },
      { ...word, at: 2 * MINUTE, upload: 100 },
    ])
    for (const captures of [
      [early, between],
      [between, early],
    ]) {
      const path = join(folder, `${captures.length}-${captures[0] === early}.db`)
      assert.equal((await replayInto(path, ...captures)).messages, 4)
      assert.deepEqual(
        all(path, 'SELECT window_start, upload_bytes FROM usage ORDER BY window_start').map((row) =>
          Object.values(row as object),
        ),
        [
          ['2026-11-24T12:00:00Z', 60n],
          ['2026-11-24T12:01:00Z', 40n],
          ['2026-11-24T12:02:00Z', 20n],
          ['2026-11-24T12:03:00Z', 0n],
        ],
      )
    }
  })

  it('one after the other are as good as together, for totals', async (t) => {
    const folder = temporaryFolder(t)
    const names = ['1.40.0/receiver-restart.1', '1.40.0/receiver-restart.2'].map(capturePath)
    const [together, apart] = [join(folder, 'together.db'), join(folder, 'apart.db')]
    await replayInto(together, ...names)
    for (const name of names) await replayInto(apart, name)
    const totals = all(together, TOTALS)
    assert.ok(totals.length > 0)
    assert.deepEqual(all(apart, TOTALS), totals)
  })
})

describe('a capture that begins where the file has forgotten connections', () => {
  const WORDS: Word[] = [
    { at: MINUTE, connection: 1, upload: 5, final: true },
    { at: 2 * MINUTE, connection: 2, upload: 7, final: true },
  ]

  /** A file that has forgotten a connection which last spoke at a moment after noon. */
  async function fileThatForgot(t: TestContext, lastArrival: number): Promise<string> {
    const path = join(temporaryFolder(t), 'file.db')
    const capture = writeCapture(`${path}.alscap`, [
      { at: lastArrival, connection: 99, upload: 1, final: true },
    ])
    await replayInto(path, capture)
    const database = new Database(path)
    database.prepare('UPDATE ledger SET forgotten_before_ms = ?').run(NOON + lastArrival)
    database.close()
    return path
  }

  it('is refused before anything is written, also at the very moment', async (t) => {
    const path = await fileThatForgot(t, MINUTE)
    const capture = writeCapture(`${path}.late.alscap`, WORDS)
    const before = dump(path)
    await assert.rejects(replayInto(path, capture), {
      code: 'capture_forgotten',
      message: `the captures begin at 2026-11-24T12:01:00.000Z, but ${path} has forgotten connections that last spoke up to 2026-11-24T12:01:00.000Z: counting them again could count bytes twice; replay into a new file`,
    })
    assert.deepEqual(dump(path), before)
  })

  it('is refused for the earliest of several', async (t) => {
    const path = await fileThatForgot(t, MINUTE + 1)
    const late = writeCapture(`${path}.1.alscap`, [
      { at: 5 * MINUTE, connection: 3, upload: 5, final: true },
    ])
    const early = writeCapture(`${path}.2.alscap`, WORDS)
    await assert.rejects(replayInto(path, late, early), { code: 'capture_forgotten' })
  })

  it('is taken when it begins after that', async (t) => {
    const path = await fileThatForgot(t, MINUTE - 1)
    await replayInto(path, writeCapture(`${path}.late.alscap`, WORDS))
    const [total] = all(path, 'SELECT sum(upload_bytes) AS upload FROM sni_totals')
    assert.deepEqual(total, { upload: 13n })
  })
})

describe('replay is refused', () => {
  it('into a file that another process writes', async (t) => {
    const path = join(temporaryFolder(t), 'file.db')
    const { rollup, store: config } = defaultConfig()
    const serve = new Store({
      path,
      windowSeconds: rollup.windowSeconds,
      changeWindows: true,
      retention: config.retention,
    })
    await serve.open(NOON)
    const capture = writeCapture(`${path}.alscap`, [{ at: 0, connection: 1, upload: 1 }])
    await assert.rejects(replayInto(path, capture), { code: 'store_locked' })
    await serve.stop()
    assert.equal((await replayInto(path, capture)).entries, 1)
  })

  it('of a capture that is not there, without making a file', async (t) => {
    const folder = temporaryFolder(t)
    const path = join(folder, 'file.db')
    await assert.rejects(replayInto(path, join(folder, 'none.alscap')), { code: 'no_capture' })
    assert.equal(existsSync(path), false)
  })
})

describe('a capture whose writer died', () => {
  it('counts up to the record that is not whole, wherever it was cut', async (t) => {
    const folder = temporaryFolder(t)
    const whole = writeCapture(join(folder, 'whole.alscap'), [
      { at: 0, connection: 1, upload: 5 },
      { at: 1000, connection: 1, upload: 9 },
    ])
    const bytes = readFileSync(whole)
    const first = 16 + bytes.readUInt32LE(12)
    for (const length of [first, first + 1, first + 15, first + 16, bytes.length - 1]) {
      const cut = join(folder, `cut-${length}.alscap`)
      writeFileSync(cut, bytes.subarray(0, length))
      const path = join(folder, `cut-${length}.db`)
      assert.equal((await replayInto(path, cut)).messages, 1)
      assert.deepEqual(all(path, TOTALS), [{ sni: 'n1.example', upload: 5n, connections: 1n }])
      // The rest of it, once it is there, adds what was missing.
      await replayInto(path, whole)
      assert.deepEqual(all(path, TOTALS), [{ sni: 'n1.example', upload: 9n, connections: 1n }])
    }
  })

  it('of nothing at all changes nothing', async (t) => {
    const folder = temporaryFolder(t)
    const empty = join(folder, 'empty.alscap')
    writeFileSync(empty, '')
    const path = join(folder, 'file.db')
    assert.deepEqual((await replayInto(path, empty)).entries, 0)
    assert.deepEqual(all(path, 'SELECT * FROM sni_totals'), [])
  })
})
