import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { Kafka, CloudEvent as SdkEvent } from 'cloudevents'
import fc from 'fast-check'
import { type EventRecord, eventRecord } from '../../src/kafka/record.ts'
import type { FrozenUsage } from '../../src/model/usage-event.ts'
import { usageEvent, workloadKey } from '../../src/outbox/usage-event.ts'
import { structuredEvent } from '../../src/runtime/structured-event.ts'
import { anyRevisions, anyUsage, anyWorkload } from './any-usage.ts'
import { ROW } from './some-usage.ts'
import { USAGE_CASES } from './usage-cases.ts'

const GOLDEN = new URL('../fixtures/events/', import.meta.url)
/** Writes files of new cases; one that is there is never written again: its bytes are out in the world. */
const WRITE = process.env['SNIMETER_WRITE_EVENTS'] === '1'

function golden(file: string, text: string): string {
  const url = new URL(file, GOLDEN)
  if (WRITE && !readdirSync(GOLDEN).includes(file)) writeFileSync(url, text)
  return readFileSync(url, 'utf8')
}

for (const [name, usage] of Object.entries(USAGE_CASES)) {
  test(`the event of ${name} is, byte for byte, what it was when it was released`, () => {
    const event = usageEvent(usage)
    const line = `${structuredEvent(event)}\n`
    assert.equal(line, golden(`${name}.structured.json`, line))
    const dump = dumpOf(eventRecord(event, 'binary'))
    assert.equal(dump, golden(`${name}.binary.txt`, dump))
  })

  test(`the ids of ${name} can be computed again from the event alone`, () => {
    const event = JSON.parse(golden(`${name}.structured.json`, '')) as { id: string; data: Data }
    const { row, id, supersedes } = idsOf(event.data)
    assert.deepEqual(
      [event.data['usage_key'], event.id, event.data['supersedes']],
      [row, id, supersedes],
    )
  })

  test(`CloudEvents' own SDK reads ${name} in both modes, and finds it valid`, () => {
    const event = usageEvent(usage)
    const read = (['structured', 'binary'] as const).map((mode) =>
      sdkRead(eventRecord(event, mode)),
    )
    const { data, ...attributes } = event
    const expected = {
      specversion: '1.0',
      ...attributes,
      time: event.time.replace('Z', '.000Z'),
      data: JSON.parse(data) as unknown,
    }
    assert.deepEqual(read, [expected, expected])
  })
}

test('every golden file has its case', () => {
  const files = Object.keys(USAGE_CASES).flatMap((n) => [`${n}.binary.txt`, `${n}.structured.json`])
  assert.deepEqual(
    readdirSync(GOLDEN)
      .filter((file) => file !== 'README.md')
      .sort(),
    files.sort(),
  )
})

test('the same usage gives the same bytes, and every other revision, sink, ledger or row another id', () => {
  fc.assert(
    fc.property(anyUsage, (usage) => {
      const event = usageEvent(usage)
      assert.deepEqual(usageEvent(structuredClone(usage)), event)
      const { workload, destination } = usage
      const others: FrozenUsage[] = [
        { ...usage, revision: usage.revision + 1 },
        { ...usage, sink: `${usage.sink}2` },
        { ...usage, ledgerId: `${usage.ledgerId}2` },
        { ...usage, windowStartMs: usage.windowStartMs + 1000 },
        { ...usage, windowSeconds: usage.windowSeconds + 1 },
        { ...usage, workload: { ...workload, cluster: `${workload.cluster}2` } },
        { ...usage, workload: { ...workload, namespace: `${workload.namespace}2` } },
        { ...usage, workload: { ...workload, kind: `${workload.kind}2` } },
        { ...usage, workload: { ...workload, name: `${workload.name}2` } },
        { ...usage, destination: { ...destination, name: `${destination.name}2` } },
        {
          ...usage,
          destination: { ...destination, nameSource: otherThan(destination.nameSource) },
        },
      ]
      const ids = others.map((other) => usageEvent(other).id)
      assert.equal(new Set([event.id, ...ids]).size, others.length + 1)
    }),
  )
})

const otherThan = (source: string) => (source === 'sni' ? 'cluster' : 'sni')

