import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import Database from 'better-sqlite3'
import fc from 'fast-check'
import { queryTotals } from '../../src/query/totals.ts'
import { Writer } from '../../src/store/writer.ts'
import { EntryType, identifierField, peerFilterState } from '../helpers/entry-writer.ts'
import { FloodedReceiver, type Report } from '../helpers/flooded-receiver.ts'
import { NOON, ReceiverLife, streamId } from '../helpers/receiver-life.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'
import { select } from '../helpers/totals.ts'
import { makeBatch } from '../store/batch-fixture.ts'

// The README promised to say which pod used the bytes; usage was kept per workload only.

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

const OF_PODS = `
  SELECT strftime('%H:%M', window_start), workload, pod, sni, upload_bytes || '/' || download_bytes,
         connections_opened || '/' || connections_closed
  FROM usage_by_pod ORDER BY window_start, workload, pod, sni`

const sum = (by: string, table: string): string => `
  SELECT ${by}, sum(upload_bytes) || '/' || sum(download_bytes),
         sum(connections_opened) || '/' || sum(connections_closed)
  FROM ${table} GROUP BY ${by} ORDER BY ${by}`

/** What pods and workloads come to, by hour, workload and name: the same. */
const KEY = 'window_start, namespace, workload_kind, workload, sni, name_source'
const OF_WORKLOADS = sum(KEY, 'usage_hourly')
const OF_ALL_PODS = sum(KEY, 'usage_by_pod')

function pod(workload: string, name: string): Buffer {
  return identifierField({
    id: `sidecar~10.0.0.1~${name}.shop~shop.svc.cluster.local`,
    cluster: `${workload}.shop`,
    metadata: { NAMESPACE: 'shop', WORKLOAD_NAME: workload, NAME: name },
    envoy: [1, 40, 0],
  })
}

const WAYPOINT = identifierField({
  id: 'waypoint~10.0.0.9~egress-6b5-w.shop~shop.svc.cluster.local',
  cluster: 'egress.shop',
  metadata: { NAMESPACE: 'shop', WORKLOAD_NAME: 'egress', NAME: 'egress-6b5-w' },
  envoy: [1, 40, 0],
})

interface Entry {
  readonly upload: number
  readonly sni?: string
  readonly start?: number
  readonly final?: boolean
  readonly peer?: Readonly<Record<string, string>>
}

const entry = (id: number, { upload, sni = 'a.example', start = NOON, final, peer }: Entry) => ({
  streamId: streamId(id),
  type: final === true ? EntryType.tcpConnectionEnd : EntryType.tcpPeriodic,
  sni,
  startMs: start,
  upload,
  download: upload * 2,
  ...(peer === undefined ? {} : { extra: [peerFilterState(peer)] }),
})

