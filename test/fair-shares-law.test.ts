import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { PipelineStream } from '../src/pipeline.ts'
import { FloodedReceiver } from './helpers/flooded-receiver.ts'

const MAX = 100
/** What each sender is sure of: a fiftieth of 100. */
const SURE = 2
const MINUTE = 60_000

const event = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('flood' as const),
      sender: fc.integer({ min: 1, max: 4 }),
      connections: fc.integer({ min: 1, max: 150 }),
      final: fc.boolean(),
      forges: fc.boolean(),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('honest' as const),
      sender: fc.integer({ min: 1, max: 3 }),
      connection: fc.integer({ min: 0, max: SURE - 1 }),
      upload: fc.integer({ min: 1, max: 1000 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constantFrom('commit' as const, 'pass' as const) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const) }) },
)

test('law: whatever senders do, an honest one within its share has its names and bytes', () => {
  fc.assert(
    fc.property(fc.array(event, { minLength: 5, maxLength: 30 }), (events) => {
      const receiver = new FloodedReceiver({
        ledger: { maxConnections: MAX, maxRequests: 10 },
        names: { perDay: MAX * 2, perWorkloadPerDay: MAX },
      })
      const streams = new Map<string, PipelineStream>()
      const truth = new Map<string, number>()
      let connections = 1000
      const stream = (sender: string, workload: string): PipelineStream => {
        const key = `${sender} ${workload}`
        let open = streams.get(key)
        if (open === undefined) {
          open = receiver.connect(sender, workload.startsWith('h') ? 'default' : 'flood', workload)
          streams.set(key, open)
        }
        return open
      }
      const honest = (sender: number, connection: number, upload: number) => {
        const id = sender * 10 + connection
        const name = `h${sender} n${id}.example`
        truth.set(name, Math.max(truth.get(name) ?? 0, upload))
        receiver.report(stream(`10.0.0.${sender}`, `h${sender}`), {
          id,
          sni: `n${id}.example`,
          upload,
          startedAt: 0,
        })
      }
      for (const one of events) {
        if (one.kind === 'flood') {
          const reports = Array.from({ length: one.connections }, () => ({
            id: ++connections,
            sni: `x${connections}.example`,
            upload: 1,
            final: one.final,
          }))
          // Some say that they are the workload of an honest sender.
          const workload = one.forges ? `h${one.sender}` : `w${one.sender}`
          receiver.report(stream(`10.0.9.${one.sender}`, workload), ...reports)
        } else if (one.kind === 'honest') {
          honest(one.sender, one.connection, one.upload)
        } else if (one.kind === 'commit') {
          receiver.commit()
        } else if (one.kind === 'pass') {
          receiver.pass(MINUTE)
        } else {
          receiver.commit()
          receiver.restart()
          streams.clear()
        }
      }
      receiver.commit()
      const totals = receiver.totals('default')
      const own = Object.fromEntries([...truth.keys()].map((name) => [name, totals[name]]))
      const right = Object.fromEntries([...truth].map(([name, upload]) => [name, `${upload}/0`]))
      const [sums] = receiver.read<{ booked: number; counted: number }>(
        `SELECT (SELECT coalesce(sum(upload), 0) FROM usage_minute) AS booked,
                (SELECT coalesce(sum(upload), 0) FROM connection) AS counted`,
      )
      receiver.close()
      assert.deepEqual(own, right)
      // What is booked under all names is what the connections that were let in have reported.
      assert.equal(sums?.booked, sums?.counted)
    }),
    { numRuns: 40 },
  )
})
