import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import Database from 'better-sqlite3'
import { ClockedProcess, MachineTime } from '../helpers/clocked-process.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'

// A receiver whose clock was 3 h ahead for 4 s could not be started again for two hours; one that was
// 2 h behind booked bytes 2 h early for 200 hours.

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const TWELVE = Date.UTC(2026, 10, 24, 12)
/** Far from an hour's edges. */
const START = TWELVE + 20 * MINUTE

const WRONG = [
  ['3 h ahead', 3 * HOUR],
  ['8 h ahead', 8 * HOUR],
  ['14 h ahead, which is tomorrow', 14 * HOUR],
  ['a year ahead', 365 * DAY],
  ['2 h behind', -2 * HOUR],
  ['a day behind', -DAY],
  ['at 1970', -TWELVE],
] as const

function newFile(t: TestContext): string {
  return join(temporaryFolder(t), 'file.db')
}

function all(path: string, sql: string): unknown[][] {
  const database = new Database(path, { readonly: true, fileMustExist: true })
  try {
    return database.prepare(sql).raw().all() as unknown[][]
  } finally {
    database.close()
  }
}

/** Bytes of an hour. */
function bytesIn(path: string, ms: number): number {
  const hour = Math.floor(ms / HOUR) * HOUR
  const rows = all(
    path,
    `SELECT coalesce(sum(upload), 0) FROM (SELECT * FROM usage_minute UNION ALL SELECT * FROM usage_hour)
     WHERE window_ms >= ${hour} AND window_ms < ${hour + HOUR}`,
  )
  return Number(rows[0]?.[0])
}

function total(path: string): number {
  return Number(all(path, 'SELECT sum(upload_bytes) FROM sni_totals')[0]?.[0])
}

for (const [name, wrongMs] of WRONG) {
  describe(`a wall clock that is ${name}`, () => {
    it('for its first 4 s: what comes after is in its own hour, and nothing is counted twice', (t) => {
      const path = newFile(t)
      const time = new MachineTime(START)
      time.wrongMs = wrongMs
      const serve = new ClockedProcess(path, time)
      serve.pass(2 * SECOND)
      serve.receive({ connection: 1, upload: 100, startMs: START - SECOND })
      serve.pass(2 * SECOND)
      time.wrongMs = 0
      serve.pass(2 * SECOND)
      assert.equal(serve.steps.length, 1)
      const before = bytesIn(path, START)
      serve.receive({ connection: 1, upload: 1100, startMs: START - SECOND })
      serve.receive({ connection: 2, upload: 5000, startMs: time.nowMs - SECOND, final: true })
      serve.pass(30 * SECOND)
      serve.receive({ connection: 1, upload: 3100, startMs: START - SECOND, final: true })
      serve.stop()
      assert.equal(bytesIn(path, START) - before, 8000)
      assert.equal(total(path), 8100)
      assert.ok(before < 100, 'what came before was booked elsewhere, and stays there')
    })

    for (const end of ['stop', 'kill'] as const) {
      it(`for its first 4 s, then a ${end} and a right clock: the file opens, bytes are in their hour`, (t) => {
        const path = newFile(t)
        const time = new MachineTime(START)
        time.wrongMs = wrongMs
        const first = new ClockedProcess(path, time)
        first.pass(2 * SECOND)
        first.receive({ connection: 1, upload: 100, startMs: START - SECOND })
        first.pass(2 * SECOND)
        first[end]()
        time.wrongMs = 0
        time.nowMs += 5 * SECOND
        const before = bytesIn(path, START)
        const second = new ClockedProcess(path, time)
        assert.equal(Math.abs(second.clock.now() - time.nowMs) < 10, true)
        second.pass(4 * SECOND)
        second.receive({ connection: 1, upload: 1100, startMs: START - SECOND })
        second.receive({ connection: 2, upload: 5000, startMs: time.nowMs - SECOND, final: true })
        // Copies, as a second logger would send them.
        second.receive({ connection: 1, upload: 100, startMs: START - SECOND })
        second.receive({ connection: 2, upload: 5000, startMs: time.nowMs - SECOND, final: true })
        second.stop()
        assert.equal(bytesIn(path, START) - before, 6000)
        assert.equal(total(path), 6100)
        assert.deepEqual(all(path, 'SELECT sum(connections) FROM sni_totals'), [[2]])
      })

      it(`for 30 s of a running receiver, with a ${end} before it is right again`, (t) => {
        const path = newFile(t)
        const time = new MachineTime(START)
        const first = new ClockedProcess(path, time)
        first.receive({ connection: 1, upload: 100, startMs: START - SECOND })
        first.pass(MINUTE)
        time.wrongMs = wrongMs
        first.pass(10 * SECOND)
        first.receive({ connection: 1, upload: 150, startMs: START - SECOND })
        first.pass(20 * SECOND)
        first[end]()
        time.wrongMs = 0
        time.nowMs += 5 * SECOND
        const second = new ClockedProcess(path, time)
        second.pass(5 * SECOND)
        second.receive({ connection: 1, upload: 1150, startMs: START - SECOND })
        second.stop()
        assert.equal(total(path), 1150)
        // 1970 is no time: the receiver goes on by its own clock.
        const isBelieved = wrongMs > -TWELVE
        assert.equal(bytesIn(path, START), isBelieved ? 1100 : 1150)
      })
    }

    it('for 30 s of a running receiver: before, after, and not during', (t) => {
      const path = newFile(t)
      const time = new MachineTime(START)
      const serve = new ClockedProcess(path, time)
      serve.receive({ connection: 1, upload: 100, startMs: START - SECOND })
      serve.pass(MINUTE)
      time.wrongMs = wrongMs
      serve.pass(10 * SECOND)
      serve.receive({ connection: 1, upload: 150, startMs: START - SECOND })
      serve.pass(20 * SECOND)
      time.wrongMs = 0
      serve.pass(10 * SECOND)
      serve.receive({ connection: 1, upload: 1150, startMs: START - SECOND })
      serve.stop()
      const isBelieved = wrongMs > -TWELVE
      assert.equal(serve.steps.length, isBelieved ? 2 : 0)
      assert.equal(total(path), 1150)
      assert.equal(bytesIn(path, START), isBelieved ? 1100 : 1150)
    })
  })
}

