import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Parked } from '../../src/model/outbox.ts'
import type { Delivery, RefusalReason, Sink } from '../../src/model/sink.ts'
import type { FrozenUsage } from '../../src/model/usage-event.ts'
import { Relay } from '../../src/outbox/relay.ts'
import { type MemoryLogger, memoryLogger } from '../telemetry/memory-logger.ts'

const NOTHING = {
  uploadBytes: 0n,
  downloadBytes: 0n,
  estimatedBytes: 0n,
  connectionsOpened: 0n,
  connectionsClosed: 0n,
}

const usage = (revision: number): FrozenUsage => ({
  ledgerId: 'ledger',
  instance: 'test',
  sink: 'kafka',
  windowStartMs: 0,
  windowSeconds: 60,
  workload: { cluster: '', namespace: 'shop', kind: 'Deployment', name: 'cart' },
  destination: { name: 'a.example', nameSource: 'sni' },
  revision,
  reason: 'window_closed',
  total: NOTHING,
  previous: undefined,
})

const TAKEN: Delivery = { kind: 'acknowledged' }
const AWAY: Delivery = { kind: 'retry', message: 'nothing listens there' }
const refused = (reason: RefusalReason): Delivery => ({ kind: 'refused', reason, message: reason })

/** An outbox of numbered events, and a sink that answers as its topic is. */
class Scene {
  readonly waiting: number[] = []
  readonly parked: Parked[] = []
  readonly attempts: number[][] = []
  readonly pauses: number[] = []
  readonly logger: MemoryLogger = memoryLogger()
  nowMs = 0
  answer: (revision: number) => Delivery = () => TAKEN
  readonly relay: Relay

  constructor() {
    const sink: Sink = {
      batchEvents: 4,
      publish: (events) => {
        const revisions = events.map(({ data }) => JSON.parse(data).revision as number)
        if (revisions.length > 0) this.attempts.push(revisions)
        return Promise.resolve(revisions.map((one) => this.answer(one)))
      },
      stop: () => Promise.resolve(),
    }
    const settle = (sequences: readonly number[]): Promise<void> => {
      for (const one of sequences) this.waiting.splice(this.waiting.indexOf(one), 1)
      return Promise.resolve()
    }
    this.relay = new Relay(
      { name: 'kafka' },
      {
        sink,
        reader: {
          page: (_sink, after, limit) =>
            this.waiting
              .filter((one) => one > after)
              .slice(0, limit)
              .map((sequence) => ({ sequence, usage: usage(sequence) })),
        },
        outcomes: {
          acknowledge: (_sink, sequences) => settle(sequences),
          park: (_sink, events) => {
            this.parked.push(...events)
            return settle(events.map(({ sequence }) => sequence))
          },
        },
        logger: this.logger,
        monotonicMs: () => this.nowMs,
        pause: (ms) => {
          this.pauses.push(ms)
          return new Promise((resolve) => {
            setImmediate(resolve)
          })
        },
      },
    )
  }