test('a meter that puts events into days by their time puts each where its window is', () => {
  const lastMinute = { ...ROW, windowStartMs: Date.UTC(2026, 0, 31, 23, 59), windowSeconds: 60 }
  assert.equal(usageEvent(lastMinute).time, '2026-01-31T23:59:00Z')
  fc.assert(
    fc.property(anyUsage, (usage) => {
      const { time, data } = usageEvent(usage)
      assert.equal(time, (JSON.parse(data) as Data)['window_start'])
    }),
  )
})

test('what is not of the row does not change the id', () => {
  const { id } = usageEvent(ROW)
  const late = { ...ROW, reason: 'late', total: { ...ROW.total, uploadBytes: 7n } } as const
  assert.equal(usageEvent(late).id, id)
  assert.equal(usageEvent({ ...ROW, instance: 'other' }).id, id)
})

test('deltas of all revisions add up to the last total, and each supersedes the one before', () => {
  fc.assert(
    fc.property(anyRevisions, (revisions) => {
      const events = revisions.map((usage) => usageEvent(usage))
      const data = events.map((event) => JSON.parse(event.data) as Data)
      for (const counter of COUNTERS) {
        const sum = data.reduce((sum, one) => sum + BigInt(one[`${counter}_delta`] as string), 0n)
        assert.equal(String(sum), data.at(-1)?.[counter])
      }
      assert.deepEqual(
        data.map((one) => one['supersedes']),
        [null, ...events.slice(0, -1).map(({ id }) => id)],
      )
      assert.equal(new Set(data.map((one) => one['usage_key'])).size, 1)
    }),
  )
})

const COUNTERS = [
  'upload_bytes',
  'download_bytes',
  'estimated_bytes',
  'connections_opened',
  'connections_closed',
]

test('different workloads never share a key, whatever their names hold', () => {
  fc.assert(
    fc.property(anyWorkload, (workload) => {
      const key = workloadKey(workload)
      assert.match(key, /^[\x21-\x7e]+$/)
      const { cluster, namespace, kind, name } = workload
      assert.deepEqual(key.split('/').map(decodeURIComponent), [cluster, namespace, kind, name])
    }),
  )
})

test('a slash in a name is no border between names', () => {
  const workload = { cluster: 'a', namespace: 'b/c', kind: 'd', name: 'e' }
  assert.equal(workloadKey(workload), 'a/b%2Fc/d/e')
  assert.equal(workloadKey({ ...workload, namespace: 'b%2Fc' }), 'a/b%252Fc/d/e')
})

type Data = Readonly<Record<string, unknown>>

/** As docs/kafka.md says it, on its own. */
function idsOf(data: Data): { row: string; id: string; supersedes: string | null } {
  const sha256 = (array: unknown[]) =>
    createHash('sha256').update(JSON.stringify(array)).digest('hex')
  const fields = [
    data['ledger_id'],
    data['sink'],
    data['window_start'],
    data['window_end'],
    data['cluster'],
    data['namespace'],
    data['workload_kind'],
    data['workload'],
    data['sni'],
    data['name_source'],
    data['class'],
  ]
  const revision = data['revision'] as number
  return {
    row: sha256(fields),
    id: sha256([...fields, revision]),
    supersedes: revision > 1 ? sha256([...fields, revision - 1]) : null,
  }
}

/** A record as text: its key, its headers, an empty line, its value. */
function dumpOf({ key, value, headers }: EventRecord): string {
  const lines = [...headers].map(([name, text]) => `${name.toString()}: ${text.toString()}\n`)
  return `key: ${key.toString()}\n${lines.join('')}\n${value.toString()}\n`
}

/** What the SDK makes of a record; it writes times with milliseconds. */
function sdkRead({ key, value, headers }: EventRecord): unknown {
  const texts = Object.fromEntries([...headers].map(([n, text]) => [n.toString(), text.toString()]))
  const body = value.toString()
  const message = { key: key.toString(), value: body, headers: texts, body }
  const event = Kafka.toEvent(message)
  assert.ok(event instanceof SdkEvent)
  assert.equal(event.validate(), true)
  return JSON.parse(event.toString())
}
