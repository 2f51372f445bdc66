import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import Database from 'better-sqlite3'
import { UsageLedger } from '../../examples/billing-consumer/ledger.ts'
import type { CloudEvent } from '../../src/model/usage-event.ts'
import { structuredEvent } from '../../src/runtime/structured-event.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'
import { PublishedUsage, publishAll, publishAtWorst, sorted, Topic } from './published-usage.ts'
import { chapterOf, recipe } from './recipe.ts'

function openFile(t: TestContext, path: string): Database.Database {
  const database = new Database(path)
  database.defaultSafeIntegers()
  t.after(() => database.close())
  return database
}

test('the events of the recipes have several months, late revisions, and rows that begin late', (t) => {
  const { rounds, bill } = new PublishedUsage(t, 'kafka')
  assert.deepEqual([...new Set(bill.map(([month]) => month))], ['2026-11', '2026-12'])
  const data = rounds.map((round) => round.map((event) => JSON.parse(event.data)))
  for (const [index, late] of data.slice(1).entries()) {
    assert.ok(late.some(({ revision }) => revision === index + 2))
    assert.ok(late.some(({ revision, reason }) => revision === 1 && reason === 'late'))
  }
})

test('Stripe: differences that are sent come to the totals, and repeats and refills send nothing', async (t) => {
  const usage = new PublishedUsage(t, 'kafka')
  const path = `${temporaryFolder(t)}/bill.db`
  const ledger = new UsageLedger(path)
  t.after(() => ledger.close())
  const [create = '', difference = '', bill = ''] = recipe('Stripe')
  const database = openFile(t, path)
  database.exec(create)
  const read = (events: readonly CloudEvent[]) => {
    for (const event of events) ledger.apply({ value: structuredEvent(event), headers: {} })
    return database.prepare(difference).run().changes
  }
  const topic = new Topic()
  await usage.refill(topic)

  for (const round of usage.rounds) {
    assert.ok(read(round) > 0)
    assert.equal(read(round), 0, 'a repeat')
  }
  assert.equal(read(topic.events), 0, 'a refill')
  const sum = (rows: readonly string[][]) => {
    const months = new Map<string, bigint>()
    for (const [month = '', namespace, upload] of rows) {
      const key = `${month} ${namespace}`
      months.set(key, (months.get(key) ?? 0n) + BigInt(upload ?? ''))
    }
    return months
  }
  const sent = database.prepare(bill).raw().all() as unknown[][]
  const expected = usage.bill.map(([month = '', namespace = '', , , upload = '']) => [
    month,
    namespace,
    upload,
  ])
  assert.deepEqual(sum(sent.map((row) => row.map(String))), sum(expected))
  assert.equal(expected.length > 0, true)
})

test('a sum of deltas, each id once, is the bill: what OpenMeter and Lago add up', async (t) => {
  const usage = new PublishedUsage(t, 'kafka')
  const topic = new Topic()
  await publishAll(topic, usage.rounds[0] ?? [])
  await publishAtWorst(usage, topic)
  const ours = topic.events.filter(
    ({ type, data }) => type === 'io.snimeter.usage.v1' && JSON.parse(data).sink === 'kafka',
  )
  const events = new Map(ours.map((event) => [event.id, event]))
  const sums = new Map<string, [bigint, bigint]>()
  for (const { time, data } of events.values()) {
    const { namespace, workload, sni, ...values } = JSON.parse(data)
    const key = JSON.stringify([time.slice(0, 7), namespace, workload, sni])
    const [upload, download] = sums.get(key) ?? [0n, 0n]
    sums.set(key, [
      upload + BigInt(values.upload_bytes_delta),
      download + BigInt(values.download_bytes_delta),
    ])
  }
  const bill = [...sums].map(([key, bytes]) => [...JSON.parse(key), ...bytes])
  assert.deepEqual(sorted(bill), usage.bill)
})

test('fields that are named to OpenMeter and Lago are fields of an event', (t) => {
  const [event] = new PublishedUsage(t, 'kafka').rounds[0] as [CloudEvent]
  const data = Object.keys(JSON.parse(event.data))
  const named = (chapter: string, pattern: RegExp) =>
    [...chapterOf(chapter).matchAll(pattern)].map(([, name]) => name ?? '')
  const fields = [...named('OpenMeter', /\$\.(\w+)/g), ...named('Lago', /<[^<>]*data\.(\w+)/g)]
  assert.equal(fields.length, 9)
  assert.deepEqual(
    fields.filter((field) => !data.includes(field)),
    [],
  )
})