  add(count: number): void {
    for (let i = 0; i < count; i++) {
      this.#last++
      this.waiting.push(this.#last)
    }
  }

  #last = 0

  async until(condition: () => boolean): Promise<void> {
    for (let turns = 0; !condition(); turns++) {
      assert.ok(turns < 100_000, 'it gets nowhere')
      await new Promise(setImmediate)
    }
  }

  /** Level and text of what was logged, with how many events were parked. */
  get log(): string[] {
    return this.logger.lines.map(({ level, message, fields }) => {
      const { events } = fields as { events?: number }
      return `${level} ${message}${events === undefined ? '' : ` (${events})`}`
    })
  }
}

const DOWN = 'warn the sink does not take events; they wait in the outbox'
const REFUSING =
  'warn the sink refuses all events; they wait in the outbox, and one of them is tried'
const UP = 'info the sink takes events again'

for (const reason of ['topic_unknown', 'not_authorized'] as const) {
  it(`${reason}: nothing is parked, one event is tried with slow pauses, and all follow in order`, async (t) => {
    const scene = new Scene()
    t.after(() => scene.relay.stop(0))
    scene.add(10)
    scene.answer = () => refused(reason)
    scene.relay.start()
    await scene.until(() => scene.attempts.length === 8)
    assert.deepEqual(scene.attempts, [[1, 2, 3, 4], [1], [1], [1], [1], [1], [1], [1]])
    assert.ok(scene.pauses.slice(0, 8).every((ms) => ms >= 2500 && ms <= 30_000))
    assert.ok((scene.pauses[6] as number) >= 15_000)
    assert.deepEqual(scene.parked, [])
    assert.equal(scene.relay.condition, 'refusing')
    assert.deepEqual(scene.log, [REFUSING])
    scene.answer = () => TAKEN
    const before = scene.attempts.length
    await scene.until(() => scene.waiting.length === 0)
    assert.deepEqual(scene.attempts.slice(before), [[1], [2, 3, 4], [5, 6, 7, 8], [9, 10]])
    assert.equal(scene.relay.condition, 'up')
    assert.deepEqual(scene.log, [REFUSING, UP])
    assert.deepEqual(scene.relay.stats.parkedByReason, {})
  })
}

it('a part of a page that was taken is not sent again when the rest is refused', async (t) => {
  const scene = new Scene()
  t.after(() => scene.relay.stop(0))
  scene.add(4)
  let allowed = false
  scene.answer = (one) => (one === 2 || allowed ? TAKEN : refused('not_authorized'))
  scene.relay.start()
  await scene.until(() => scene.attempts.length === 3)
  allowed = true
  await scene.until(() => scene.waiting.length === 0)
  const [first, ...later] = scene.attempts
  assert.deepEqual(first, [1, 2, 3, 4])
  assert.deepEqual(later.at(-1), [3, 4])
  assert.ok(later.slice(0, -1).every((attempt) => attempt.join() === '1'))
})

describe('the log of a sink', () => {
  it('has every change of its condition, however soon it comes', async (t) => {
    const scene = new Scene()
    t.after(() => scene.relay.stop(0))
    scene.relay.start()
    const answers: readonly Delivery[] = [
      AWAY,
      TAKEN,
      AWAY,
      AWAY,
      TAKEN,
      AWAY,
      refused('topic_unknown'),
      refused('topic_unknown'),
      AWAY,
      TAKEN,
    ]
    scene.answer = () => answers[scene.attempts.length - 1] ?? TAKEN
    for (let taken = 0; taken < 4; taken++) {
      scene.add(1)
      await scene.until(() => scene.waiting.length === 0)
    }
    assert.deepEqual(scene.log, [DOWN, UP, DOWN, UP, DOWN, REFUSING, DOWN, UP])
  })

  it('repeats within an outage once a minute, and names another trouble at once', async (t) => {
    const scene = new Scene()
    t.after(() => scene.relay.stop(0))
    scene.add(1)
    scene.answer = () => {
      scene.nowMs += 10_000
      return scene.attempts.length % 5 === 0 ? { kind: 'retry', message: 'no such host' } : AWAY
    }
    scene.relay.start()
    await scene.until(() => scene.attempts.length >= 14)
    await scene.relay.stop(1000)
    const told = scene.logger.lines.map(({ fields }) => {
      const { detail, suppressed } = fields as { detail: string; suppressed?: number }
      return `${detail} ${suppressed ?? 0}`
    })
    assert.deepEqual(told.slice(0, 3), [
      'nothing listens there 0',
      'no such host 0',
      'nothing listens there 4',
    ])
  })

  it('says of a sink that refuses every event that it refuses, never that it has recovered', async (t) => {
    const scene = new Scene()
    t.after(() => scene.relay.stop(0))
    scene.add(5)
    let away = true
    scene.answer = () => (away ? AWAY : refused('message_too_large'))
    scene.relay.start()
    await scene.until(() => scene.attempts.length === 2)
    away = false
    await scene.until(() => scene.parked.length === 5)
    assert.equal(scene.relay.condition, 'refusing')
    assert.deepEqual(scene.log, [
      DOWN,
      'warn the sink has refused every event of the last attempt',
      'warn events are refused; they are parked (4)',
    ])
    // The rest of the minute is summed up, and logged when that is over.
    scene.nowMs = 60_000
    await scene.until(() => scene.log.length === 4)
    assert.equal(scene.log[3], 'warn an event is refused; it is parked (1)')
    assert.match(JSON.stringify(scene.logger.lines[2]), /SIGHUP.*snimeter sinks.*publications/)
  })

  it('counts every parked event, also those of its last moments', async () => {
    const scene = new Scene()
    scene.add(40)
    scene.answer = (one) => (one % 2 === 0 ? refused('invalid_record') : TAKEN)
    scene.relay.start()
    await scene.until(() => scene.waiting.length === 0)
    await scene.relay.stop(1000)
    assert.deepEqual(scene.log, [
      'warn events are refused; they are parked (2)',
      'warn events are refused; they are parked (18)',
    ])
    assert.equal(scene.relay.condition, 'up')
  })
})
