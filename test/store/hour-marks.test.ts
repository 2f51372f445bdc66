import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { PublicationReader } from '../../src/store/publication-reader.ts'
import { NOON } from './batch-fixture.ts'
import { MINUTE, OutboxFile } from './outbox-fixture.ts'

const HOUR = 60

/** Marks that wait: `hour after noon, revision, rows, upload`. */
function marks(file: OutboxFile): unknown[][] {
  const reader = new PublicationReader(file.path)
  try {
    return (
      reader
        .hours('kafka', 0, 1000)
        // (The grace of the first commit lies in the hour before.)
        .filter(({ mark }) => mark.hourStartMs >= NOON)
        .map(({ mark }) => [
          (mark.hourStartMs - NOON) / (HOUR * MINUTE),
          mark.revision,
          Number(mark.rows),
          Number(mark.total.uploadBytes),
        ])
    )
  } finally {
    reader.close()
  }
}

/** What waits is acknowledged: events, or marks. */
function acknowledge(file: OutboxFile): void {
  const reader = new PublicationReader(file.path)
  const events = reader.page('kafka', 0, 1_000_000).map(({ sequence }) => sequence)
  reader.close()
  file.writer.acknowledge('kafka', events)
}

function acknowledgeMarks(file: OutboxFile): void {
  const reader = new PublicationReader(file.path)
  const sequences = reader.hours('kafka', 0, 1000).map(({ sequence }) => sequence)
  reader.close()
  file.writer.acknowledgeHours('kafka', sequences)
}

const makeFile = () => new OutboxFile({ hours: ['kafka'] })

describe('the mark of a closed hour', () => {
  it('comes when everything of the hour is acknowledged, and says what that comes to', (t) => {
    const file = makeFile()
    t.after(() => file.remove())
    file.commit(1, [
      { window: 0, upload: 5 },
      { window: 0, upload: 7, sni: 'b.example' },
    ])
    file.commit(59, [{ window: 59, upload: 11 }])
    file.commit(61, [{ window: 60, upload: 100 }])
    acknowledge(file)
    assert.deepEqual(marks(file), [])
    // The last window closes; its event is not acknowledged yet.
    file.commit(62)
    assert.deepEqual(marks(file), [])
    acknowledge(file)
    assert.deepEqual(marks(file), [[0, 1, 3, 23]])
    acknowledgeMarks(file)
    assert.deepEqual(marks(file), [])
    // The next hour has one row, and the hour after it none.
    file.commit(183)
    acknowledge(file)
    assert.deepEqual(marks(file), [
      [1, 1, 1, 100],
      [2, 1, 0, 0],
    ])
  })

  it('waits for what is refused and for late changes, and is corrected by those that come later', (t) => {
    const file = makeFile()
    t.after(() => file.remove())
    file.commit(1, [{ window: 0, upload: 5 }])
    file.commit(3)
    file.writer.park('kafka', [{ sequence: 1, reason: 'message_too_large', message: '' }])
    file.commit(63)
    assert.deepEqual(marks(file), [])
    file.commit(64, [{ window: 0, upload: 1 }])
    file.writer.retryParked()
    assert.deepEqual(marks(file), [])
    acknowledge(file)
    assert.deepEqual(marks(file), [])
    file.commit(64.5)
    acknowledge(file)
    file.commit(70)
    acknowledge(file)
    assert.deepEqual(marks(file), [[0, 1, 1, 6]])
    // One revision of the mark at a time; the next one holds everything that came meanwhile.
    for (const minute of [80, 90]) {
      file.commit(minute, [
        { window: 0, upload: 10 },
        { window: 3, upload: 1000 },
      ])
      file.commit(minute + 3)
      acknowledge(file)
    }
    assert.deepEqual(marks(file), [[0, 1, 1, 6]])
    acknowledgeMarks(file)
    assert.deepEqual(marks(file), [[0, 2, 2, 2026]])
    acknowledgeMarks(file)
    file.commit(100)
    assert.deepEqual(marks(file), [])
  })

  it('of a sink that gets marks later begins with the next hour; without marks nothing is summed up', (t) => {
    const file = new OutboxFile()
    t.after(() => file.remove())
    file.commit(1, [{ window: 0, upload: 5 }])
    file.commit(63)
    acknowledge(file)
    assert.deepEqual(file.all('SELECT * FROM hour_sum'), [])
    file.reopen({ hours: ['kafka'] })
    file.commit(64, [{ window: 63, upload: 7 }])
    file.commit(130, [{ window: 125, upload: 8 }])
    acknowledge(file)
    file.commit(190)
    acknowledge(file)
    assert.deepEqual(marks(file), [[2, 1, 1, 8]])
    file.reopen()
    file.commit(300)
    assert.deepEqual(file.all('SELECT count(*) FROM hour_sum'), [[0]])
  })

  it('of a sink that is new on a file with usage begins with the first hour of which it gets everything', (t) => {
    const file = new OutboxFile({ sinks: [] })
    t.after(() => file.remove())
    file.commit(1, [{ window: 0, upload: 5 }])
    file.commit(30, [{ window: 29, upload: 7 }])
    file.reopen({ sinks: ['kafka'], hours: ['kafka'] })
    file.commit(31, [{ window: 30, upload: 11 }])
    file.commit(66, [{ window: 65, upload: 13 }])
    acknowledge(file)
    file.commit(130)
    acknowledge(file)
    assert.deepEqual(marks(file), [[1, 1, 1, 13]])
  })

  it('survives counters that no sum holds', (t) => {
    const file = makeFile()
    t.after(() => file.remove())
    const most = Number.MAX_SAFE_INTEGER * 900
    file.commit(1, [
      { window: 0, upload: most },
      { window: 1, upload: most },
    ])
    file.commit(63)
    acknowledge(file)
    assert.equal(marks(file).length, 1)
  })

  it('comes to the totals of what was published, whatever changes late and is acknowledged when', () => {
    const step = fc.record({
      minute: fc.integer({ min: 1, max: 40 }),
      window: fc.integer({ min: 0, max: 200 }),
      upload: fc.integer({ min: 1, max: 1000 }),
      name: fc.constantFrom('a.example', 'b.example'),
      acknowledged: fc.boolean(),
      marked: fc.boolean(),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
        const file = makeFile()
        try {
          let minute = 0
          const newest = new Map<number, unknown[]>()
          const look = () => {
            for (const [hour, ...mark] of marks(file)) newest.set(hour as number, mark)
          }
          for (const { minute: more, window, upload, name, acknowledged, marked } of steps) {
            minute += more
            file.commit(minute, [{ window: Math.min(window, minute), upload, sni: name }])
            if (acknowledged) acknowledge(file)
            look()
            if (marked) acknowledgeMarks(file)
          }
          for (let round = 0; round < 6; round++) {
            minute += 130
            file.commit(minute)
            acknowledge(file)
            look()
            acknowledgeMarks(file)
            look()
          }
          const sums = file.all(`
            SELECT (window_ms - ${NOON}) / 3600000 AS hour, count(*), sum(upload)
            FROM usage_minute GROUP BY hour`)
          for (const [hour, rows, upload] of sums) {
            assert.deepEqual(newest.get(hour as number)?.slice(1), [rows, upload])
          }
        } finally {
          file.remove()
        }
      }),
      { numRuns: 8 },
    )
  })
})