it('one bad reading of the wall clock is no step', (t) => {
  const path = newFile(t)
  const time = new MachineTime(START)
  const serve = new ClockedProcess(path, time)
  serve.pass(2 * SECOND)
  time.wrongMs = DAY
  serve.pass(500)
  time.wrongMs = 0
  serve.pass(10 * SECOND)
  assert.deepEqual(serve.steps, [])
  serve.stop()
})

it('a clock that was a year ahead for hours does not book what follows to the next year', (t) => {
  const path = newFile(t)
  const time = new MachineTime(START)
  const first = new ClockedProcess(path, time)
  first.receive({ connection: 1, upload: 10, startMs: START - SECOND, final: true })
  first.stop()
  time.wrongMs = 365 * DAY
  const second = new ClockedProcess(path, time)
  second.pass(20 * HOUR)
  time.wrongMs = 0
  second.pass(2 * MINUTE)
  second.pass(2 * HOUR)
  second.receive({ connection: 2, upload: 1000, startMs: time.nowMs - SECOND, final: true })
  second.stop()
  assert.equal(bytesIn(path, time.nowMs), 1000)
})

it('the names of a day that the clock was ahead of count on, and are forgotten at its end', (t) => {
  const path = newFile(t)
  const time = new MachineTime(START)
  const serve = new ClockedProcess(path, time)
  const { budget } = serve.pipeline.identities
  const day = (): number => [...budget.destinations()].length
  serve.receive({ connection: 1, upload: 1, startMs: START, sni: 'a.example', final: true })
  time.wrongMs = DAY
  serve.pass(5 * SECOND)
  serve.receive({ connection: 2, upload: 1, startMs: START, sni: 'b.example', final: true })
  time.wrongMs = 0
  serve.pass(5 * SECOND)
  serve.receive({ connection: 3, upload: 1, startMs: START, sni: 'c.example', final: true })
  assert.equal(day(), 2)
  serve.pass(12 * HOUR)
  serve.receive({ connection: 4, upload: 1, startMs: time.nowMs, sni: 'd.example', final: true })
  assert.equal(day(), 1)
  serve.stop()
})

