import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { StoreOpening } from '../../src/model/opening.ts'
import { PublicationReader } from '../../src/store/publication-reader.ts'
import { Writer } from '../../src/store/writer.ts'
import { NOON } from './batch-fixture.ts'
import { GRACE, MINUTE, OutboxFile } from './outbox-fixture.ts'

const LONG_MS = 400 * 24 * 60 * MINUTE

function withFile(
  outbox: ConstructorParameters<typeof OutboxFile>[0],
  body: (file: OutboxFile) => void,
): () => void {
  return () => {
    const file = new OutboxFile(outbox)
    try {
      body(file)
    } finally {
      file.remove()
    }
  }
}

/** Another process opens the file, with windows of another length perhaps; gives what it was told. */
function openAgain(file: OutboxFile, windowSeconds: number): StoreOpening {
  file.writer.close()
  file.writer = new Writer({
    path: file.path,
    windowSeconds,
    changeWindows: true,
    retention: { hoursMs: LONG_MS, connectionsMs: LONG_MS },
    outbox: {
      instance: 'test',
      graceMs: GRACE,
      sinks: ['kafka'],
      maxEvents: 1000,
      maxParked: 1000,
    },
  })
  return file.writer.open(NOON)
}

const refusal = { reason: 'message_too_large', message: 'no' }

describe('windows of another length', () => {
  it(
    'close grace after their own end, and say their length in every revision',
    withFile({}, (file) => {
      file.commit(0, [{ window: 0, upload: 1 }])
      openAgain(file, 300)
      const midnight = 12 * 60
      file.commit(midnight, [{ window: midnight, windowSeconds: 300, upload: 5 }])
      assert.equal(file.commit(midnight + 6.9).sinks[0]?.events, 1)
      assert.equal(file.commit(midnight + 7).sinks[0]?.events, 2)
      file.writer.acknowledge('kafka', [1, 2])
      file.commit(midnight + 9, [{ window: midnight, windowSeconds: 300, upload: 1 }])
      assert.deepEqual(
        file.all(
          'SELECT window_seconds, revision, reason FROM publication ORDER BY window_ms, revision',
        ),
        [
          [60, 1, 'window_closed'],
          [300, 1, 'window_closed'],
          [300, 2, 'late'],
        ],
      )
    }),
  )
})

describe('the position of a sink', () => {
  it(
    'within a window: a row beyond it that changes is published with its window, once',
    withFile({ maxEvents: 1 }, (file) => {
      file.commit(0, [
        { window: 0, upload: 5 },
        { window: 0, upload: 6, sni: 'b.example' },
      ])
      file.commit(3)
      file.commit(4, [{ window: 0, upload: 10, sni: 'b.example' }])
      assert.deepEqual(file.waiting(), [[1, 0, 'a.example', 1, 5, undefined, 'window_closed']])
      file.writer.acknowledge('kafka', [1])
      assert.deepEqual(file.waiting(), [[2, 0, 'b.example', 1, 16, undefined, 'window_closed']])
      file.writer.acknowledge('kafka', [2])
      file.commit(9)
      assert.deepEqual(file.waiting(), [])
    }),
  )

  it(
    'within a window: the row at it that changes has changed late',
    withFile({ maxEvents: 1 }, (file) => {
      file.commit(0, [
        { window: 0, upload: 5 },
        { window: 0, upload: 6, sni: 'b.example' },
      ])
      file.commit(3)
      file.commit(4, [{ window: 0, upload: 100 }])
      file.writer.acknowledge('kafka', [1])
      assert.deepEqual(file.waiting(), [[2, 0, 'b.example', 1, 6, undefined, 'window_closed']])
      file.commit(5)
      file.writer.acknowledge('kafka', [2])
      assert.deepEqual(file.waiting(), [[3, 0, 'a.example', 2, 105, 5, 'late']])
    }),
  )

  it(
    'does not go back when grace is made longer: nothing is published a second time',
    withFile({}, (file) => {
      file.commit(0, [{ window: 0, upload: 5 }])
      file.commit(4, [{ window: 3, upload: 6 }])
      file.writer.acknowledge('kafka', [1])
      file.reopen({ graceMs: 10 * MINUTE })
      const [sink] = file.commit(5).sinks
      assert.deepEqual([sink?.events, sink?.lagMs], [0, 0])
      file.commit(13.9)
      assert.deepEqual(file.waiting(), [])
      file.commit(14)
      assert.deepEqual(file.waiting(), [[2, 3, 'a.example', 1, 6, undefined, 'window_closed']])
    }),
  )

  it(
    'of a new one: late changes of its first window are for it',
    withFile({}, (file) => {
      file.commit(0, [{ window: 0, upload: 5 }])
      file.commit(3, [{ window: 1, upload: 6 }])
      file.reopen({ sinks: ['kafka', 'files'] })
      file.commit(4)
      file.writer.acknowledge('files', [1])
      file.commit(9, [
        { window: 0, upload: 100 },
        { window: 1, upload: 10 },
      ])
      assert.deepEqual(file.waiting('files'), [[2, 1, 'a.example', 2, 16, 6, 'late']])
    }),
  )

  it(
    'stays where it was when a transaction is rolled back',
    withFile({}, (file) => {
      file.commit(0, [{ window: 0, upload: 5 }])
      file.commit(3)
      const notANumber = {} as unknown as number
      assert.throws(() => file.writer.acknowledge('kafka', [1, notANumber]))
      assert.equal(file.commit(4).sinks[0]?.events, 1)
      assert.deepEqual(file.all('SELECT events FROM sink'), [[1]])
      assert.equal(file.waiting().length, 1)
    }),
  )
})

