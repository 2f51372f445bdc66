import assert from 'node:assert/strict'
import { readdirSync, readlinkSync } from 'node:fs'
import { describe, it } from 'node:test'
import { type RepublishOptions, republish } from '../../src/fan-out/republish.ts'
import type { Delivery, Sink } from '../../src/model/sink.ts'
import type { CloudEvent } from '../../src/model/usage-event.ts'
import { usageEvent } from '../../src/outbox/usage-event.ts'
import { PublicationReader } from '../../src/store/publication-reader.ts'
import { NOON } from '../store/batch-fixture.ts'
import { MINUTE, OutboxFile } from '../store/outbox-fixture.ts'

/** Takes events as `answer` says; acknowledges by default. */
class MemorySink implements Sink {
  readonly batchEvents = 2
  readonly taken: CloudEvent[] = []
  answer: (event: CloudEvent) => Delivery = () => ({ kind: 'acknowledged' })

  publish(events: readonly CloudEvent[]): Promise<readonly Delivery[]> {
    const deliveries = events.map((event) => this.answer(event))
    this.taken.push(...events.filter((_, i) => deliveries[i]?.kind === 'acknowledged'))
    return Promise.resolve(deliveries)
  }

  stop(): Promise<void> {
    return Promise.resolve()
  }
}

/** Three windows of two names; the first row of each has changed late, twice. Gives what was sent first. */
function publishedFile(): { file: OutboxFile; sent: CloudEvent[] } {
  const file = new OutboxFile()
  const sent: CloudEvent[] = []
  const windows = [0, 1, 2]
  for (const window of windows) {
    file.commit(window, [
      { window, upload: 5, sni: 'a.example' },
      { window, upload: 7, sni: 'b.example' },
    ])
  }
  for (const minute of [10, 20, 30]) {
    file.commit(minute)
    const reader = new PublicationReader(file.path)
    const page = reader.page('kafka', 0, 100)
    reader.close()
    sent.push(...page.map(({ usage }) => usageEvent(usage)))
    file.writer.acknowledge(
      'kafka',
      page.map(({ sequence }) => sequence),
    )
    file.commit(
      minute + 1,
      windows.map((window) => ({ window, upload: 1, sni: 'a.example' })),
    )
  }
  return { file, sent }
}

const range = (
  file: OutboxFile,
  sink: Sink,
  from: number,
  to: number,
  options: Partial<RepublishOptions> = {},
) =>
  republish({
    path: file.path,
    name: 'kafka',
    sink,
    sinceMs: NOON + from * MINUTE,
    untilMs: NOON + to * MINUTE,
    pause: () => Promise.resolve(),
    ...options,
  })

