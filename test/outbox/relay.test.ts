import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { Parked } from '../../src/model/outbox.ts'
import type { Delivery, Sink } from '../../src/model/sink.ts'
import type { CloudEvent, FrozenUsage } from '../../src/model/usage-event.ts'
import { Relay, type RelayDependencies } from '../../src/outbox/relay.ts'
import type { Logger } from '../../src/telemetry/logger.ts'
import { until } from '../helpers/until.ts'

const NOTHING = {
  uploadBytes: 0n,
  downloadBytes: 0n,
  estimatedBytes: 0n,
  connectionsOpened: 0n,
  connectionsClosed: 0n,
}

function usage(workload: string, revision: number): FrozenUsage {
  return {
    ledgerId: 'ledger',
    instance: 'test',
    sink: 'memory',
    windowStartMs: 0,
    windowSeconds: 60,
    workload: { cluster: '', namespace: 'shop', kind: 'Deployment', name: workload },
    destination: { name: 'a.example', nameSource: 'sni' },
    revision,
    reason: 'window_closed',
    total: NOTHING,
    previous: undefined,
  }
}

/** An outbox in memory, as the storage thread keeps it. */
class MemoryOutbox {
  readonly events: { sequence: number; usage: FrozenUsage }[] = []
  readonly parked: Parked[] = []
  /** Called before an outcome is kept; may throw. */
  before: () => void = () => undefined

  add(workload: string): void {
    const sequence = (this.events.at(-1)?.sequence ?? 0) + 1
    this.events.push({ sequence, usage: usage(workload, sequence) })
  }

  page(_sink: string, after: number, limit: number) {
    return this.events.filter(({ sequence }) => sequence > after).slice(0, limit)
  }

  acknowledge(_sink: string, sequences: readonly number[]): Promise<void> {
    return this.#settle(sequences)
  }

  park(_sink: string, events: readonly Parked[]): Promise<void> {
    return this.#settle(events.map(({ sequence }) => sequence)).then(() => {
      this.parked.push(...events)
    })
  }

  async #settle(sequences: readonly number[]): Promise<void> {
    await Promise.resolve()
    this.before()
    for (const one of sequences) {
      const index = this.events.findIndex(({ sequence }) => sequence === one)
      if (index >= 0) this.events.splice(index, 1)
    }
  }
}

class MemorySink implements Sink {
  readonly batchEvents = 3
  readonly attempts: CloudEvent[][] = []
  answer: (event: CloudEvent) => Delivery = () => ({ kind: 'acknowledged' })

  publish(events: readonly CloudEvent[]): Promise<readonly Delivery[]> {
    if (events.length > 0) this.attempts.push([...events])
    return Promise.resolve(events.map((event) => this.answer(event)))
  }

  stop(): Promise<void> {
    return Promise.resolve()
  }
}

function memoryLog(): { logger: Logger; lines: string[] } {
  const lines: string[] = []
  const log = (fields: object | string, message?: string) => {
    lines.push(typeof fields === 'string' ? fields : `${message} ${JSON.stringify(fields)}`)
  }
  return { logger: { debug: log, info: log, warn: log, error: log }, lines }
}

/** A relay whose pauses are over at once, and what they would have been. */
function makeRelay(outbox: MemoryOutbox, sink: Sink, deps: Partial<RelayDependencies> = {}) {
  const pauses: number[] = []
  const { logger, lines } = memoryLog()
  const pause = (ms: number): Promise<void> => {
    pauses.push(ms)
    return new Promise((resolve) => {
      setImmediate(resolve)
    })
  }
  const relay = new Relay(
    { name: 'memory' },
    { sink, reader: outbox, outcomes: outbox, logger, pause, monotonicMs: () => 0, ...deps },
  )
  return { relay, pauses, lines }
}

/** Nothing in such a test waits for time: the condition holds after some turns of the loop. */
async function turnsUntil(condition: () => boolean): Promise<void> {
  for (let turns = 0; !condition(); turns++) {
    assert.ok(turns < 100_000, 'it gets nowhere')
    await new Promise(setImmediate)
  }
}

