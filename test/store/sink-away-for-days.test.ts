import assert from 'node:assert/strict'
import { it } from 'node:test'
import { NOON } from './batch-fixture.ts'
import { MINUTE, OutboxFile } from './outbox-fixture.ts'

const DAY = 24 * 60
const STEP = 10
const NAMES = Array.from({ length: 10 }, (_, i) => `bucket-${i}.example`)

it('a sink that is away for five days: the outbox stays in its bound, nothing unsent is compacted, every row is sent once', () => {
  const file = new OutboxFile({ maxEvents: 100 })
  try {
    let rows = 0
    for (let minute = 0; minute < 5 * DAY; minute += STEP) {
      const window = NAMES.map((sni) => ({ window: minute, sni, upload: 1 }))
      // The window before changes late, again and again.
      const late =
        minute === 0 ? [] : [{ window: minute - STEP, sni: NAMES[0] as string, upload: 1 }]
      const minutesFromMs = NOON + (minute - 3 * DAY) * MINUTE
      const { sinks } = file.commit(minute + 9, [...window, ...late, ...late], { minutesFromMs })
      rows += window.length
      assert.ok((sinks[0]?.events ?? 0) <= 100)
      file.writer.tidy()
    }
    assert.deepEqual(file.all('SELECT count(*) FROM usage_minute'), [[rows]])
    assert.deepEqual(file.all('SELECT count(*) FROM outbox'), [[100]])

    // It is back: the rows that were frozen before they changed have one more revision.
    const revisions = new Map<number, number>()
    file.commit(5 * DAY + 10)
    for (let page = file.waiting(); page.length > 0; page = file.waiting()) {
      for (const [, , , revision] of page) {
        revisions.set(revision as number, (revisions.get(revision as number) ?? 0) + 1)
      }
      file.writer.acknowledge(
        'kafka',
        page.map(([sequence]) => sequence as number),
      )
    }
    assert.equal(revisions.get(1), rows)
    assert.equal(revisions.get(2), 10, 'only what was in the outbox when it changed late')
    assert.deepEqual(
      file.all('SELECT count(*), max(revision) FROM usage WHERE revision = 0 OR upload_bytes > 3'),
      [[0, null]],
    )

    file.commit(5 * DAY + 11, [], { minutesFromMs: NOON + 2 * DAY * MINUTE })
    while (file.writer.tidy());
    assert.deepEqual(
      file.all('SELECT min(window_ms) FROM usage_minute')[0]?.[0],
      NOON + 2 * DAY * MINUTE,
    )
  } finally {
    file.remove()
  }
})
