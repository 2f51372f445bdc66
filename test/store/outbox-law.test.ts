import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import type { FrozenUsage } from '../../src/model/usage-event.ts'
import { usageEvent } from '../../src/outbox/usage-event.ts'
import { PublicationReader } from '../../src/store/publication-reader.ts'
import { OutboxFile } from './outbox-fixture.ts'

interface Step {
  /** Time that passes first, minutes. */
  readonly passes: number
  readonly usage: readonly {
    readonly ago: number
    readonly sni: string
    readonly workload: string
    readonly upload: number
    readonly opened: number
  }[]
  /** What then becomes of the events that wait: the first `sent` are sent … */
  readonly sent: number
  /** … and so many of these are refused, the others acknowledged or not. */
  readonly parked: number
  readonly acknowledged: boolean
  readonly retry: boolean
  readonly restart: boolean
}

const step: fc.Arbitrary<Step> = fc.record({
  passes: fc.constantFrom(0, 0.5, 1, 3),
  usage: fc.array(
    fc.record({
      ago: fc.nat(8),
      sni: fc.constantFrom('a.example', 'b.example', 'c.example'),
      workload: fc.constantFrom('shop', 'bank'),
      upload: fc.constantFrom(0, 1, 1000, 2 ** 50),
      opened: fc.nat(2),
    }),
    { maxLength: 4 },
  ),
  sent: fc.nat(6),
  parked: fc.nat(2),
  acknowledged: fc.boolean(),
  retry: fc.boolean(),
  restart: fc.boolean(),
})

/** A consumer that gets everything, some of it twice. */
class Consumer {
  readonly contents = new Map<string, string>()
  readonly revisions = new Map<string, number[]>()
  readonly newest = new Map<string, FrozenUsage>()
  readonly sums = new Map<string, bigint>()

  take(usage: FrozenUsage): void {
    const { id, data } = usageEvent(usage)
    const row = `${usage.windowStartMs} ${usage.workload.name} ${usage.destination.name}`
    const known = this.contents.get(id)
    assert.ok(known === undefined || known === data, 'one id, two contents')
    if (known !== undefined) return
    this.contents.set(id, data)
    const { upload_bytes_delta: delta } = JSON.parse(data) as { upload_bytes_delta: string }
    this.revisions.set(row, [...(this.revisions.get(row) ?? []), usage.revision])
    this.newest.set(row, usage)
    this.sums.set(row, (this.sums.get(row) ?? 0n) + BigInt(delta))
  }
}

it('whatever is refused, repeated, lost or restarted: last total = sum of deltas = the file, row by row', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 25 }), fc.constantFrom(3, 1000), (steps, maxEvents) => {
      const sinks = ['kafka', 'files']
      const file = new OutboxFile({ maxEvents, maxParked: 4, sinks })
      const consumer = new Consumer()
      let minute = 10
      const send = (limit: number) => {
        const reader = new PublicationReader(file.path)
        const page = reader.page('kafka', 0, limit)
        reader.close()
        for (const { usage } of page) consumer.take(usage)
        return page.map(({ sequence }) => sequence)
      }
      try {
        for (const { passes, usage, sent, parked, acknowledged, retry, restart } of steps) {
          minute += passes
          const rows = usage.map(({ ago, ...row }) => ({
            ...row,
            window: Math.floor(minute) - ago,
          }))
          const state = file.commit(minute, rows)
          assert.ok((state.sinks[0]?.events ?? 0) <= maxEvents)
          const sequences = send(sent)
          const refused = sequences.splice(0, parked)
          file.writer.park(
            'kafka',
            refused.map((sequence) => ({ sequence, reason: 'refused', message: '' })),
          )
          if (acknowledged) file.writer.acknowledge('kafka', sequences)
          if (retry) file.writer.retryParked()
          // The other sink takes everything at once: it is ahead wherever this one is behind.
          file.writer.acknowledge(
            'files',
            file.waiting('files').map(([sequence]) => sequence as number),
          )
          if (restart) file.reopen({ maxEvents, maxParked: 4, sinks })
        }
        // At last everything goes through: windows close, and nothing new happens.
        for (let round = 0; round < 3; round++) {
          minute += 20
          file.commit(minute)
          file.writer.retryParked()
          for (let all = send(1000); all.length > 0; all = send(1000)) {
            file.writer.acknowledge('kafka', all)
          }
        }
        const stored = file.all(`
          SELECT (unixepoch(window_start) * 1000) || ' ' || workload || ' ' || sni, upload_bytes,
                 connections_opened,
                 (SELECT max(revision) FROM publications p
                  WHERE p.sink = 'kafka' AND p.window_start = u.window_start
                    AND p.workload = u.workload AND p.sni = u.sni)
          FROM usage u ORDER BY 1`)
        const consumed = [...consumer.newest]
          .map(([row, { total, revision }]) => [
            row,
            Number(total.uploadBytes),
            Number(total.connectionsOpened),
            revision,
          ])
          .sort(([a], [b]) => (String(a) < String(b) ? -1 : 1))
        assert.deepEqual(consumed, stored)
        for (const [row, revisions] of consumer.revisions) {
          assert.deepEqual(
            revisions,
            revisions.map((_, i) => i + 1),
            `revisions of ${row} came in order`,
          )
          assert.equal(consumer.sums.get(row), consumer.newest.get(row)?.total.uploadBytes)
        }
        assert.deepEqual(file.all("SELECT events, parked FROM sink WHERE name = 'kafka'"), [[0, 0]])
        assert.deepEqual(file.all('SELECT count(*) FROM changed WHERE sink_id = 1'), [[0]])
      } finally {
        file.remove()
      }
    }),
    { numRuns: 60 },
  )
})