describe('the state of a sink', () => {
  it(
    'says how old its oldest event is, and how far it is behind',
    withFile({ sinks: ['kafka', 'files'] }, (file) => {
      const ages = ({ sinks }: ReturnType<OutboxFile['commit']>) =>
        sinks.map(({ name, oldestMs, lagMs }) => [name, oldestMs / MINUTE, lagMs / MINUTE])
      file.commit(0, [
        { window: 0, upload: 5 },
        { window: 1, upload: 5 },
      ])
      assert.deepEqual(ages(file.commit(3)), [
        ['kafka', 0, 1],
        ['files', 0, 1],
      ])
      file.commit(4)
      file.writer.acknowledge('files', [1])
      assert.deepEqual(ages(file.commit(6)), [
        ['kafka', 3, 4],
        ['files', 2, 3],
      ])
      file.writer.acknowledge('files', [2])
      assert.deepEqual(ages(file.writer.acknowledge('kafka', [1, 2])), [
        ['kafka', 0, 0],
        ['files', 0, 0],
      ])
    }),
  )

  it(
    'counts the age of a refused event from its freezing, also when it comes back',
    withFile({}, (file) => {
      file.commit(0, [{ window: 0, upload: 5 }])
      file.commit(3)
      file.writer.park('kafka', [{ sequence: 1, ...refusal }])
      assert.equal(file.commit(10).sinks[0]?.oldestMs, 0)
      assert.equal(file.writer.retryParked().sinks[0]?.oldestMs, 7 * MINUTE)
    }),
  )

  it(
    'is told at the opening: minutes are held from the first moment on',
    withFile({}, (file) => {
      file.commit(0, [{ window: 0, upload: 5 }])
      file.commit(30)
      assert.equal(openAgain(file, 60).minutesHoldMs, NOON)
    }),
  )
})

describe('the bound of the outbox', () => {
  it(
    'may be made smaller than what waits: nothing is added until there is room',
    withFile({}, (file) => {
      const names = ['a', 'b', 'c', 'd']
      file.commit(
        0,
        names.map((sni) => ({ window: 0, upload: 1, sni })),
      )
      file.commit(
        3,
        names.map((sni) => ({ window: 1, upload: 1, sni })),
      )
      file.reopen({ maxEvents: 2 })
      assert.equal(file.commit(4, [{ window: 0, upload: 1, sni: 'e' }]).sinks[0]?.events, 4)
      assert.equal(file.writer.acknowledge('kafka', [1, 2]).sinks[0]?.events, 2)
      assert.equal(file.writer.acknowledge('kafka', [3]).sinks[0]?.events, 2)
    }),
  )
})

