import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { PipelineStream } from '../../src/pipeline.ts'
import { type TcpEntry, tcpEntry, tcpMessage } from '../helpers/entry-writer.ts'
import { inParts } from '../helpers/message-in-parts.ts'
import { ReceiverLife, sidecarOf, streamId } from '../helpers/receiver-life.ts'

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
/** 20 s after midnight: a clock that is behind says that it is yesterday. */
const NOW = Date.UTC(2026, 10, 25) + 20 * SECOND

const SIDECAR = sidecarOf('checkout', '10.1.1.1')

let ids = 0
/** The end of a new connection that lasted 2 s and ended at `endMs` by its node's clock. */
const end = (endMs: number, over: Partial<TcpEntry> = {}): TcpEntry => ({
  streamId: streamId(++ids),
  type: 3,
  sni: 'a.example',
  startMs: endMs - 2 * SECOND,
  durationMs: 2 * SECOND,
  upload: 100,
  download: 0,
  ...over,
})

/** An entry of a type that ends nothing, about a connection that began at `startMs`. */
const open = (startMs: number, type: number, over: Partial<TcpEntry> = {}): TcpEntry => ({
  streamId: streamId(++ids),
  type,
  sni: 'a.example',
  startMs,
  upload: 100,
  download: 0,
  ...over,
})

/** Usage by hour: `hour bytes opened closed`. */
const hours = (life: ReceiverLife): string[] =>
  life.rows(`SELECT substr(window_start, 1, 13) AS hour, sum(upload_bytes),
    sum(connections_opened), sum(connections_closed) FROM usage GROUP BY 1 ORDER BY 1`)

const behind = (life: ReceiverLife): string[] =>
  life.findings().filter((line) => line.startsWith('clock-behind'))

describe('the ends of a node whose clock is behind', () => {
  for (const [by, ms] of [
    ['90 s', 90 * SECOND],
    ['10 h', 10 * HOUR],
    ['56 years (it is at 1970)', NOW - 60 * SECOND],
  ] as const) {
    it(`by ${by} are booked when they arrive, and the first message says so`, (t) => {
      const life = new ReceiverLife(t, undefined, NOW)
      const stream = life.hear(SIDECAR, [end(NOW - ms), end(NOW - ms)], NOW)
      assert.deepEqual(hours(life), ['2026-11-25T00 200 2 2'])
      assert.equal(life.pipeline.momentsNotBelieved, 2)
      assert.match(behind(life).join(), /^clock-behind: 2 ends lay up to \d+ s in the past/)
      // It stays as it is, after an hour of silence too.
      life.pass(NOW, NOW + HOUR, MINUTE)
      life.hear(undefined, [end(NOW + HOUR - ms)], NOW + HOUR, stream)
      assert.deepEqual(hours(life), ['2026-11-25T00 200 2 2', '2026-11-25T01 100 1 1'])
    })
  }

  it('are booked when they arrive after a restart of the receiver, too', (t) => {
    const life = new ReceiverLife(t, undefined, NOW)
    life.hear(SIDECAR, [end(NOW - 10 * HOUR)], NOW)
    life.restart(NOW + 10 * SECOND)
    life.hear(SIDECAR, [end(NOW + 20 * SECOND - 10 * HOUR)], NOW + 20 * SECOND)
    assert.deepEqual(hours(life), ['2026-11-25T00 200 2 2'])
  })

  it('are believed for ten seconds at most where the receiver was away for longer', (t) => {
    const life = new ReceiverLife(t, undefined, NOW - HOUR)
    life.pipeline.tick(NOW - 40 * MINUTE)
    life.restart(NOW)
    const ms = 90 * SECOND
    const stream = life.hear(SIDECAR, [end(NOW - ms)], NOW)
    for (let i = 1; i <= 30; i++) {
      life.hear(undefined, [end(NOW + i * SECOND - ms)], NOW + i * SECOND, stream)
    }
    assert.deepEqual(hours(life), ['2026-11-24T23 1100 11 11', '2026-11-25T00 2000 20 20'])
  })

  it('are believed again once the clock is right, but not what it said before', (t) => {
    const life = new ReceiverLife(t, undefined, NOW)
    const stream = life.hear(SIDECAR, [end(NOW - 10 * HOUR)], NOW)
    const later = NOW + 5 * MINUTE
    // Set between two ends of one message.
    life.hear(undefined, [end(later - 10 * HOUR), end(later - SECOND)], later, stream)
    life.hear(undefined, [end(later - 9 * SECOND)], later + SECOND, stream)
    assert.deepEqual(hours(life), ['2026-11-25T00 400 4 4'])
    assert.equal(life.pipeline.momentsNotBelieved, 2)
  })

  it('are not believed of a clock that was right and has been set back', (t) => {
    const life = new ReceiverLife(t, undefined, NOW)
    const stream = life.hear(SIDECAR, [end(NOW - SECOND)], NOW)
    for (let i = 1; i <= 5; i++) {
      const at = NOW + i * MINUTE
      life.hear(undefined, [end(at - 2 * HOUR)], at, stream)
    }
    assert.deepEqual(hours(life), ['2026-11-25T00 600 6 6'])
    assert.equal(life.pipeline.momentsNotBelieved, 5)
  })
})