describe('usage per pod', () => {
  it('is exact through an hour, a crash, a restart and copies', (t) => {
    const life = new ReceiverLife(t)
    const one = pod('checkout', 'checkout-5d8f-one')
    const two = pod('checkout', 'checkout-5d8f-two')
    life.hear(one, [entry(1, { upload: 100 })], NOON + MINUTE)
    life.hear(two, [entry(2, { upload: 7 })], NOON + MINUTE)
    life.commit()
    // Not committed: the next report has it.
    life.hear(one, [entry(1, { upload: 150 })], NOON + 2 * MINUTE)
    life.crash(NOON + 3 * MINUTE)
    life.pass(NOON + 3 * MINUTE, NOON + 59 * MINUTE, MINUTE)
    life.hear(one, [entry(1, { upload: 200 })], NOON + 59 * MINUTE)
    life.restart(NOON + 59 * MINUTE)
    // Half of the last 20 bytes in each hour.
    life.hear(one, [entry(1, { upload: 220, final: true })], NOON + 61 * MINUTE)
    life.hear(one, [entry(1, { upload: 220, final: true })], NOON + 61 * MINUTE)
    assert.deepEqual(life.rows(OF_PODS), [
      '12:00 checkout checkout-5d8f-one a.example 210/420 1/0',
      '12:00 checkout checkout-5d8f-two a.example 7/14 1/0',
      '13:00 checkout checkout-5d8f-one a.example 10/20 0/1',
    ])
    assert.deepEqual(life.rows(OF_ALL_PODS), life.rows(OF_WORKLOADS))
  })

  it('behind a waypoint is that of the peer, and of no pod where the peer names none', (t) => {
    const life = new ReceiverLife(t)
    const peer = {
      workload: 'train',
      namespace: 'ml',
      type: 'job',
      cluster: 'c1',
      name: 'train-x9',
    }
    const { name: _, ...unnamed } = peer
    const forged = { ...peer, name: '__other__' }
    life.hear(
      WAYPOINT,
      [
        entry(1, { upload: 5, peer, final: true }),
        entry(2, { upload: 6, peer: unnamed, final: true }),
        entry(3, { upload: 7, peer: forged, final: true }),
        entry(4, { upload: 8, final: true }),
      ],
      NOON + 1000,
    )
    assert.deepEqual(life.rows(OF_PODS), [
      '12:00 egress egress-6b5-w a.example 8/16 1/1',
      '12:00 train  a.example 6/12 1/1',
      '12:00 train train-x9 a.example 5/10 1/1',
      '12:00 train ~__other__ a.example 7/14 1/1',
    ])
    assert.deepEqual(life.rows(OF_ALL_PODS), life.rows(OF_WORKLOADS))
  })

  it('goes on as it began where another stream reports the connection after a restart', (t) => {
    const life = new ReceiverLife(t)
    const peer = {
      workload: 'train',
      namespace: 'ml',
      type: 'job',
      cluster: 'c1',
      name: 'train-x9',
    }
    life.hear(WAYPOINT, [entry(1, { upload: 5, peer })], NOON + 1000)
    life.restart(NOON + 2000)
    life.hear(WAYPOINT, [entry(1, { upload: 9, final: true })], NOON + 3000)
    assert.deepEqual(life.rows(OF_PODS), ['12:00 train train-x9 a.example 9/18 1/1'])
  })

  it('of a connection of before pods were kept is that of its node', (t) => {
    const life = new ReceiverLife(t)
    life.hear(pod('checkout', 'checkout-1'), [entry(1, { upload: 5 })], NOON + 1000)
    life.commit()
    const file = new Database(life.path)
    file.exec('DELETE FROM usage_pod; DELETE FROM pod; UPDATE connection SET pod_id = 0')
    file.close()
    life.crash(NOON + 2000)
    life.hear(pod('checkout', 'checkout-1'), [entry(1, { upload: 9, final: true })], NOON + 3000)
    assert.deepEqual(life.rows(OF_PODS), ['12:00 checkout checkout-1 a.example 4/8 0/1'])
  })

  it('adds up to usage per workload, whatever is reported, lost and repeated', (t: TestContext) => {
    const step = fc.record({
      connection: fc.integer({ min: 1, max: 6 }),
      grows: fc.nat(1000),
      passes: fc.integer({ min: 0, max: 50 }),
      final: fc.boolean(),
      next: fc.constantFrom('', '', 'commit', 'restart', 'crash'),
    })
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 25 }), (steps) => {
        const life = new ReceiverLife(t)
        const counters = new Map<number, number>()
        let now = NOON
        for (const { connection, grows, passes, final, next } of steps) {
          const later = now + passes * MINUTE
          life.pass(now, later, MINUTE)
          now = later
          const upload = (counters.get(connection) ?? 0) + grows
          counters.set(connection, upload)
          const identifier = pod(`w${connection % 2}`, `w-${connection % 4}`)
          const said = { upload, final, sni: `n${connection % 3}.example`, start: NOON }
          life.hear(identifier, [entry(connection, said)], now)
          if (next === 'commit') life.commit()
          else if (next === 'restart') life.restart(now)
          else if (next === 'crash') life.crash(now)
        }
        assert.deepEqual(life.rows(OF_ALL_PODS), life.rows(OF_WORKLOADS))
      }),
      { numRuns: 12 },
    )
  })

  it('is kept for as long as store.retention.pods says, and usage per workload for longer', (t) => {
    const path = join(temporaryFolder(t), 'file.db')
    const retention = { hoursMs: 400 * DAY, podsMs: 2 * DAY, connectionsMs: 7 * DAY }
    const writer = new Writer({ path, windowSeconds: 60, changeWindows: true, retention })
    writer.open(NOON)
    for (const day of [0, 1, 2, 3]) {
      const at = NOON + day * DAY
      const usage = [{ windowMs: at, pod: 'checkout-1', upload: 10 }]
      writer.apply(makeBatch({ sequence: day + 1, usage, clock: { newestMs: at } }))
    }
    while (writer.tidy()) {
      // Slices until there is nothing left to do.
    }
    writer.close()
    const days = 'SELECT DISTINCT substr(window_start, 1, 10) AS day FROM'
    assert.deepEqual(
      select(path, `${days} usage_by_pod`).map(({ day }) => day),
      ['2026-11-25', '2026-11-26', '2026-11-27'],
    )
    assert.equal(select(path, `${days} usage`).length, 4)
  })
})