it('what waits for the file when the clock is set is booked by the right clock', (t) => {
  const path = newFile(t)
  const time = new MachineTime(START)
  const first = new ClockedProcess(path, time)
  first.receive({ connection: 1, upload: 1, startMs: START, final: true })
  first.stop()
  time.wrongMs = 3 * HOUR
  const second = new ClockedProcess(path, time)
  second.pass(2 * SECOND)
  // It began before what the file knows: the file is asked first.
  second.send({ connection: 2, upload: 1000, startMs: START - SECOND })
  assert.equal(second.pipeline.held.size, 1)
  time.wrongMs = 0
  second.pass(2 * SECOND)
  assert.equal(second.steps.length, 1)
  second.answer()
  assert.equal(second.pipeline.held.size, 0)
  second.stop()
  assert.equal(bytesIn(path, START), 1001)
})

it('a node is judged by the clock that was set: no lag of before, no silence that there was not', (t) => {
  const time = new MachineTime(START)
  time.wrongMs = -2 * HOUR
  const serve = new ClockedProcess(newFile(t), time)
  const { observations } = serve.pipeline
  const lags = () => [...observations.reports()].map(({ lagMs }) => lagMs)
  serve.receive({ connection: 1, upload: 1, startMs: START - SECOND, final: true })
  assert.deepEqual(lags(), [-2 * HOUR])
  time.wrongMs = 0
  serve.pass(SECOND + 250)
  assert.equal(serve.steps.length, 1)
  assert.equal(observations.activity.lastMs, START)
  assert.deepEqual(
    [...observations.activity.reports()].map(({ firstMs, lastMs }) => [firstMs, lastMs]),
    [[START, START]],
  )
  serve.receive({ connection: 2, upload: 1, startMs: time.nowMs - SECOND, final: true })
  assert.deepEqual(lags(), [0])
  serve.stop()
})

it('invalid SNIs of a day that the clock was ahead of count on, and find room at its end', (t) => {
  const time = new MachineTime(START)
  const serve = new ClockedProcess(newFile(t), time)
  const { invalidSnis } = serve.pipeline
  let connection = 0
  const end = () =>
    serve.receive({
      connection: ++connection,
      upload: 1,
      startMs: time.nowMs,
      sni: 'a b',
      final: true,
    })
  time.wrongMs = DAY
  serve.pass(5 * SECOND)
  for (let i = 0; i < 5000; i++) end()
  time.wrongMs = 0
  serve.pass(5 * SECOND)
  end()
  assert.equal(invalidSnis.dropped, 1)
  serve.pass(12 * HOUR)
  end()
  assert.deepEqual([invalidSnis.count, invalidSnis.dropped], [5002, 1])
  serve.stop()
})

it('minutes stay minutes while a clock is weeks ahead for a minute, after days of a right one', (t) => {
  const path = newFile(t)
  const time = new MachineTime(START)
  const serve = new ClockedProcess(path, time)
  serve.receive({ connection: 1, upload: 1, startMs: START, final: true })
  serve.pass(3 * DAY)
  serve.receive({ connection: 2, upload: 10, startMs: time.nowMs - SECOND, final: true })
  serve.commit()
  time.wrongMs = 40 * DAY
  serve.pass(MINUTE)
  time.wrongMs = 0
  serve.pass(5 * SECOND)
  assert.equal(serve.steps.length, 2)
  serve.receive({ connection: 3, upload: 100, startMs: time.nowMs - SECOND, final: true })
  serve.stop()
  assert.deepEqual(all(path, 'SELECT sum(upload), min(window_ms) FROM usage_minute'), [
    [111, START],
  ])
})