describe('a connection of a node whose clock is behind', () => {
  it('that was opened before is booked over the time since then', (t) => {
    const life = new ReceiverLife(t, undefined, NOW)
    const ms = 10 * HOUR
    const startMs = NOW + MINUTE - ms
    const long = open(startMs, 2, { upload: 600 })
    const stream = life.hear(SIDECAR, [end(NOW - ms)], NOW)
    // It began a minute after that end, by the same clock.
    life.hear(undefined, [long], NOW + 3 * MINUTE, stream)
    const last = { ...long, type: 3, durationMs: 3 * MINUTE, upload: 900 }
    life.hear(undefined, [last], NOW + 4 * MINUTE, stream)
    assert.deepEqual(
      life.rows('SELECT window_start, upload_bytes FROM usage WHERE upload_bytes > 0'),
      [
        '2026-11-25T00:00:00Z 100',
        '2026-11-25T00:01:00Z 200',
        '2026-11-25T00:02:00Z 300',
        '2026-11-25T00:03:00Z 300',
        '2026-11-25T00:04:00Z 100',
      ],
    )
    assert.deepEqual(
      life.rows('SELECT window_start, connections_opened FROM usage WHERE connections_opened > 0'),
      ['2026-11-25T00:00:00Z 1', '2026-11-25T00:01:00Z 1'],
    )
  })

  it('is known by an entry that is written at its opening', (t) => {
    const life = new ReceiverLife(t, undefined, NOW)
    const opened = open(NOW - 10 * HOUR, 1, { upload: 0 })
    const stream = life.hear(SIDECAR, [opened], NOW)
    life.hear(undefined, [{ ...opened, type: 2, upload: 100 }], NOW + 30 * SECOND, stream)
    assert.deepEqual(hours(life), ['2026-11-25T00 100 1 0'])
  })

  it('at 1970 is not spread over a day, though nothing else is known of its clock', (t) => {
    const life = new ReceiverLife(t, undefined, NOW)
    life.hear(SIDECAR, [open(MINUTE, 2)], NOW)
    assert.deepEqual(hours(life), ['2026-11-25T00 100 1 0'])
  })
})