const retry: Delivery = { kind: 'retry', message: 'connect ECONNREFUSED' }
const refused: Delivery = { kind: 'refused', reason: 'message_too_large', message: 'too large' }
const revisionOf = ({ data }: CloudEvent): number =>
  (JSON.parse(data) as { revision: number }).revision

describe('a relay', () => {
  it('sends what waits, a page at a time and in order, and takes it out of the outbox', async () => {
    const outbox = new MemoryOutbox()
    for (let i = 0; i < 7; i++) outbox.add('shop')
    const sink = new MemorySink()
    const { relay } = makeRelay(outbox, sink)
    relay.start()
    await until('the outbox is empty', () => outbox.events.length === 0)
    await relay.stop(1000)
    assert.deepEqual(
      sink.attempts.map((events) => events.map(revisionOf)),
      [[1, 2, 3], [4, 5, 6], [7]],
    )
    assert.deepEqual(relay.stats, { sent: 7, acknowledged: 7, retried: 0, parkedByReason: {} })
  })

  it('sends what was not taken again, the same and nothing past it, with pauses that grow to a cap', async () => {
    const outbox = new MemoryOutbox()
    for (let i = 0; i < 4; i++) outbox.add('shop')
    const sink = new MemorySink()
    sink.answer = () => (sink.attempts.length <= 20 ? retry : { kind: 'acknowledged' })
    const { relay, pauses, lines } = makeRelay(outbox, sink)
    relay.start()
    await until('the outbox is empty', () => outbox.events.length === 0)
    await relay.stop(1000)
    assert.deepEqual(
      sink.attempts.map((events) => events.map(revisionOf)),
      [...Array.from({ length: 21 }, () => [1, 2, 3]), [4]],
    )
    const retries = pauses.slice(0, 20)
    assert.ok((retries[0] as number) >= 100 && (retries[0] as number) <= 200)
    assert.ok(retries.every((ms) => ms <= 30_000))
    assert.ok((retries.at(-1) as number) >= 15_000)
    assert.equal(new Set(retries).size, 20, 'with jitter')
    assert.deepEqual(lines, [
      'the sink does not take events; they wait in the outbox {"sink":"memory","detail":"connect ECONNREFUSED"}',
      'the sink takes events again {"sink":"memory"}',
    ])
  })

  it('sets refused events aside, and goes on with the others', async () => {
    const outbox = new MemoryOutbox()
    for (let i = 0; i < 4; i++) outbox.add('shop')
    const sink = new MemorySink()
    sink.answer = (event) => (revisionOf(event) === 2 ? refused : { kind: 'acknowledged' })
    const { relay, lines } = makeRelay(outbox, sink)
    relay.start()
    await until('the outbox is empty', () => outbox.events.length === 0)
    await relay.stop(1000)
    assert.deepEqual(
      outbox.parked.map(({ sequence, reason, message }) => ({ sequence, reason, message })),
      [{ sequence: 2, reason: 'message_too_large', message: 'too large' }],
    )
    assert.deepEqual(relay.stats.parkedByReason, { message_too_large: 1 })
    assert.match(
      lines[0] ?? '',
      /^an event is refused; it is parked .*"reason":"message_too_large"/,
    )
  })

  it('tells an outcome again until it is in the file', async () => {
    const outbox = new MemoryOutbox()
    outbox.add('shop')
    let failures = 3
    outbox.before = () => {
      if (failures-- > 0) throw new Error('the file is away')
    }
    const sink = new MemorySink()
    const { relay } = makeRelay(outbox, sink)
    relay.start()
    await until('the outbox is empty', () => outbox.events.length === 0)
    await relay.stop(1000)
    assert.equal(sink.attempts.length, 1)
  })

  it('goes on when the file could not be read for a while, and when a sink breaks its promise', async () => {
    const outbox = new MemoryOutbox()
    outbox.add('shop')
    let failures = 2
    const reader = {
      page: (...page: Parameters<MemoryOutbox['page']>) => {
        if (failures-- > 0) throw new Error('database is locked')
        return outbox.page(...page)
      },
    }
    const sink = new MemorySink()
    sink.answer = () => {
      if (sink.attempts.length === 1) throw new Error('a bug')
      return { kind: 'acknowledged' }
    }
    const { relay } = makeRelay(outbox, sink, { reader })
    relay.start()
    await until('the outbox is empty', () => outbox.events.length === 0)
    await relay.stop(1000)
    assert.equal(sink.attempts.length, 2)
  })

  it('sends again what a sink gave no answer to', async () => {
    const outbox = new MemoryOutbox()
    for (let i = 0; i < 3; i++) outbox.add('shop')
    const sent: number[][] = []
    const sink: Sink = {
      batchEvents: 3,
      publish: (events) => {
        if (events.length > 0) sent.push(events.map(revisionOf))
        return Promise.resolve([{ kind: 'acknowledged' }])
      },
      stop: () => Promise.resolve(),
    }
    const { relay } = makeRelay(outbox, sink)
    relay.start()
    await until('the outbox is empty', () => outbox.events.length === 0)
    await relay.stop(1000)
    assert.deepEqual(sent, [[1, 2, 3], [2, 3], [3]])
  })

  it('stops at once during a pause, and leaves what is not acknowledged', async () => {
    const outbox = new MemoryOutbox()
    outbox.add('shop')
    const sink = new MemorySink()
    sink.answer = () => retry
    const { logger } = memoryLog()
    const relay = new Relay({ name: 'memory' }, { sink, reader: outbox, outcomes: outbox, logger })
    relay.start()
    await until('it has tried', () => sink.attempts.length > 0)
    const startMs = performance.now()
    await relay.stop(60_000)
    await relay.stop(60_000)
    assert.ok(performance.now() - startMs < 10_000)
    assert.equal(outbox.events.length, 1)
  })

  it('tries at once when somebody has acted', async () => {
    const outbox = new MemoryOutbox()
    outbox.add('shop')
    const sink = new MemorySink()
    sink.answer = () => retry
    const paused = Promise.withResolvers<void>()
    const { relay } = makeRelay(outbox, sink, {
      pause: (_ms, signal) =>
        new Promise((resolve) => {
          signal.addEventListener('abort', () => resolve(), { once: true })
          paused.resolve()
        }),
    })
    relay.start()
    await paused.promise
    sink.answer = () => ({ kind: 'acknowledged' })
    relay.retryNow()
    await until('the outbox is empty', () => outbox.events.length === 0)
    await relay.stop(1000)
  })

  it('does not wait for another one whose sink hangs', async () => {
    const [hanging, quick] = [new MemoryOutbox(), new MemoryOutbox()]
    for (const outbox of [hanging, quick]) outbox.add('shop')
    const hangs: Sink = {
      batchEvents: 1,
      publish: () => Promise.withResolvers<never>().promise,
      stop: () => Promise.withResolvers<never>().promise,
    }
    const first = makeRelay(hanging, hangs).relay
    const second = makeRelay(quick, new MemorySink()).relay
    first.start()
    second.start()
    await until('the other one has sent', () => quick.events.length === 0)
    await Promise.all([first.stop(50), second.stop(50)])
    assert.equal(hanging.events.length, 1)
  })

  it('whatever fails and however often it starts anew: all is settled at last, in order, never past an unsettled one', async () => {
    const answers = fc.infiniteStream(fc.constantFrom('ok', 'ok', 'retry', 'refused'))
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom('shop', 'bank'), { minLength: 1, maxLength: 20 }),
        answers,
        fc.infiniteStream(fc.boolean()),
        fc.array(fc.integer({ min: 1, max: 6 }), { maxLength: 5 }),
        async (workloads, stream, breaks, lives) => {
          const outbox = new MemoryOutbox()
          for (const workload of workloads) outbox.add(workload)
          outbox.before = () => {
            if (breaks.next().value === true && breaks.next().value === true) throw new Error('no')
          }
          const settled = new Set<number>()
          const overtaken: number[] = []
          const sink = new MemorySink()
          sink.answer = (event) => {
            const attempt = sink.attempts.at(-1)?.map(revisionOf) ?? []
            const revision = revisionOf(event)
            const before = attempt.slice(0, attempt.indexOf(revision))
            for (let i = 1; i < revision; i++) {
              if (!settled.has(i) && !before.includes(i)) overtaken.push(revision)
            }
            const answer = stream.next().value
            if (answer === 'retry') return retry
            settled.add(revision)
            return answer === 'refused' ? refused : { kind: 'acknowledged' }
          }
          // Each life ends in the midst of its attempts; the next one knows nothing of it.
          for (const attempts of lives) {
            const end = sink.attempts.length + attempts
            const { relay } = makeRelay(outbox, sink)
            relay.start()
            await turnsUntil(() => outbox.events.length === 0 || sink.attempts.length >= end)
            await relay.stop(1000)
          }
          const { relay } = makeRelay(outbox, sink)
          relay.start()
          await turnsUntil(() => outbox.events.length === 0)
          await relay.stop(1000)
          assert.deepEqual(overtaken, [])
          assert.equal(settled.size, workloads.length)
        },
      ),
      { numRuns: 300 },
    )
  })
})

