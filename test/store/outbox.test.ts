import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { NOON } from './batch-fixture.ts'
import { GRACE, MINUTE, OutboxFile } from './outbox-fixture.ts'

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

describe('a window that closes', () => {
  it(
    'is published once, grace after its end, with what it came to by then',
    withFile({}, (file) => {
      file.commit(0, [{ window: 0, upload: 5 }])
      file.commit(1, [{ window: 0, upload: 2, sni: 'b.example' }])
      assert.deepEqual(file.commit(2.9).sinks[0]?.events, 0)
      // The increments of the commit that closes it are part of the first revision.
      file.commit(3, [
        { window: 0, upload: 1 },
        { window: 1, upload: 9 },
      ])
      assert.deepEqual(file.waiting(), [
        [1, 0, 'a.example', 1, 6, undefined, 'window_closed'],
        [2, 0, 'b.example', 1, 2, undefined, 'window_closed'],
      ])
      file.commit(3.5)
      assert.equal(file.waiting().length, 2)
    }),
  )

  it(
    'stays in the outbox until it is acknowledged',
    withFile({}, (file) => {
      file.commit(0, [{ window: 0, upload: 5 }])
      file.commit(3)
      file.reopen()
      assert.equal(file.waiting().length, 1)
      assert.equal(file.writer.acknowledge('kafka', [1]).sinks[0]?.events, 0)
      assert.deepEqual(file.waiting(), [])
      // A second acknowledgement of the same is no trouble.
      assert.equal(file.writer.acknowledge('kafka', [1, 2]).sinks[0]?.events, 0)
    }),
  )
})

describe('a late change', () => {
  it(
    'makes one more revision, grace after the last one and not before that is acknowledged',
    withFile({}, (file) => {
      file.commit(0, [{ window: 0, upload: 5 }])
      file.commit(3)
      file.commit(4, [{ window: 0, upload: 10 }])
      file.commit(9, [{ window: 0, upload: 100 }])
      assert.deepEqual(file.waiting(), [[1, 0, 'a.example', 1, 5, undefined, 'window_closed']])
      file.writer.acknowledge('kafka', [1])
      assert.deepEqual(file.waiting(), [[2, 0, 'a.example', 2, 115, 5, 'late']])
      file.writer.acknowledge('kafka', [2])
      file.commit(10, [{ window: 0, upload: 1000 }])
      assert.deepEqual(file.waiting(), [])
      file.commit(11)
      assert.deepEqual(file.waiting(), [[3, 0, 'a.example', 3, 1115, 115, 'late']])
    }),
  )

  it(
    'of a row that was not there when its window closed is its first revision',
    withFile({}, (file) => {
      file.commit(0, [{ window: 0, upload: 5, sni: 'b.example' }])
      file.commit(3)
      file.commit(4, [{ window: 0, upload: 7, sni: 'c.example' }])
      assert.deepEqual(file.waiting().at(-1), [2, 0, 'c.example', 1, 7, undefined, 'late'])
    }),
  )

  it(
    'that comes to nothing publishes nothing',
    withFile({}, (file) => {
      file.commit(0, [{ window: 0, upload: 5 }])
      file.commit(3)
      file.writer.acknowledge('kafka', [1])
      file.commit(9, [{ window: 0, upload: 0 }])
      assert.deepEqual(file.waiting(), [])
      assert.deepEqual(file.all('SELECT count(*) FROM changed'), [[0]])
    }),
  )
})

describe('the bound of the outbox', () => {
  it(
    'holds: what is beyond it follows, in order, as events are acknowledged',
    withFile({ maxEvents: 3 }, (file) => {
      const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g']
      file.commit(
        0,
        names.map((sni) => ({ window: 0, upload: 1, sni })),
      )
      file.commit(3)
      const given: unknown[] = []
      while (file.waiting().length > 0) {
        const events = file.waiting()
        assert.ok(events.length <= 3)
        given.push(...events.map(([, , name]) => name))
        file.writer.acknowledge(
          'kafka',
          events.map(([sequence]) => sequence as number),
        )
      }
      assert.deepEqual(given, names)
    }),
  )

  it(
    'is not passed by a sink that is away for days: changes of a row gather into one',
    withFile({ maxEvents: 10 }, (file) => {
      for (let minute = 0; minute < 200; minute++) {
        const usage = ['a', 'b'].map((sni) => ({ window: Math.max(0, minute - 5), upload: 1, sni }))
        const { sinks } = file.commit(minute, usage)
        assert.ok((sinks[0]?.events ?? 0) <= 10)
      }
      assert.equal(file.waiting().length, 10)
      assert.equal(file.all('SELECT count(*) FROM outbox')[0]?.[0], 10)
    }),
  )
})