describe('late changes', () => {
  it(
    'hold minutes while they are not due, with nothing else that waits',
    withFile({}, (file) => {
      file.commit(0, [{ window: 0, upload: 5 }])
      file.commit(3)
      file.writer.acknowledge('kafka', [1])
      const { sinks, minutesHoldMs } = file.commit(4, [{ window: 0, upload: 10 }])
      assert.deepEqual([sinks[0]?.events, sinks[0]?.lagMs], [0, 2 * MINUTE])
      assert.equal(minutesHoldMs, NOON)
    }),
  )

  it(
    'are seen in every counter',
    withFile({}, (file) => {
      const counters = ['upload', 'download', 'estimated', 'opened', 'closed'] as const
      file.commit(
        0,
        counters.map((sni) => ({ window: 0, upload: 1, sni })),
      )
      file.commit(3)
      file.writer.acknowledge('kafka', [1, 2, 3, 4, 5])
      file.commit(
        9,
        counters.map((sni) => ({ window: 0, sni, [sni]: 1 })),
      )
      assert.deepEqual(
        file.waiting().map(([, , name, revision]) => [name, revision]),
        counters.map((name) => [name, 2]),
      )
    }),
  )

  it(
    'are due grace after the revision before them, whichever it is and whenever that was acknowledged',
    withFile({}, (file) => {
      file.commit(0, [{ window: 0, upload: 5 }])
      file.commit(3)
      file.commit(3.5, [{ window: 0, upload: 10 }])
      file.writer.acknowledge('kafka', [1])
      file.commit(4.9)
      assert.deepEqual(file.waiting(), [])
      file.commit(5)
      assert.deepEqual(file.waiting(), [[2, 0, 'a.example', 2, 15, 5, 'late']])
      file.writer.acknowledge('kafka', [2])
      file.commit(6.9, [{ window: 0, upload: 100 }])
      assert.deepEqual(file.waiting(), [])
      file.commit(7)
      assert.deepEqual(file.waiting(), [[3, 0, 'a.example', 3, 115, 15, 'late']])
    }),
  )

  it(
    'of one sink wait for its own events, not for those of another',
    withFile({ sinks: ['kafka', 'files'] }, (file) => {
      file.commit(0, [{ window: 0, upload: 5 }])
      file.commit(3)
      file.writer.acknowledge('kafka', [1])
      file.commit(4, [{ window: 0, upload: 10 }])
      // Files has not got the first revision yet; Kafka's second one is due now.
      file.commit(5)
      assert.deepEqual(file.waiting('kafka'), [[2, 0, 'a.example', 2, 15, 5, 'late']])
      file.writer.park('files', [{ sequence: 1, ...refusal }])
      file.writer.acknowledge('kafka', [2])
      file.commit(8, [{ window: 0, upload: 100 }])
      assert.deepEqual(file.waiting('kafka'), [[3, 0, 'a.example', 3, 115, 15, 'late']])
      assert.deepEqual(file.waiting('files'), [])
      // Its acknowledgement frees no change of the other one.
      file.writer.acknowledge('kafka', [3])
      file.commit(30)
      assert.deepEqual(file.waiting('files'), [])
      file.writer.retryParked()
      file.writer.acknowledge('files', [2])
      assert.deepEqual(file.waiting('files'), [[3, 0, 'a.example', 2, 115, 5, 'late']])
      file.writer.acknowledge('files', [3])
      // Kafka had its last one at minute 8, files at minute 30.
      file.commit(31, [{ window: 0, upload: 1000 }])
      assert.deepEqual(file.waiting('kafka'), [[4, 0, 'a.example', 4, 1115, 115, 'late']])
      assert.deepEqual(file.waiting('files'), [])
      file.commit(32)
      assert.deepEqual(file.waiting('files'), [[4, 0, 'a.example', 3, 1115, 115, 'late']])
    }),
  )
})