/** An outbox whose outcomes are kept when the test says so. */
class SlowOutbox extends MemoryOutbox {
  readonly #open: (() => void)[] = []

  override async acknowledge(sink: string, sequences: readonly number[]): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#open.push(resolve)
    })
    await super.acknowledge(sink, sequences)
  }

  /** Keeps what was told so far. */
  keep(): void {
    for (const resolve of this.#open.splice(0)) resolve()
  }
}

const turns = async (count: number): Promise<void> => {
  for (let i = 0; i < count; i++) await new Promise(setImmediate)
}

describe('outcomes of a relay', () => {
  it('are kept while the next page is sent, and no page after that', async (t) => {
    const outbox = new SlowOutbox()
    for (let i = 0; i < 9; i++) outbox.add('shop')
    const sink = new MemorySink()
    const { relay } = makeRelay(outbox, sink)
    t.after(() => relay.stop(0))
    relay.start()
    await turns(50)
    assert.deepEqual(
      sink.attempts.map((events) => events.map(revisionOf)),
      [
        [1, 2, 3],
        [4, 5, 6],
      ],
    )
    outbox.keep()
    await turns(50)
    assert.equal(sink.attempts.length, 3)
    const stopped = relay.stop(10_000)
    await turnsUntil(() => {
      outbox.keep()
      return outbox.events.length === 0
    })
    await stopped
  })

  it('that are being kept are waited for by a stop, and sent again by nobody', async (t) => {
    const outbox = new SlowOutbox()
    outbox.add('shop')
    const sink = new MemorySink()
    const { relay, pauses } = makeRelay(outbox, sink)
    t.after(() => relay.stop(0))
    relay.start()
    await turnsUntil(() => pauses.length >= 5)
    assert.equal(sink.attempts.length, 1)
    let ended = false
    const stopped = relay.stop(10_000).then(() => {
      ended = true
    })
    await turns(50)
    assert.equal(ended, false)
    outbox.keep()
    await stopped
    assert.deepEqual(outbox.events, [])
  })

  it('that cannot be kept are told with pauses that grow, and hold up no stop', async (t) => {
    const outbox = new MemoryOutbox()
    outbox.add('shop')
    outbox.before = () => {
      throw new Error('the file is away')
    }
    const { relay, pauses, lines } = makeRelay(outbox, new MemorySink())
    t.after(() => relay.stop(0))
    relay.start()
    // The outbox is looked at every 250 ms meanwhile.
    const told = () => pauses.filter((ms) => ms !== 250)
    await turnsUntil(() => told().length >= 4)
    told()
      .slice(0, 4)
      .forEach((ms, i) => assert.ok(ms >= 100 * 2 ** i && ms <= 200 * 2 ** i, `${i}: ${ms}`))
    assert.deepEqual(lines, [
      'an outcome is not in the file; it is told again {"sink":"memory","error":"the file is away"}',
    ])
    const startMs = performance.now()
    await relay.stop(60_000)
    assert.ok(performance.now() - startMs < 10_000)
    assert.equal(outbox.events.length, 1)
  })
})