describe('republish', () => {
  it('sends every revision of the range again: the same ids, the same contents, revisions in order', async () => {
    const { file, sent } = publishedFile()
    try {
      const sink = new MemorySink()
      assert.deepEqual(await range(file, sink, 0, 60), { events: sent.length, refused: [] })
      const byId = (events: readonly CloudEvent[]) =>
        [...events].sort((a, b) => (a.id < b.id ? -1 : 1))
      assert.deepEqual(byId(sink.taken), byId(sent))
      const told = sink.taken.map(({ data }) => {
        const { window_start: start, sni, revision } = JSON.parse(data)
        return `${start} ${sni} ${revision}`
      })
      assert.deepEqual(told, [...told].sort())
      assert.equal(told.filter((text) => text.endsWith(' 3')).length, 3)
    } finally {
      file.remove()
    }
  })

  it('sends the windows that start within the range, and no others', async () => {
    const { file } = publishedFile()
    try {
      const sink = new MemorySink()
      await range(file, sink, 1, 2)
      assert.deepEqual(
        new Set(sink.taken.map(({ time }) => time)),
        new Set(['2026-11-24T12:01:00Z']),
      )
    } finally {
      file.remove()
    }
  })

  it('sends again what was not taken, and says what was refused', async () => {
    const { file, sent } = publishedFile()
    try {
      const sink = new MemorySink()
      let calls = 0
      const refusedId = sent[0]?.id ?? ''
      sink.answer = ({ id }) => {
        if (id === refusedId) return { kind: 'refused', reason: 'message_too_large', message: '' }
        return ++calls % 3 === 0 ? { kind: 'acknowledged' } : { kind: 'retry', message: 'away' }
      }
      const outcome = await range(file, sink, 0, 60)
      assert.deepEqual(outcome.refused, [`${refusedId}: message_too_large`])
      assert.equal(sink.taken.length, sent.length - 1)
    } finally {
      file.remove()
    }
  })

  it('gives up on a sink that takes nothing', async () => {
    const { file } = publishedFile()
    try {
      const sink = new MemorySink()
      sink.answer = () => ({ kind: 'retry', message: 'connect ECONNREFUSED' })
      await assert.rejects(range(file, sink, 0, 60), {
        code: 'sink_unavailable',
        message: 'kafka does not take events: connect ECONNREFUSED',
      })
    } finally {
      file.remove()
    }
  })

  it('gives up at once on a sink that refuses everything, and says why', async () => {
    const { file } = publishedFile()
    try {
      const sink = new MemorySink()
      sink.answer = () => ({ kind: 'refused', reason: 'topic_unknown', message: 'no such topic' })
      await assert.rejects(range(file, sink, 0, 60), {
        code: 'sink_unavailable',
        message: 'kafka refuses all events: no such topic',
      })
    } finally {
      file.remove()
    }
  })

  it('refuses a range of which minutes are hours by now, and a sink that the file does not know', async () => {
    const { file } = publishedFile()
    try {
      file.commit(60)
      const waiting = file.waiting().map(([sequence]) => sequence as number)
      file.writer.acknowledge('kafka', waiting)
      file.commit(61, [], { minutesFromMs: NOON + MINUTE })
      const sink = new MemorySink()
      await assert.rejects(range(file, sink, 0, 60), {
        code: 'range_compacted',
        message:
          'revisions are kept from 2026-11-24T12:01:00.000Z on (store.retention.minutes); begin there or later',
      })
      assert.equal((await range(file, sink, 1, 60)).events, 10)
      await assert.rejects(
        republish({
          path: file.path,
          name: 'other',
          sink,
          sinceMs: NOON,
          untilMs: NOON + 1,
          pause: () => Promise.resolve(),
        }),
        { code: 'sink_unknown' },
      )
    } finally {
      file.remove()
    }
  })

  it('says so when minutes become hours while it sends', async () => {
    const { file } = publishedFile()
    try {
      file.commit(60)
      const waiting = file.waiting().map(([sequence]) => sequence as number)
      file.writer.acknowledge('kafka', waiting)
      const sink = new MemorySink()
      sink.answer = () => {
        file.commit(61, [], { minutesFromMs: NOON + 2 * MINUTE })
        while (file.writer.tidy());
        return { kind: 'acknowledged' }
      }
      await assert.rejects(range(file, sink, 0, 60), { code: 'range_compacted' })
      assert.equal(sink.taken.length, sink.batchEvents)
    } finally {
      file.remove()
    }
  })

  it('sends again what a sink gave no answer to', async () => {
    const { file, sent } = publishedFile()
    try {
      const sink = new MemorySink()
      const oneAnswer: Sink = {
        batchEvents: 2,
        publish: (events) => sink.publish(events.slice(0, 1)),
        stop: () => Promise.resolve(),
      }
      await range(file, oneAnswer, 0, 60)
      assert.equal(new Set(sink.taken.map(({ id }) => id)).size, sent.length)
    } finally {
      file.remove()
    }
  })
})

/** Everything of the file is acknowledged: nothing holds its minutes. */
function settle(file: OutboxFile): void {
  file.commit(60)
  file.writer.acknowledge(
    'kafka',
    file.waiting().map(([sequence]) => sequence as number),
  )
}