it('minutes begin again after a clock that was a year ahead, but not in an hour that is one row already', (t) => {
  for (const end of ['none', 'stop', 'kill'] as const) {
    const path = newFile(t)
    const time = new MachineTime(START)
    const ahead = new ClockedProcess(path, time)
    ahead.receive({ connection: 1, upload: 10, startMs: START - SECOND, final: true })
    ahead.commit()
    time.wrongMs = 365 * DAY
    ahead.pass(15 * MINUTE)
    assert.deepEqual(all(path, 'SELECT window_ms, upload FROM usage_hour'), [[TWELVE, 10]])
    time.wrongMs = 0
    let serve = ahead
    if (end === 'none') ahead.pass(5 * SECOND)
    else {
      ahead[end]()
      serve = new ClockedProcess(path, time)
    }
    serve.receive({ connection: 2, upload: 100, startMs: time.nowMs - SECOND, final: true })
    serve.commit()
    // A minute of this hour may be published, and none is made in it once more.
    assert.deepEqual(all(path, 'SELECT window_ms, upload FROM usage_hour'), [[TWELVE, 10]], end)
    const next = [TWELVE + HOUR, 100]
    assert.deepEqual(all(path, 'SELECT window_ms, upload FROM usage_minute'), [next], end)
    serve.pass(HOUR)
    serve.receive({ connection: 3, upload: 1000, startMs: time.nowMs, final: true })
    serve.stop()
    const minute = Math.floor(time.nowMs / MINUTE) * MINUTE
    assert.deepEqual(
      all(path, 'SELECT window_ms, upload FROM usage_minute ORDER BY window_ms'),
      [next, [minute, 1000]],
      end,
    )
  }
})

it('minutes begin at once for a receiver that starts after one whose clock was a year ahead', (t) => {
  const path = newFile(t)
  const time = new MachineTime(START)
  const first = new ClockedProcess(path, time)
  first.receive({ connection: 1, upload: 10, startMs: START - SECOND, final: true })
  first.commit()
  time.wrongMs = 365 * DAY
  first.pass(HOUR)
  first.stop()
  time.wrongMs = 0
  const second = new ClockedProcess(path, time)
  second.receive({ connection: 2, upload: 100, startMs: time.nowMs, final: true })
  second.stop()
  assert.deepEqual(all(path, 'SELECT window_ms, upload FROM usage_minute'), [
    [Math.floor(time.nowMs / MINUTE) * MINUTE, 100],
  ])
})

it('a start of weeks ahead that a wrong clock has let pass makes nothing of a right one wait', (t) => {
  const path = newFile(t)
  const time = new MachineTime(START)
  time.wrongMs = 365 * DAY
  const first = new ClockedProcess(path, time)
  first.receive({ connection: 1, upload: 1, startMs: START + 30 * DAY, final: true })
  first.stop()
  time.wrongMs = 0
  time.nowMs += 5 * SECOND
  const second = new ClockedProcess(path, time)
  second.send({ connection: 2, upload: 10, startMs: time.nowMs, final: true })
  assert.equal(second.pipeline.held.size, 0, 'the file need not be asked')
  // Its copy is found.
  second.receive({ connection: 1, upload: 1, startMs: START + 30 * DAY, final: true })
  second.stop()
  assert.equal(total(path), 11)
})

it('a connection whose start was years ahead of the clock is looked up when the clock is right', (t) => {
  const path = newFile(t)
  const time = new MachineTime(START)
  time.wrongMs = Date.UTC(2020, 1) - START
  const first = new ClockedProcess(path, time)
  first.receive({ connection: 1, upload: 100, startMs: START - SECOND, final: true })
  first.pass(2 * SECOND)
  first.stop()
  time.wrongMs = 0
  const second = new ClockedProcess(path, time)
  second.pass(2 * SECOND)
  second.receive({ connection: 1, upload: 100, startMs: START - SECOND, final: true })
  second.stop()
  assert.equal(total(path), 100)
})

it('windows that a clock was ahead of are published whole once they are over', (t) => {
  const path = newFile(t)
  const time = new MachineTime(START)
  time.wrongMs = 3 * HOUR
  const serve = new ClockedProcess(path, time, undefined, ['sink'])
  serve.receive({ connection: 1, upload: 100, startMs: START + 3 * HOUR - SECOND })
  serve.pass(5 * MINUTE)
  time.wrongMs = 0
  serve.pass(10 * SECOND)
  const sent = new Map<string, bigint>()
  const acknowledge = (): void => {
    const rows = all(
      path,
      `SELECT o.sequence, o.window_ms || ' ' || o.destination_id, p.upload, p.revision
       FROM outbox o JOIN publication p USING (sink_id, window_ms, workload_id, destination_id, revision)`,
    )
    for (const [, key, upload] of rows) sent.set(String(key), BigInt(String(upload)))
    serve.writer.acknowledge(
      'sink',
      rows.map(([sequence]) => Number(sequence)),
    )
  }
  for (let i = 1; i <= 12; i++) {
    serve.receive({ connection: 2, upload: i * 1000, startMs: START + 6 * MINUTE })
    serve.pass(30 * SECOND)
    acknowledge()
  }
  serve.pass(10 * MINUTE)
  acknowledge()
  serve.pass(10 * MINUTE)
  acknowledge()
  serve.stop()
  const sum = [...sent.values()].reduce((left, right) => left + right, 0n)
  assert.equal(sum, 12_100n)
  // A window is published when it is over, not with every commit.
  assert.deepEqual(all(path, 'SELECT max(revision) FROM publication'), [[1]])
})