describe('moments that are true, and late', () => {
  /** Three hours of ends, one every ten minutes; the newest is `quietMs` old when the message comes. */
  const backlog = (arrivalMs: number, quietMs: number): TcpEntry[] =>
    Array.from({ length: 18 }, (_, i) => end(arrivalMs - quietMs - (17 - i) * 10 * MINUTE))
  const three = (lastHour: number): string[] =>
    [2, 1, 0].map((back) => {
      const hour = new Date(Date.UTC(2026, 10, 25, lastHour - back)).toISOString().slice(0, 13)
      return `${hour} 600 6 6`
    })
  const AWAY_UNTIL = NOW + 5 * HOUR + 55 * MINUTE

  it('are believed after the receiver was away, whether the node has just spoken or not', (t) => {
    for (const quietMs of [SECOND, HOUR]) {
      const life = new ReceiverLife(t, undefined, NOW)
      life.pipeline.tick(NOW + MINUTE)
      life.restart(AWAY_UNTIL)
      life.hear(SIDECAR, backlog(AWAY_UNTIL, quietMs), AWAY_UNTIL)
      assert.deepEqual(hours(life), three(quietMs === SECOND ? 5 : 4))
      assert.equal(life.pipeline.momentsNotBelieved, 0)
      assert.deepEqual(behind(life), [])
    }
  })

  it('are believed of a backlog that is handed on in parts, after an identifier of its own', (t) => {
    const life = new ReceiverLife(t, undefined, NOW)
    life.pipeline.tick(NOW + MINUTE)
    life.restart(AWAY_UNTIL)
    const stream = life.hear(SIDECAR, [], AWAY_UNTIL)
    backlog(AWAY_UNTIL, 2 * MINUTE).forEach((entry, i) => {
      life.hear(undefined, [entry], AWAY_UNTIL + i, stream)
    })
    assert.deepEqual(hours(life), three(5))
    assert.equal(life.pipeline.momentsNotBelieved, 0)
  })

  it('are believed as long after the start, when the wall clock is set just then', (t) => {
    for (const [byMs, afterMs, believed] of [
      [3 * HOUR, MINUTE, 18],
      [3 * HOUR, 10 * MINUTE, 0],
      [-2 * HOUR, MINUTE, 18],
      [-2 * HOUR, 10 * MINUTE, 0],
    ] as const) {
      const life = new ReceiverLife(t, undefined, NOW)
      life.pipeline.tick(NOW + MINUTE)
      life.restart(AWAY_UNTIL - byMs)
      life.pipeline.step({ fromMs: AWAY_UNTIL - byMs, toMs: AWAY_UNTIL })
      const arrival = AWAY_UNTIL + afterMs
      // Late by more than it took to gather.
      const gathered = backlog(arrival, 2 * HOUR).map((entry, i) => ({
        ...entry,
        startMs: arrival - 2 * HOUR - (18 - i) * MINUTE,
      }))
      life.hear(SIDECAR, gathered, arrival)
      assert.equal(life.pipeline.momentsNotBelieved, 18 - believed, `${byMs} ${afterMs}`)
    }
  })

  it('are believed from its second part on in a new file: a clock does not catch up', (t) => {
    const life = new ReceiverLife(t, undefined, AWAY_UNTIL)
    const stream = life.hear(SIDECAR, [], AWAY_UNTIL)
    backlog(AWAY_UNTIL, SECOND).forEach((entry, i) => {
      life.hear(undefined, [entry], AWAY_UNTIL + i, stream)
    })
    assert.deepEqual(hours(life), [
      '2026-11-25T03 500 5 5',
      '2026-11-25T04 600 6 6',
      '2026-11-25T05 700 7 7',
    ])
  })

  it('are believed of each of a node’s streams, a single old end too', (t) => {
    const life = new ReceiverLife(t, undefined, NOW)
    life.pipeline.tick(NOW + MINUTE)
    life.restart(AWAY_UNTIL)
    life.hear(SIDECAR, backlog(AWAY_UNTIL, SECOND), AWAY_UNTIL)
    life.hear(SIDECAR, [end(AWAY_UNTIL - 2 * HOUR)], AWAY_UNTIL + 100)
    assert.deepEqual(hours(life), [
      '2026-11-25T03 700 7 7',
      '2026-11-25T04 600 6 6',
      '2026-11-25T05 600 6 6',
    ])
  })

  it('are believed of a node that could not reach a receiver which was there', (t) => {
    const life = new ReceiverLife(t, undefined, NOW)
    life.hear(SIDECAR, [end(NOW - SECOND)], NOW)
    life.pass(NOW, AWAY_UNTIL, MINUTE)
    life.hear(SIDECAR, [end(AWAY_UNTIL - 2 * HOUR)], AWAY_UNTIL)
    assert.deepEqual(hours(life), ['2026-11-25T00 100 1 1', '2026-11-25T03 100 1 1'])
  })

  it('are believed in the first message of a new file, which was gathered for longer than it is late', (t) => {
    const life = new ReceiverLife(t, undefined, AWAY_UNTIL)
    life.hear(SIDECAR, backlog(AWAY_UNTIL, 2 * SECOND), AWAY_UNTIL)
    assert.deepEqual(hours(life), three(5))
  })

  it('are believed of messages that queued while the receiver was stuck', (t) => {
    const life = new ReceiverLife(t, undefined, NOW)
    const stream: PipelineStream = life.hear(SIDECAR, [end(NOW - SECOND)], NOW)
    const arrival = NOW + 2 * HOUR
    for (let minute = 1; minute <= 120; minute++) {
      const endMs = NOW + minute * MINUTE
      life.hear(undefined, [end(endMs)], arrival + minute, stream)
    }
    assert.deepEqual(hours(life), [
      '2026-11-25T00 6000 60 60',
      '2026-11-25T01 6000 60 60',
      '2026-11-25T02 100 1 1',
    ])
    assert.equal(life.pipeline.momentsNotBelieved, 0)
  })

  it('are believed in a message of more than 65,536 entries, from its first to its last', (t) => {
    const life = new ReceiverLife(t, undefined, AWAY_UNTIL)
    const entries = Array.from({ length: 66_000 }, (_, i) =>
      end(AWAY_UNTIL - 3 * HOUR + (i * 3 * HOUR) / 66_000),
    )
    life.hear(SIDECAR, entries, AWAY_UNTIL)
    const [first = ''] = hours(life)
    assert.match(first, /^2026-11-25T02 /)
    assert.equal(life.pipeline.momentsNotBelieved, 0)
  })

  it('of a connection that began days ago are spread from its start', (t) => {
    const life = new ReceiverLife(t, undefined, NOW)
    life.hear(SIDECAR, [open(NOW - 2 * DAY, 2, { upload: 1440 })], NOW)
    // The last 1,440 windows of its life, a byte each.
    const [first = '', ...rest] = hours(life).filter((hour) => !/ 0 \d+ \d+$/.test(hour))
    assert.equal(first, '2026-11-24T00 59 0 0')
    assert.equal(rest.length, 24)
  })
})