describe('pauses of a relay', () => {
  it('are short again once something was taken', async (t) => {
    const outbox = new MemoryOutbox()
    for (let i = 0; i < 2; i++) outbox.add('shop')
    const sink = new MemorySink()
    sink.answer = (event) => {
      const attempts = sink.attempts.length
      const taken = attempts > 11 || (attempts === 11 && revisionOf(event) === 1)
      return taken ? { kind: 'acknowledged' } : retry
    }
    const { relay, pauses } = makeRelay(outbox, sink)
    t.after(() => relay.stop(0))
    relay.start()
    await turnsUntil(() => outbox.events.length === 0)
    await relay.stop(1000)
    assert.equal(sink.attempts.length, 12)
    assert.ok((pauses[9] as number) >= 15_000)
    assert.ok((pauses[10] as number) <= 200, 'after the one that took something')
  })

  it('are short again, and as long as they should be, once somebody has acted', async (t) => {
    const outbox = new MemoryOutbox()
    outbox.add('shop')
    const sink = new MemorySink()
    sink.answer = () => retry
    const pauses: number[] = []
    const { relay } = makeRelay(outbox, sink, {
      pause: (ms, signal) => {
        assert.equal(signal.aborted, false)
        pauses.push(ms)
        if (pauses.length <= 9) return Promise.resolve()
        return new Promise((resolve) => {
          signal.addEventListener('abort', () => resolve(), { once: true })
        })
      },
    })
    t.after(() => relay.stop(0))
    relay.start()
    await turnsUntil(() => pauses.length === 10)
    assert.ok((pauses[9] as number) >= 15_000)
    relay.retryNow()
    await turnsUntil(() => pauses.length === 11)
    assert.ok((pauses[10] as number) <= 200)
    await turns(50)
    assert.equal(pauses.length, 11)
    // A stop ends a pause as well, however long that is.
    const startMs = performance.now()
    await relay.stop(15_000)
    assert.ok(performance.now() - startMs < 10_000)
  })
})