describe('a refused event', () => {
  const refusal = { reason: 'message_too_large', message: 'no' }

  it(
    'is set aside: others go on, later changes of its row wait',
    withFile({}, (file) => {
      file.commit(0, [
        { window: 0, upload: 5 },
        { window: 0, upload: 6, sni: 'b.example' },
      ])
      file.commit(3)
      const state = file.writer.park('kafka', [{ sequence: 1, ...refusal }])
      assert.equal(state.sinks[0]?.parked, 1)
      assert.equal(state.sinks[0]?.events, 1)
      file.commit(9, [{ window: 0, upload: 100 }])
      assert.deepEqual(file.waiting(), [[2, 0, 'b.example', 1, 6, undefined, 'window_closed']])
      assert.deepEqual(file.all("SELECT sni, refusal FROM publications WHERE state = 'parked'"), [
        ['a.example', 'message_too_large'],
      ])
    }),
  )

  it(
    'comes back with the same content, and the change that waited follows it',
    withFile({}, (file) => {
      file.commit(0, [{ window: 0, upload: 5 }])
      file.commit(3)
      file.writer.park('kafka', [{ sequence: 1, ...refusal }])
      file.commit(9, [{ window: 0, upload: 100 }])
      assert.equal(file.writer.retryParked().sinks[0]?.parked, 0)
      assert.deepEqual(file.waiting(), [[2, 0, 'a.example', 1, 5, undefined, 'window_closed']])
      file.writer.acknowledge('kafka', [2])
      assert.deepEqual(file.waiting(), [[3, 0, 'a.example', 2, 105, 5, 'late']])
    }),
  )

  it(
    'is tried again when the file is opened again',
    withFile({}, (file) => {
      file.commit(0, [{ window: 0, upload: 5 }])
      file.commit(3)
      file.writer.park('kafka', [{ sequence: 1, ...refusal }])
      file.reopen()
      file.commit(4)
      assert.deepEqual(file.waiting(), [[2, 0, 'a.example', 1, 5, undefined, 'window_closed']])
    }),
  )

  it(
    'is one of at most max_parked: then nothing more is frozen, and nothing is dropped',
    withFile({ maxEvents: 2, maxParked: 2 }, (file) => {
      const usage = ['a', 'b', 'c', 'd', 'e'].map((sni) => ({ window: 0, upload: 1, sni }))
      file.commit(0, usage)
      file.commit(3)
      file.writer.park('kafka', [
        { sequence: 1, ...refusal },
        { sequence: 2, ...refusal },
      ])
      assert.deepEqual(file.waiting(), [])
      file.writer.retryParked()
      assert.deepEqual(
        file.waiting().map(([, , name]) => name),
        ['a', 'b'],
      )
    }),
  )
})

describe('several sinks', () => {
  it(
    'have revisions, outbox and position of their own',
    withFile({ sinks: ['kafka', 'files'] }, (file) => {
      file.commit(0, [{ window: 0, upload: 5 }])
      file.commit(3)
      file.writer.acknowledge('files', [1])
      file.commit(9, [{ window: 0, upload: 10 }])
      assert.deepEqual(file.waiting('files'), [[2, 0, 'a.example', 2, 15, 5, 'late']])
      assert.deepEqual(file.waiting('kafka'), [
        [1, 0, 'a.example', 1, 5, undefined, 'window_closed'],
      ])
      file.writer.acknowledge('files', [2])
      file.commit(12, [{ window: 0, upload: 100 }])
      file.writer.acknowledge('kafka', [1])
      assert.deepEqual(file.waiting('files'), [[3, 0, 'a.example', 3, 115, 15, 'late']])
      assert.deepEqual(file.waiting('kafka'), [[2, 0, 'a.example', 2, 115, 5, 'late']])
    }),
  )

  it(
    'a new one begins with the windows that close after it was added',
    withFile({}, (file) => {
      file.commit(0, [{ window: 0, upload: 5 }])
      file.commit(3, [{ window: 1, upload: 6 }])
      file.reopen({ sinks: ['kafka', 'files'] })
      file.commit(4, [
        { window: 0, upload: 10 },
        { window: 1, upload: 20 },
      ])
      assert.deepEqual(file.waiting('files'), [
        [1, 1, 'a.example', 1, 26, undefined, 'window_closed'],
      ])
      assert.equal(file.waiting('kafka').length, 2)
    }),
  )

  it(
    'a removed one keeps its place and its changes, until it is forgotten',
    withFile({ sinks: ['kafka', 'files'] }, (file) => {
      file.commit(0, [{ window: 0, upload: 5 }])
      file.commit(3)
      for (const sink of ['kafka', 'files']) file.writer.acknowledge(sink, [1])
      file.reopen({ sinks: ['files'] })
      file.commit(9, [{ window: 0, upload: 10 }])
      const state = file.commit(10, [{ window: 7, upload: 1 }])
      assert.deepEqual(
        state.sinks.map(({ name, configured, events }) => [name, configured, events]),
        [
          ['kafka', false, 0],
          ['files', true, 2],
        ],
      )
      file.reopen({ sinks: ['kafka', 'files'] })
      file.commit(10.1)
      assert.deepEqual(file.waiting('kafka'), [
        [2, 0, 'a.example', 2, 15, 5, 'late'],
        [3, 7, 'a.example', 1, 1, undefined, 'window_closed'],
      ])
      assert.throws(() => file.writer.forgetSink('kafka', ['kafka']), { code: 'sink_configured' })
      file.reopen({ sinks: ['files'] })
      assert.throws(() => file.writer.forgetSink('other', ['files']), {
        code: 'sink_unknown',
        message: "the file knows no sink 'other' (it knows: kafka, files)",
      })
      file.writer.forgetSink('kafka', ['files'])
      assert.deepEqual(file.all('SELECT DISTINCT sink FROM publications'), [['files']])
    }),
  )
})