describe('the pods of an hour under a flood', () => {
  const ask = (receiver: FloodedReceiver, namespace: string): string[] => {
    const file = new Database(receiver.path, { readonly: true })
    file.defaultSafeIntegers()
    try {
      const by = ['pod'] as const
      const order = { order: 'name', descending: false } as const
      return queryTotals(file, { by, ...order, namespace }).rows.map((row) =>
        row.slice(3).join(' '),
      )
    } finally {
      file.close()
    }
  }

  const names = (first: number, count: number, upload: number): Report[] =>
    Array.from({ length: count }, (_, i) => ({
      id: first + i,
      sni: `n${first + i}.example`,
      upload,
      final: true,
    }))

  it('go to __other__ of their workload, leave a neighbour its own, and begin again with the hour', () => {
    const receiver = new FloodedReceiver({ pods: { perHour: 100 } })
    try {
      for (let i = 0; i < 30; i++) {
        const stream = receiver.connect('10.0.0.66', 'flood', 'w', `w-${i}`)
        receiver.report(stream, ...names(1000 + i * 10, 10, 1))
      }
      const neighbour = receiver.connect('10.0.0.1', 'shop', 'checkout', 'checkout-1')
      receiver.report(neighbour, ...names(1, 2, 100))
      receiver.commit()
      assert.deepEqual(ask(receiver, 'shop'), ['checkout checkout-1 200 0 2'])
      const flood = ask(receiver, 'flood')
      assert.equal(flood.length, 11)
      assert.ok(flood.includes('w __other__ 200 0 200'))
      assert.deepEqual(receiver.read(OF_ALL_PODS), receiver.read(OF_WORKLOADS))
      // A restart renews no budget, and takes nothing of what each sender is sure of.
      receiver.restart()
      const again = receiver.connect('10.0.0.66', 'flood', 'w', 'w-again')
      receiver.report(again, ...names(2000, 20, 1))
      const other = receiver.connect('10.0.0.2', 'shop', 'cart', 'cart-1')
      receiver.report(other, ...names(10, 2, 7))
      receiver.commit()
      assert.ok(ask(receiver, 'flood').includes('w __other__ 218 0 218'))
      assert.ok(ask(receiver, 'shop').includes('cart cart-1 14 0 2'))
      receiver.pass(HOUR, MINUTE)
      const later = receiver.connect('10.0.0.66', 'flood', 'w', 'w-later')
      receiver.report(later, ...names(3000, 20, 1))
      receiver.commit()
      assert.ok(ask(receiver, 'flood').includes('w w-later 20 0 20'))
      assert.deepEqual(receiver.read(OF_ALL_PODS), receiver.read(OF_WORKLOADS))
    } finally {
      receiver.close()
    }
  })

  it('are none with a budget of 0, and usage per workload is as it was', () => {
    const receiver = new FloodedReceiver({ pods: { perHour: 0 } })
    try {
      const stream = receiver.connect('10.0.0.1', 'shop', 'checkout', 'checkout-1')
      receiver.report(stream, ...names(1, 3, 5))
      receiver.commit()
      assert.deepEqual(ask(receiver, 'shop'), ['checkout __other__ 15 0 3'])
    } finally {
      receiver.close()
    }
  })
})