describe('refused events', () => {
  it(
    'come back each to its own sink, with its own revision',
    withFile({ sinks: ['kafka', 'files'] }, (file) => {
      file.commit(0, [{ window: 0, upload: 5 }])
      file.commit(3)
      file.writer.park('kafka', [{ sequence: 1, ...refusal }])
      file.writer.acknowledge('files', [1])
      file.commit(9, [{ window: 0, upload: 10 }])
      file.writer.park('files', [{ sequence: 2, ...refusal }])
      const state = file.writer.retryParked()
      assert.deepEqual(
        state.sinks.map(({ name, events, parked }) => [name, events, parked]),
        [
          ['kafka', 1, 0],
          ['files', 1, 0],
        ],
      )
      assert.deepEqual(file.waiting('kafka'), [
        [2, 0, 'a.example', 1, 5, undefined, 'window_closed'],
      ])
      assert.deepEqual(file.waiting('files'), [[3, 0, 'a.example', 2, 15, 5, 'late']])
      assert.deepEqual(file.all('SELECT count(*) FROM parked'), [[0]])
    }),
  )

  it(
    'come back when there is room, no sooner',
    withFile({ maxEvents: 1 }, (file) => {
      file.commit(0, [
        { window: 0, upload: 5 },
        { window: 0, upload: 6, sni: 'b.example' },
      ])
      file.commit(3)
      file.writer.park('kafka', [{ sequence: 1, ...refusal }])
      const [sink] = file.writer.retryParked().sinks
      assert.deepEqual([sink?.events, sink?.parked], [1, 1])
      assert.deepEqual(file.waiting(), [[2, 0, 'b.example', 1, 6, undefined, 'window_closed']])
      file.writer.acknowledge('kafka', [2])
      assert.deepEqual(file.waiting(), [[3, 0, 'a.example', 1, 5, undefined, 'window_closed']])
    }),
  )

  it(
    'stay aside until somebody acts, and their message is kept in short',
    withFile({}, (file) => {
      file.commit(0, [{ window: 0, upload: 5 }])
      file.commit(3)
      file.writer.park('kafka', [{ sequence: 1, reason: 'refused', message: 'x'.repeat(1000) }])
      assert.equal(file.commit(60).sinks[0]?.parked, 1)
      assert.deepEqual(file.waiting(), [])
      assert.deepEqual(file.all('SELECT message FROM parked'), [['x'.repeat(300)]])
    }),
  )

  it(
    'of one sink hold no minutes for another',
    withFile({ sinks: ['kafka', 'files'] }, (file) => {
      const lags = ({ sinks }: ReturnType<OutboxFile['commit']>) =>
        sinks.map(({ lagMs }) => lagMs / MINUTE)
      file.commit(0, [{ window: 0, upload: 5 }])
      file.commit(3)
      file.writer.park('kafka', [{ sequence: 1, ...refusal }])
      assert.deepEqual(lags(file.writer.acknowledge('files', [1])), [1, 0])
      // A change that waits for Kafka's event is due for files, and settled there at once.
      file.commit(4, [{ window: 0, upload: 10 }])
      file.commit(5)
      assert.deepEqual(lags(file.writer.acknowledge('files', [2])), [3, 0])
    }),
  )
})

describe('a sink that is forgotten', () => {
  it(
    'is not in the state any more, and leaves no row behind',
    withFile({ sinks: ['kafka', 'files'], maxEvents: 3 }, (file) => {
      file.commit(
        0,
        ['a', 'b', 'c'].map((sni) => ({ window: 0, upload: 1, sni })),
      )
      file.commit(3)
      file.writer.park('files', [{ sequence: 1, ...refusal }])
      file.commit(4, [{ window: 0, upload: 1, sni: 'b' }])
      const rows = () =>
        ['outbox', 'parked', 'changed', 'publication'].map(
          (table) => file.all(`SELECT count(*) FROM ${table} WHERE sink_id = 2`)[0]?.[0],
        )
      assert.deepEqual(rows(), [2, 1, 1, 3])
      file.reopen({ sinks: ['kafka'], maxParked: 0 })
      const { sinks } = file.writer.forgetSink('files', ['kafka'])
      assert.deepEqual(
        sinks.map(({ name }) => name),
        ['kafka'],
      )
      assert.deepEqual(rows(), [0, 0, 0, 0])
    }),
  )

  it(
    'that no file knows is named beside those that it knows',
    withFile({ sinks: [] }, (file) => {
      assert.throws(() => file.writer.forgetSink('kafka', []), {
        code: 'sink_unknown',
        message: "the file knows no sink 'kafka' (it knows: none)",
      })
    }),
  )
})

it(
  'a page of the outbox begins behind the event that the one before ended with',
  withFile({}, (file) => {
    file.commit(
      0,
      ['a', 'b', 'c'].map((sni) => ({ window: 0, upload: 2 ** 52, sni })),
    )
    file.commit(3)
    const reader = new PublicationReader(file.path)
    try {
      const page = (after: number, limit: number) =>
        reader.page('kafka', after, limit).map(({ sequence }) => sequence)
      assert.deepEqual([page(0, 2), page(2, 2), page(3, 2)], [[1, 2], [3], []])
      assert.deepEqual(reader.page('files', 0, 2), [])
    } finally {
      reader.close()
    }
  }),
)

it(
  'the moment from which minutes are kept never goes back',
  withFile({}, (file) => {
    const kept = () => file.all('SELECT minutes_from_ms FROM ledger')
    file.commit(0, [{ window: 0, upload: 5 }])
    file.commit(3)
    file.writer.acknowledge('kafka', [1])
    file.commit(60, [], { minutesFromMs: NOON + 10 * MINUTE })
    assert.deepEqual(kept(), [[NOON + 10 * MINUTE]])
    file.writer.acknowledge('kafka', [2])
    file.commit(61, [], { minutesFromMs: NOON + 9 * MINUTE })
    assert.deepEqual(kept(), [[NOON + 10 * MINUTE]])
  }),
)