describe('a relay that stops', () => {
  it('stops its sink, and says nothing of what that gave up', async (t) => {
    const outbox = new MemoryOutbox()
    outbox.add('shop')
    const answer = Promise.withResolvers<readonly Delivery[]>()
    let [sent, stops] = [0, 0]
    const sink: Sink = {
      batchEvents: 3,
      publish: (events) => {
        if (events.length === 0) return Promise.resolve([])
        sent++
        return answer.promise
      },
      stop: () => {
        stops++
        answer.resolve([retry])
        return Promise.resolve()
      },
    }
    const { relay, lines, pauses } = makeRelay(outbox, sink)
    relay.start()
    t.after(() => relay.stop(0))
    relay.start()
    await turnsUntil(() => sent > 0)
    const timers = () =>
      process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length
    const before = timers()
    await relay.stop(5000)
    assert.equal(timers(), before, 'nothing keeps the process alive')
    assert.deepEqual([sent, stops], [1, 1])
    assert.deepEqual([lines, pauses], [[], []])
    assert.equal(outbox.events.length, 1)
  })
})

it('an outbox that cannot be read is said once in a while', async (t) => {
  const { relay, pauses, lines } = makeRelay(new MemoryOutbox(), new MemorySink(), {
    reader: {
      page: () => {
        throw new Error('database is locked')
      },
    },
  })
  t.after(() => relay.stop(0))
  relay.start()
  await turnsUntil(() => pauses.length >= 3)
  await relay.stop(1000)
  assert.deepEqual(new Set(pauses), new Set([250]))
  assert.deepEqual(lines, [
    'the outbox cannot be read; it is tried again {"sink":"memory","error":"database is locked"}',
  ])
})