it(
  'a forgotten sink that comes back under its name never gets a window again',
  withFile({}, (file) => {
    file.commit(0, [{ window: 0, upload: 100 }])
    file.commit(3, [{ window: 1, upload: 7 }])
    assert.equal(file.waiting().length, 1)
    file.reopen({ sinks: [] })
    file.writer.forgetSink('kafka', [])
    // By this grace the window is open, though it was published by the one before.
    file.reopen({ graceMs: 10 * MINUTE })
    file.commit(13, [{ window: 0, upload: 11 }])
    assert.deepEqual(file.waiting(), [[1, 1, 'a.example', 1, 7, undefined, 'window_closed']])
  }),
)

describe('minutes', () => {
  const hour = 60

  it(
    'are kept as long as a sink has not acknowledged what is in them',
    withFile({}, (file) => {
      file.commit(0, [{ window: 0, upload: 5 }])
      const minutesFromMs = NOON + 4 * hour * MINUTE
      const held = file.commit(5 * hour, [{ window: 2 * hour, upload: 1 }], { minutesFromMs })
      assert.equal(held.minutesHoldMs, NOON)
      assert.deepEqual(file.all('SELECT minutes_from_ms FROM ledger'), [[NOON]])
      while (file.writer.tidy());
      assert.deepEqual(file.all('SELECT count(*) FROM usage_minute'), [[2]])

      file.writer.acknowledge('kafka', [1])
      const free = file.writer.acknowledge('kafka', [2])
      // Everything up to the windows that are open now.
      assert.equal(free.minutesHoldMs, NOON + 5 * hour * MINUTE - GRACE)
      file.commit(5 * hour, [], { minutesFromMs })
      while (file.writer.tidy());
      assert.deepEqual(file.all('SELECT count(*) FROM usage_minute'), [[0]])
      assert.deepEqual(file.all('SELECT count(*) FROM publication'), [[0]])
    }),
  )

  it(
    'are held back by parked events, by changes that wait, and by removed sinks',
    withFile({}, (file) => {
      file.commit(0, [{ window: 0, upload: 5 }])
      file.commit(3)
      const parked = file.writer.park('kafka', [{ sequence: 1, reason: 'refused', message: '' }])
      assert.equal(parked.minutesHoldMs, NOON)
      file.commit(9, [{ window: 0, upload: 1 }])
      file.writer.retryParked()
      file.writer.acknowledge('kafka', [2])
      assert.equal(file.writer.acknowledge('kafka', [3]).minutesHoldMs, NOON + 7 * MINUTE)
      file.commit(9.5, [{ window: 1, upload: 1 }])
      file.reopen({ sinks: [] })
      assert.equal(file.commit(30).minutesHoldMs, NOON + MINUTE)
      file.writer.forgetSink('kafka', [])
      assert.equal(file.commit(31).minutesHoldMs, Number.MAX_SAFE_INTEGER)
    }),
  )
})

it(
  'the instance is stored with the first sink, and another one is refused then',
  withFile({ sinks: [], instance: 'before' }, (file) => {
    file.reopen({ instance: 'eu-1' })
    assert.deepEqual(file.all('SELECT instance FROM ledger'), [['eu-1']])
    assert.throws(() => file.reopen({ instance: 'eu-2' }), { code: 'instance_changed' })
    // Without sinks nothing carries the name.
    file.reopen({ sinks: [], instance: 'eu-2' })
  }),
)
