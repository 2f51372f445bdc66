import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { defaultConfig } from '../../src/config/load.ts'
import type { TcpEntry } from '../helpers/entry-writer.ts'
import { NOON, ReceiverLife, sidecarOf, streamId } from '../helpers/receiver-life.ts'

const PERIODIC = 2
const END = 3
const SECOND = 1000
const DAY = 86_400_000
const SHOP = sidecarOf('shop', '10.1.1.1')

/** A receiver whose usage rows wait for a slow disk: room for 1000 of one sender. */
function receiver(t: TestContext): ReceiverLife {
  const config = defaultConfig()
  return new ReceiverLife(t, { ...config, rollup: { ...config.rollup, pendingRows: 1000 } })
}

const entry = (id: number, over: Partial<TcpEntry>): TcpEntry => ({
  streamId: streamId(id),
  type: PERIODIC,
  sni: 'a.example',
  startMs: NOON,
  download: 0,
  ...over,
})

/** What a neighbour reports of one connection, over three minutes, between two commits. */
function neighbour(life: ReceiverLife): void {
  const stream = life.pipeline.openStream('10.1.1.1')
  for (const [seconds, upload] of [
    [50, 100],
    [80, 400],
    [140, 1000],
  ] as const) {
    life.hear(SHOP, [entry(1, { upload })], NOON + seconds * SECOND, stream)
  }
}

/** One end of a connection of a day: 1,440 windows, the last one before noon. */
function flood(life: ReceiverLife, identifier: Buffer): void {
  const stream = life.pipeline.openStream('10.6.6.6')
  const ends = Array.from({ length: 3 }, (_, i) =>
    entry(100 + i, { type: END, upload: 1440, startMs: NOON - DAY, durationMs: DAY }),
  )
  life.hear(identifier, ends, NOON + SECOND, stream)
}

const windows = (life: ReceiverLife): string[] =>
  life.rows(`
    SELECT window_start, upload_bytes FROM usage
    WHERE workload = 'shop' AND window_start >= '2026-11-24T12:00' ORDER BY 1`)

// The rows of all senders had one bound until the next commit. One sender filled it with a few long
// connections; then what others reported went to the newest window that they had, of an earlier minute or day.
describe('the minutes of a neighbour while a flood fills the pending rows', () => {
  for (const [name, identifier] of [
    ['a workload of its own', sidecarOf('flood', '10.6.6.6')],
    ["the neighbour's workload and name", sidecarOf('shop', '10.6.6.6')],
  ] as const) {
    it(`stay as they are without it (${name})`, (t) => {
      const calm = receiver(t)
      neighbour(calm)
      const right = windows(calm)
      assert.equal(right.length, 3)
      const life = receiver(t)
      flood(life, identifier)
      assert.ok(life.pipeline.rollup.bookedLate > 0)
      const late = life.pipeline.rollup.bookedLate
      neighbour(life)
      assert.equal(life.pipeline.rollup.bookedLate, late)
      assert.deepEqual(windows(life), right)
    })
  }
})