it('a late change that was to follow by a clock that was ahead follows by the right one', (t) => {
  const path = newFile(t)
  const time = new MachineTime(START)
  time.wrongMs = 3 * HOUR
  const serve = new ClockedProcess(path, time, undefined, ['sink'])
  serve.receive({ connection: 1, upload: 100, startMs: START + 3 * HOUR })
  serve.pass(3 * MINUTE + 30 * SECOND)
  const outbox = all(path, 'SELECT sequence FROM outbox').map(([sequence]) => Number(sequence))
  assert.equal(outbox.length, 1)
  serve.writer.acknowledge('sink', outbox)
  // Some of it belongs to the window that was published, which may follow two minutes after that.
  serve.receive({ connection: 1, upload: 800, startMs: START + 3 * HOUR })
  serve.commit()
  time.wrongMs = 0
  serve.pass(3 * MINUTE)
  const revisions = `SELECT revision FROM publication WHERE window_ms = ${START + 3 * HOUR}`
  assert.deepEqual(all(path, revisions), [[1], [2]])
  serve.stop()
})

describe('the time without a receiver', () => {
  /** Nothing changed after the first second. */
  const LAST_COMMIT = START + SECOND
  const gaps = (path: string): unknown[][] =>
    all(path, 'SELECT from_ms, to_ms FROM receiver_gap ORDER BY id')

  it('is as long as it was, though the clock was wrong before it', (t) => {
    const path = newFile(t)
    const time = new MachineTime(START)
    time.wrongMs = 3 * HOUR
    const first = new ClockedProcess(path, time)
    first.receive({ connection: 1, upload: 1, startMs: START })
    first.pass(4 * SECOND)
    first.stop()
    time.wrongMs = 0
    time.nowMs += 30 * SECOND
    const second = new ClockedProcess(path, time)
    second.writer.receiving(second.clock.now())
    second.stop()
    assert.deepEqual(gaps(path), [[LAST_COMMIT, time.nowMs]])
  })

  for (const wrongMs of [3 * HOUR, -2 * HOUR])
    it(`is as long as it was, though the clock is wrong by ${wrongMs / HOUR} h after it`, (t) => {
      const path = newFile(t)
      const time = new MachineTime(START)
      const first = new ClockedProcess(path, time)
      first.receive({ connection: 1, upload: 1, startMs: START })
      first.pass(4 * SECOND)
      first.stop()
      time.wrongMs = wrongMs
      time.nowMs += 30 * SECOND
      const startedMs = time.nowMs
      const second = new ClockedProcess(path, time)
      second.writer.receiving(second.clock.now())
      second.pass(4 * SECOND)
      time.wrongMs = 0
      second.pass(4 * SECOND)
      second.stop()
      assert.deepEqual(gaps(path), [[LAST_COMMIT, startedMs]])
    })
})

it('a connection whose start was years ahead of the clock is looked up once memory has forgotten it', (t) => {
  const path = newFile(t)
  const time = new MachineTime(START)
  time.wrongMs = Date.UTC(2020, 1) - START
  const serve = new ClockedProcess(path, time)
  serve.receive({ connection: 1, upload: 100, startMs: START - SECOND, final: true })
  serve.pass(40 * MINUTE)
  assert.equal(serve.pipeline.ledger.tombstones, 0)
  time.wrongMs = 0
  serve.pass(4 * SECOND)
  assert.equal(serve.steps.length, 1)
  serve.receive({ connection: 1, upload: 100, startMs: START - SECOND, final: true })
  serve.stop()
  assert.equal(total(path), 100)
})