it('law: whatever a clock says and when, no byte is booked a day or more before anything arrived', (t) => {
  const message = fc.record({
    gapMs: fc.integer({ min: 0, max: 6 * HOUR }),
    backMs: fc.constantFrom(0, 5 * SECOND, 90 * SECOND, HOUR, 10 * HOUR, NOW - DAY),
    ends: fc.integer({ min: 1, max: 3 }),
  })
  fc.assert(
    fc.property(fc.array(message, { minLength: 1, maxLength: 8 }), (messages) => {
      const life = new ReceiverLife(t, undefined, NOW)
      let at = NOW
      let bytes = 0
      let stream: PipelineStream | undefined
      let earliest = NOW
      for (const { gapMs, backMs, ends } of messages) {
        at += gapMs
        const entries = Array.from({ length: ends }, () => end(at - backMs))
        stream = life.hear(stream === undefined ? SIDECAR : undefined, entries, at, stream)
        bytes += 100 * ends
        earliest = Math.min(earliest, at)
      }
      const { usage } = life.pipeline.cut()
      const booked = Array.from({ length: usage.count }, (_, i) => ({
        window: usage.windowMs[i] as number,
        upload: usage.upload[i] as number,
      }))
      assert.equal(
        booked.reduce((sum, { upload }) => sum + upload, 0),
        bytes,
      )
      for (const { window } of booked) {
        assert.ok(window >= earliest - DAY - MINUTE, new Date(window).toISOString())
      }
    }),
    { numRuns: 30 },
  )
})

