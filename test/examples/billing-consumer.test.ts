import assert from 'node:assert/strict'
import { describe, it, test } from 'node:test'
import fc from 'fast-check'
import { UsageLedger } from '../../examples/billing-consumer/ledger.ts'
import type { UsageRecord } from '../../examples/billing-consumer/usage-event.ts'
import { type ContentMode, eventRecord } from '../../src/kafka/record.ts'
import type { FrozenUsage } from '../../src/model/usage-event.ts'
import { usageEvent } from '../../src/outbox/usage-event.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'
import { anyRevisions } from '../outbox/any-usage.ts'
import { ROW, revisionsOf } from '../outbox/some-usage.ts'

function recordOf(usage: FrozenUsage, mode: ContentMode = 'structured'): UsageRecord {
  const { key, value, headers } = eventRecord(usageEvent(usage), mode)
  return {
    key: key.toString(),
    value: value.toString(),
    headers: Object.fromEntries(
      [...headers].map(([name, text]) => [name.toString(), text.toString()]),
    ),
  }
}

function ledgerOf(records: readonly UsageRecord[]): UsageLedger {
  const ledger = new UsageLedger(':memory:')
  for (const record of records) ledger.apply(record)
  return ledger
}

/** Each violation's kind. */
const violationsOf = (...records: UsageRecord[]) =>
  ledgerOf(records)
    .report()
    .violations.map(({ kind }) => kind)

const [FIRST, SECOND, THIRD] = revisionsOf(ROW, [100n, 250n, 90n]).map((usage) =>
  recordOf(usage),
) as [UsageRecord, UsageRecord, UsageRecord]

/** Rows of revisions, in any interleaving that keeps each row's order, with repeats of what came before. */
const anyDelivery = fc
  .uniqueArray(anyRevisions, {
    minLength: 1,
    maxLength: 6,
    selector: ([usage]) => JSON.parse(usageEvent(usage as FrozenUsage).data).usage_key,
  })
  .chain((rows) =>
    fc.tuple(
      fc.constant(rows),
      fc.array(fc.tuple(fc.nat(), fc.boolean(), fc.constantFrom('structured', 'binary')), {
        maxLength: 60,
      }),
    ),
  )
  .map(([rows, choices]) => {
    const left = rows.map((row) => [...row])
    const sent: FrozenUsage[] = []
    const records: UsageRecord[] = []
    const send = (usage: FrozenUsage, mode: string) =>
      records.push(recordOf(usage, mode as ContentMode))
    for (const [number, repeat, mode] of choices) {
      const open = left.filter((row) => row.length > 0)
      if (repeat && sent.length > 0) send(sent[number % sent.length] as FrozenUsage, mode)
      else if (open.length > 0) {
        const usage = (open[number % open.length] as FrozenUsage[]).shift() as FrozenUsage
        sent.push(usage)
        send(usage, mode)
      }
    }
    for (const usage of left.flat()) send(usage, 'structured')
    return { rows, records }
  })

test('however events are interleaved and repeated, both ways come to the last totals', () => {
  fc.assert(
    fc.property(anyDelivery, ({ rows, records }) => {
      const ledger = ledgerOf(records)
      const report = ledger.report()
      ledger.close()
      assert.deepEqual(report.violations, [])
      const events = rows.flat().length
      assert.equal(report.events, events)
      assert.equal(report.repeats, records.length - events)
      const byText = (a: string[], b: string[]) => (a.join() < b.join() ? -1 : 1)
      assert.deepEqual(
        report.rows.map((row) => Object.values(row).map(String)).sort(byText),
        rows.map((row) => expectedRow(row.at(-1) as FrozenUsage)).sort(byText),
      )
    }),
    { numRuns: 60 },
  )
})

function expectedRow({ windowStartMs, workload, destination, revision, total }: FrozenUsage) {
  const { cluster, namespace, kind, name } = workload
  return [
    new Date(windowStartMs).toISOString().replace('.000Z', 'Z'),
    [cluster, namespace, kind, name].join('/'),
    destination.name,
    revision,
    total.uploadBytes,
    total.downloadBytes,
    total.connectionsOpened,
    total.connectionsClosed,
  ].map(String)
}

test('records that keep every promise violate nothing', () => {
  assert.deepEqual(violationsOf(FIRST, SECOND, FIRST, THIRD, SECOND), [])
})

test('one id with two contents is found', () => {
  const changed = recordOf({ ...(revisionsOf(ROW, [101n])[0] as FrozenUsage) })
  assert.deepEqual(violationsOf(FIRST, changed), ['two_contents'])
})

test('a change of an attribute alone is another content too', () => {
  const elsewhere = recordOf({ ...(revisionsOf(ROW, [100n])[0] as FrozenUsage), instance: 'b' })
  assert.deepEqual(violationsOf(FIRST, elsewhere), ['two_contents'])
})

test('revisions that first come out of order are found, and totals are right all the same', () => {
  const ledger = ledgerOf([FIRST, THIRD, SECOND])
  const { violations, rows } = ledger.report()
  assert.deepEqual(
    violations.map(({ kind }) => kind),
    ['out_of_order'],
  )
  assert.deepEqual([rows[0]?.revision, rows[0]?.upload], [3n, 90n])
})