describe('republish beside a server', () => {
  it('goes on when minutes that it has sent become hours', async () => {
    const { file } = publishedFile()
    try {
      settle(file)
      const sink = new MemorySink()
      let minute = 61
      sink.answer = ({ data }) => {
        // A window is compacted as soon as something of the next one is sent.
        const { window_start: start } = JSON.parse(data) as { window_start: string }
        file.commit(minute++, [], { minutesFromMs: Date.parse(start) })
        while (file.writer.tidy());
        return { kind: 'acknowledged' }
      }
      assert.equal((await range(file, sink, 0, 60)).events, 15)
      assert.equal(new Set(sink.taken.map(({ id }) => id)).size, 15)
    } finally {
      file.remove()
    }
  })

  it('says so when minutes that it has not sent become hours', async () => {
    const { file } = publishedFile()
    try {
      settle(file)
      const sink = new MemorySink()
      let minute = 61
      sink.answer = () => {
        file.commit(minute++, [], { minutesFromMs: NOON + 2 * MINUTE })
        while (file.writer.tidy());
        return { kind: 'acknowledged' }
      }
      await assert.rejects(range(file, sink, 0, 60), { code: 'range_compacted' })
      assert.equal(sink.taken.length, 2)
    } finally {
      file.remove()
    }
  })
})

describe('republish to a sink in trouble', () => {
  it('pauses ten times, longer each time up to five seconds, before it gives up', async () => {
    const { file } = publishedFile()
    try {
      const sink = new MemorySink()
      sink.answer = () => ({ kind: 'retry', message: 'away' })
      const pauses: number[] = []
      const pause = (ms: number) => Promise.resolve(pauses.push(ms))
      await assert.rejects(range(file, sink, 0, 60, { pause }), { code: 'sink_unavailable' })
      assert.equal(pauses.length, 10)
      pauses.forEach((ms, i) => {
        const longest = Math.min(5000, 200 * 2 ** i)
        assert.ok(ms >= longest / 2 && ms <= longest, `${i}: ${ms}`)
      })
    } finally {
      file.remove()
    }
  })

  it('does not give up while now and then something is taken', async () => {
    const { file } = publishedFile()
    try {
      const sink = new MemorySink()
      let calls = 0
      sink.answer = () =>
        ++calls % 9 === 0 ? { kind: 'acknowledged' } : { kind: 'retry', message: 'away' }
      await range(file, sink, 0, 1)
      assert.equal(new Set(sink.taken.map(({ id }) => id)).size, 4)
    } finally {
      file.remove()
    }
  })

  it('leaves the file closed when it has given up', async () => {
    const { file } = publishedFile()
    const handles = () =>
      readdirSync('/proc/self/fd').filter((fd) => {
        try {
          return readlinkSync(`/proc/self/fd/${fd}`).startsWith(file.path)
        } catch {
          return false
        }
      }).length
    try {
      const before = handles()
      const sink = new MemorySink()
      sink.answer = () => ({ kind: 'retry', message: 'away' })
      await assert.rejects(range(file, sink, 0, 60), { code: 'sink_unavailable' })
      assert.equal(handles(), before)
    } finally {
      file.remove()
    }
  })

  it('says how far it has come', async () => {
    const { file } = publishedFile()
    try {
      settle(file)
      const told: number[] = []
      await range(file, new MemorySink(), 0, 1, { progress: (events) => told.push(events) })
      assert.deepEqual(told, [2, 4, 5])
    } finally {
      file.remove()
    }
  })
})

it('republish sends the revisions of its own sink, not those of another', async () => {
  const file = new OutboxFile({ sinks: ['kafka', 'files'] })
  try {
    file.commit(0, [{ window: 0, upload: 5 }])
    file.commit(3)
    file.writer.acknowledge('files', [1])
    file.commit(9, [{ window: 0, upload: 10 }])
    file.writer.acknowledge('kafka', [1])
    const sink = new MemorySink()
    const sent = async (name: string) => {
      await range(file, sink, 0, 60, { name })
      return sink.taken.splice(0).map(({ data }) => {
        const { sink: of, revision, upload_bytes: upload } = JSON.parse(data)
        return [of, revision, upload]
      })
    }
    file.commit(20, [{ window: 0, upload: 100 }])
    assert.deepEqual(await sent('kafka'), [
      ['kafka', 1, '5'],
      ['kafka', 2, '15'],
    ])
    assert.deepEqual(await sent('files'), [
      ['files', 1, '5'],
      ['files', 2, '15'],
    ])
  } finally {
    file.remove()
  }
})