describe('a message above 64 KiB, which is handled in parts', () => {
  const ARRIVAL = Date.UTC(2026, 10, 24, 12, 0, 20)
  /** Ends of connections of no length over this time, the newest of which is this late. */
  const ends = (count: number, overMs: number, lateMs: number): TcpEntry[] =>
    Array.from({ length: count }, (_, i) => {
      const endMs = ARRIVAL - lateMs - Math.floor(((count - 1 - i) * overMs) / count)
      return end(endMs, { startMs: endMs, durationMs: 0 })
    })
  const partsOf = (entries: readonly TcpEntry[]): Buffer[] => {
    const parts = inParts(tcpMessage(entries.map(tcpEntry), SIDECAR))
    assert.ok(parts.length > 3)
    return parts
  }
  /** Sends parts, so long apart. */
  const send = (life: ReceiverLife, parts: readonly Buffer[], gapMs = 0): void => {
    const stream = life.pipeline.openStream()
    parts.forEach((part, i) => {
      life.pipeline.message(stream, part, ARRIVAL + i * gapMs)
    })
  }

  for (const [how, gapMs] of [
    ['at once', 0],
    ['in seconds', 2 * SECOND],
  ] as const) {
    it(`has its ends believed when it comes ${how}, of a node not seen before, in a new file`, (t) => {
      const life = new ReceiverLife(t, undefined, ARRIVAL)
      send(life, partsOf(ends(2000, 2 * HOUR, 20 * SECOND)), gapMs)
      // The newest is of 12:00:00, 3.6 s after the one before.
      assert.deepEqual(hours(life), [
        '2026-11-24T10 99900 999 999',
        '2026-11-24T11 100000 1000 1000',
        '2026-11-24T12 100 1 1',
      ])
      assert.equal(life.pipeline.momentsNotBelieved, 0)
      assert.deepEqual(behind(life), [])
    })

    it(`has none of its ends believed when it comes ${how}, of a clock that is behind`, (t) => {
      const life = new ReceiverLife(t, undefined, ARRIVAL)
      send(life, partsOf(ends(2000, 2 * HOUR, 10 * HOUR)), gapMs)
      assert.deepEqual(hours(life), ['2026-11-24T12 200000 2000 2000'])
      assert.equal(life.pipeline.momentsNotBelieved, 2000)
      assert.match(behind(life).join(), /^clock-behind: 2000 ends /)
    })
  }

  it('has its ends believed from the first to the last where it has more than can wait', (t) => {
    const life = new ReceiverLife(t, undefined, ARRIVAL)
    send(life, partsOf(ends(100_000, 2 * HOUR, 20 * SECOND)))
    assert.deepEqual(hours(life), [
      '2026-11-24T10 4999900 49999 49999',
      '2026-11-24T11 5000000 50000 50000',
      '2026-11-24T12 100 1 1',
    ])
    assert.equal(life.pipeline.momentsNotBelieved, 0)
  })

  it('that never ends books nothing long before what arrives', (t) => {
    const life = new ReceiverLife(t, undefined, ARRIVAL)
    const stream = life.pipeline.openStream()
    // The sender itself writes into each of its messages that it goes on.
    const goesOn = Buffer.of(120, 1)
    for (let minute = 0; minute < 180; minute++) {
      const at = ARRIVAL + minute * MINUTE
      const identifier = minute === 0 ? SIDECAR : undefined
      const message = tcpMessage([tcpEntry(open(at - SECOND, 2))], identifier)
      life.pipeline.message(stream, Buffer.concat([message, goesOn]), at)
    }
    life.pipeline.closeStream(stream)
    const early = ARRIVAL - SECOND
    for (const row of life.rows('SELECT window_start, upload_bytes FROM usage')) {
      const [window = '', bytes] = row.split(' ')
      assert.ok(Date.parse(window) >= early - MINUTE)
      // Each report within five minutes of its arrival: never more than six in one.
      assert.ok(Number(bytes) <= 600, row)
    }
  })

  it('law: in any cut, with any time between the parts, gives the windows of the whole one', (t) => {
    const said = fc.record({
      type: fc.constantFrom(1, 2, 3, 3, 3),
      backMs: fc.oneof(fc.constantFrom(0, SECOND), fc.integer({ min: 0, max: 3 * HOUR })),
      lastedMs: fc.constantFrom(0, SECOND, 90 * SECOND, 2 * HOUR),
    })
    const scene = fc.record({
      before: fc.constantFrom('nothing', 'right', 'behind', 'late', 'restart', 'behind, restart'),
      clockMs: fc.constantFrom(0, 5 * SECOND, 90 * SECOND, 10 * HOUR, 3 * DAY),
      lateMs: fc.constantFrom(0, MINUTE, HOUR, 30 * HOUR),
      all: fc.array(said, { minLength: 1, maxLength: 25 }),
      inOrder: fc.boolean(),
      partBytes: fc.integer({ min: 1, max: 1500 }),
      gapMs: fc.integer({ min: 0, max: 300 }),
      sameStream: fc.boolean(),
    })
    type Scene = typeof scene extends fc.Arbitrary<infer Of> ? Of : never

    /** Windows of all that a scene books, with its message in these parts. */
    const windows = (
      { before, clockMs, gapMs, sameStream }: Scene,
      parts: readonly Buffer[],
      [earlier, late, later]: readonly [TcpEntry, TcpEntry, TcpEntry],
    ): unknown[] => {
      const from = ARRIVAL - 2 * HOUR
      const life = new ReceiverLife(t, undefined, from)
      const isNew = before === 'nothing'
      let stream = isNew ? life.pipeline.openStream() : life.hear(SIDECAR, [earlier], from)
      if (before === 'late') life.hear(undefined, [late], ARRIVAL - 3 * MINUTE, stream)
      const isRestarted = before.includes('restart')
      if (isRestarted) life.restart(ARRIVAL - SECOND)
      if (isRestarted || !sameStream) stream = life.pipeline.openStream()
      parts.forEach((part, i) => {
        life.pipeline.message(stream, part, ARRIVAL + i * gapMs)
      })
      life.answer()
      life.hear(undefined, [later], ARRIVAL + 30 * SECOND, stream)
      return [
        clockMs,
        life.pipeline.momentsNotBelieved,
        ...life.rows(`SELECT window_start, sum(upload_bytes), sum(connections_opened),
          sum(connections_closed) FROM usage GROUP BY 1 ORDER BY 1`),
      ]
    }

    fc.assert(
      fc.property(scene, (one) => {
        const behindMs = one.before.startsWith('behind') ? 10 * HOUR : one.clockMs
        const backs = one.all.map(({ backMs }) => backMs)
        if (one.inOrder) backs.sort((left, right) => right - left)
        const entries = one.all.map(({ type, lastedMs }, i) => {
          const moment = ARRIVAL - one.lateMs - (backs[i] as number) - behindMs
          return type === 3
            ? end(moment, { startMs: moment - lastedMs, durationMs: lastedMs })
            : open(moment, type)
        })
        const message = tcpMessage(entries.map(tcpEntry), SIDECAR)
        const others = [
          end(ARRIVAL - 2 * HOUR - SECOND - behindMs),
          end(ARRIVAL - 3 * HOUR),
          end(ARRIVAL + 20 * SECOND - behindMs),
        ] as const
        const whole = windows(one, [message], others)
        assert.deepEqual(windows(one, inParts(message, one.partBytes), others), whole)
      }),
      { numRuns: 40 },
    )
  })
})