test('a revision that is lost is found: by its gap, and by the sum of deltas', () => {
  assert.deepEqual(violationsOf(FIRST, THIRD), ['missing_revision', 'disagree'])
  assert.deepEqual(violationsOf(SECOND), ['missing_revision', 'disagree'])
})

test('a delta that does not lead to the total is found', () => {
  const [, second] = revisionsOf(ROW, [99n, 250n]) as [FrozenUsage, FrozenUsage]
  assert.deepEqual(violationsOf(FIRST, recordOf(second)), ['disagree'])
})

test('ids that cannot be computed again, wrong keys and what is no event are found', () => {
  const forged = (change: (text: string) => string) => ({ ...FIRST, value: change(FIRST.value) })
  for (const record of [
    forged((text) => text.replace('"sni":"a.example"', '"sni":"b.example"')),
    forged((text) => text.replace(/"id":"./, '"id":"-')),
    forged((text) => text.replace('"supersedes":null', '"supersedes":""')),
    forged((text) => text.replace('"upload_bytes":"100"', '"upload_bytes":100')),
    forged((text) => text.replace('"upload_bytes":"100"', '"upload_bytes":"9223372036854775808"')),
    forged((text) => text.slice(1)),
    forged(() => 'null'),
    forged(() => '{"type":"io.snimeter.usage.v1"}'),
    { ...FIRST, key: 'mesh/shop/Deployment/other' },
  ]) {
    assert.deepEqual(violationsOf(record), ['unreadable'], record.value)
  }
})

test('fields and events that came later are no concern of an old consumer', () => {
  const added = { ...FIRST, value: FIRST.value.replace('"data":{', '"data":{"new":1,') }
  const other = { ...FIRST, value: FIRST.value.replace('io.snimeter.usage.v1', 'io.snimeter.x.v1') }
  const { violations, events, ignored } = ledgerOf([added, other]).report()
  assert.deepEqual([violations, events, ignored], [[], 1, 1])
})

test('what was read is kept together with its offset', (t) => {
  const file = `${temporaryFolder(t)}/bill.db`
  const first = new UsageLedger(file)
  first.apply(FIRST, { topic: 'usage', partition: 3, offset: 7n })
  first.close()
  const again = new UsageLedger(file)
  assert.deepEqual([...again.nextOffsets('usage')], [[3, 8n]])
  assert.deepEqual([...again.nextOffsets('other')], [])
  again.apply(FIRST, { topic: 'usage', partition: 3, offset: 8n })
  assert.deepEqual([again.report().events, again.report().repeats], [1, 1])
  again.close()
})

describe('a topic that was filled again', () => {
  const [R1, R2, R3, R4] = revisionsOf(ROW, [100n, 250n, 90n, 95n]).map((usage) =>
    recordOf(usage),
  ) as [UsageRecord, UsageRecord, UsageRecord, UsageRecord]
  const judged = (known: readonly UsageRecord[], topic: readonly UsageRecord[]) => {
    const ledger = ledgerOf([...known, ...topic])
    const kinds = () => ledger.report().violations.map(({ kind }) => kind)
    const strict = kinds()
    ledger.acceptRefill()
    return { strict, refilled: kinds(), ledger }
  }

  it('is accepted where a row came again in full, and by that only', () => {
    // What serve sent first, then the refill; with and without a memory of the topic before.
    for (const [known, topic] of [
      [[], [R2, R1, R2]],
      [[], [R3, R1, R2, R3]],
      [[R1], [R3, R1, R2, R3]],
      [
        [R1, R2],
        [R4, R1, R2, R3, R4],
      ],
      // Serve sends a new revision in the middle of the refill.
      [[], [R3, R1, R4, R2, R3, R4]],
      // A refill that was begun twice.
      [[], [R3, R1, R2, R1, R2, R3]],
    ] as const) {
      const { strict, refilled } = judged(known, topic)
      assert.deepEqual(new Set(strict), new Set(['out_of_order']))
      assert.deepEqual(refilled, [])
    }
  })

  it('without memory of disorder nothing has to be accepted', () => {
    assert.deepEqual(judged([R1, R2, R3], [R2, R1, R2, R3, R1]).strict, [])
  })

  it('disorder that is no refill is found all the same', () => {
    for (const topic of [
      [R2, R1],
      [R1, R3, R2],
      [R1, R3, R2, R3],
      [R3, R1, R2],
      [R3, R2, R1, R3],
      [R1, R4, R3, R2, R4],
    ]) {
      assert.ok(judged([], topic).refilled.includes('out_of_order'))
    }
    assert.deepEqual(judged([], [R3, R1, R3]).refilled, [
      'out_of_order',
      'missing_revision',
      'disagree',
    ])
  })

  it('disorder after a refill is found', () => {
    const { ledger, refilled } = judged([], [R2, R1, R2])
    assert.deepEqual(refilled, [])
    for (const record of [R4, R3]) ledger.apply(record)
    assert.deepEqual(
      ledger.report().violations.map(({ kind }) => kind),
      ['out_of_order'],
    )
    ledger.acceptRefill()
    assert.equal(ledger.report().violations.length, 1)
  })
})
