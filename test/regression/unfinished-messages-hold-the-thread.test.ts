import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FairShare } from '../../src/runtime/fair-share.ts'
import { tcpEntry, tcpMessage } from '../helpers/entry-writer.ts'
import { inParts } from '../helpers/message-in-parts.ts'
import { NOON, ReceiverLife, sidecarOf, streamId } from '../helpers/receiver-life.ts'

const STREAMS = 10
const ENDS = 6400
const TOTALS = `SELECT sum(connections_closed), sum(upload_bytes) FROM usage
  WHERE window_start < '2026-11-24T12:01'`

// Messages that one sender had begun together were overdue together: 240,000 samples that waited were booked
// in one turn, 720 ms of CPU.
test('messages that are overdue together are booked one after the other, and none is forgotten', (t) => {
  const life = new ReceiverLife(t)
  const streams = Array.from({ length: STREAMS }, (_, number) => {
    const stream = life.pipeline.openStream('one-peer')
    const ends = Array.from({ length: ENDS }, (__, i) =>
      tcpEntry({
        streamId: streamId(number * ENDS + i),
        type: 3,
        sni: 'a.example',
        startMs: NOON - 1000,
        durationMs: 900,
        upload: 10,
        download: 0,
      }),
    )
    const parts = inParts(tcpMessage(ends, sidecarOf('cart', '10.1.1.1')))
    for (const part of parts.slice(0, -1)) life.pipeline.message(stream, part, NOON)
    return { stream, last: parts.at(-1) as Buffer }
  })
  const waiting = (): number => (life.pipeline.pools['unfinished'] as FairShare).total
  assert.ok(waiting() > STREAMS * (ENDS - 1000))
  let most = 0
  let ticks = 0
  for (let now = NOON + 10_000; waiting() > 0; now += 1000) {
    assert.ok(++ticks < 10)
    const before = waiting()
    life.pipeline.tick(now)
    most = Math.max(most, before - waiting())
  }
  assert.equal(ticks, 3)
  assert.ok(most < 40_000, `${most} in one turn`)
  for (const { stream, last } of streams) life.pipeline.message(stream, last, NOON + 30_000)
  life.answer()
  assert.deepEqual(life.rows(TOTALS), [`${STREAMS * ENDS} ${STREAMS * ENDS * 10}`])
})
