import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Lane, type Waiting } from '../../src/kafka/lane.ts'
import { ErrorCode } from '../../src/kafka/trouble.ts'
import type { Delivery } from '../../src/model/sink.ts'

const ACKNOWLEDGED: Delivery = { kind: 'acknowledged' }

test('a batch that is taken as a whole is one send', () => {
  const { lane, deliveries } = laneOf([10, 10, 10])
  assert.equal(lane.take().length, 3)
  lane.answered(0, '')
  assert.equal(lane.done, true)
  assert.deepEqual(deliveries, [ACKNOWLEDGED, ACKNOWLEDGED, ACKNOWLEDGED])
})

test('what was not settled is taken again', () => {
  const { lane } = laneOf([10, 10])
  assert.deepEqual(lane.take(), lane.take())
})

test('a send stays below what a topic takes by default, and a larger record goes alone', () => {
  const { lane } = laneOf([500_000, 300_000, 500_000, 2_000_000, 10])
  const sends: number[] = []
  while (!lane.done) {
    sends.push(lane.take().length)
    lane.answered(0, '')
  }
  assert.deepEqual(sends, [2, 1, 1, 1])
})

test('the record that is too large is found by halving, and only it is refused', () => {
  const { lane, deliveries } = laneOf(Array.from({ length: 100 }, (_, i) => (i === 37 ? 5000 : 10)))
  let sends = 0
  while (!lane.done) {
    sends++
    const tooLarge = lane.take().some(({ value }) => value.length > 1000)
    lane.answered(tooLarge ? ErrorCode.messageTooLarge : 0, 'too large')
  }
  const refused = { kind: 'refused', reason: 'message_too_large', message: 'too large' }
  deliveries.forEach((delivery, i) => assert.deepEqual(delivery, i === 37 ? refused : ACKNOWLEDGED))
  assert.ok(sends < 25, `${sends} sends`)
})

test('a send is filled to the byte: key, value and 64 bytes for each record', () => {
  const bytes = 900_000 - 2 * (4 + 64)
  for (const [last, sends] of [
    [0, [2]],
    [1, [1, 1]],
  ] as const) {
    const { lane } = laneOf([bytes, last])
    const taken: number[] = []
    while (!lane.done) {
      taken.push(lane.take().length)
      lane.answered(0, '')
    }
    assert.deepEqual(taken, sends)
  }
})

test('after a send of half its size has gone through, the next one is twice as long', () => {
  const { lane } = laneOf(Array.from({ length: 16 }, () => 10))
  const taken: number[] = []
  const { messageTooLarge } = ErrorCode
  for (const code of [messageTooLarge, messageTooLarge, messageTooLarge, 0, 0, 0]) {
    taken.push(lane.take().length)
    lane.answered(code, '')
  }
  assert.deepEqual(taken, [16, 8, 4, 2, 4, 8])
})

test('of two records that are refused together each is tried alone', () => {
  const { lane, deliveries } = laneOf([10, 10])
  for (const code of [ErrorCode.invalidRecord, ErrorCode.invalidRecord, 0]) {
    lane.take()
    lane.answered(code, 'no')
  }
  const refused = { kind: 'refused', reason: 'invalid_record', message: 'no' }
  assert.deepEqual(deliveries, [refused, ACKNOWLEDGED])
})

test('what each final answer refuses: the culprit alone, or everything', () => {
  const content = ['messageTooLarge', 'recordListTooLarge', 'invalidRecord'] as const
  const reasons = ['message_too_large', 'message_too_large', 'invalid_record']
  content.forEach((name, i) => {
    const { lane, deliveries } = laneOf([1, 1])
    for (const code of [ErrorCode[name], 0, ErrorCode[name]]) {
      lane.take()
      lane.answered(code, 'no')
    }
    const refused = { kind: 'refused', reason: reasons[i], message: 'no' }
    assert.deepEqual(deliveries, [ACKNOWLEDGED, refused], name)
  })
  for (const [name, reason] of [
    ['topicAuthorizationFailed', 'not_authorized'],
    ['clusterAuthorizationFailed', 'not_authorized'],
    ['invalidTopic', 'topic_unknown'],
  ] as const) {
    const { lane, deliveries } = laneOf([1, 1])
    lane.take()
    lane.answered(ErrorCode[name], 'no')
    const refused = { kind: 'refused', reason, message: 'no' }
    assert.deepEqual(deliveries, [refused, refused], name)
  }
})

test('outcomes are put where the events stood in the batch', () => {
  const deliveries: Delivery[] = []
  const record = { key: Buffer.alloc(1), value: Buffer.alloc(1), headers: new Map() }
  const lane = new Lane(
    0,
    [4, 2].map((index) => ({ index, record })),
    deliveries,
  )
  lane.take()
  lane.answered(0, '')
  assert.deepEqual(Object.keys(deliveries), ['2', '4'])
})

test('a topic that may not be written to refuses everything at once', () => {
  const { lane, deliveries } = laneOf([1, 1])
  lane.take()
  lane.answered(ErrorCode.topicAuthorizationFailed, 'no')
  assert.equal(lane.done, true)
  const refused = { kind: 'refused', reason: 'not_authorized', message: 'no' }
  assert.deepEqual(deliveries, [refused, refused])
})

test('what passes by itself is sent again, and nothing behind it is sent now', () => {
  const { lane, deliveries } = laneOf([800_000, 800_000])
  lane.take()
  lane.answered(0, '')
  lane.take()
  const notEnoughReplicas = 19
  lane.answered(notEnoughReplicas, 'wait')
  assert.equal(lane.done, true)
  assert.deepEqual(deliveries, [ACKNOWLEDGED, { kind: 'retry', message: 'wait' }])
})

test('with any answers, every record gets one outcome, and none is sent past an open one', () => {
  const size = fc.integer({ min: 0, max: 500_000 })
  const answer = fc.constantFrom<'ok' | 'retry'>('ok', 'ok', 'ok', 'retry')
  fc.assert(
    fc.property(fc.array(size, { minLength: 1, maxLength: 40 }), fc.infiniteStream(answer), run),
  )
})

function run(sizes: readonly number[], answers: Iterator<'ok' | 'retry'>): void {
  const { lane, deliveries } = laneOf(sizes)
  const stored: number[] = []
  while (!lane.done) {
    const before = deliveries.filter((delivery) => delivery !== undefined).length
    const sent = lane.take()
    assert.equal(sent[0]?.key.readInt32BE(), before)
    const retry = answers.next().value === 'retry'
    const tooLarge = sent.some(({ value }) => value.length > 400_000)
    const code = retry ? NOT_LEADER : tooLarge ? ErrorCode.messageTooLarge : 0
    if (code === 0) stored.push(...sent.map(({ key }) => key.readInt32BE()))
    lane.answered(code, '')
  }
  assert.deepEqual(
    stored,
    deliveries.flatMap(({ kind }, i) => (kind === 'acknowledged' ? [i] : [])),
  )
  deliveries.forEach(({ kind }, i) => {
    if (kind === 'refused') assert.ok((sizes[i] as number) > 400_000)
  })
  const open = deliveries.findIndex(({ kind }) => kind === 'retry')
  if (open >= 0) assert.ok(deliveries.slice(open).every(({ kind }) => kind === 'retry'))
}

const NOT_LEADER = 6

/** A lane of records of these sizes; the key of each is its index. */
function laneOf(sizes: readonly number[]): { lane: Lane; deliveries: Delivery[] } {
  const deliveries: Delivery[] = []
  const waiting: Waiting[] = sizes.map((bytes, index) => {
    const key = Buffer.alloc(4)
    key.writeInt32BE(index)
    return { index, record: { key, value: Buffer.alloc(bytes), headers: new Map() } }
  })
  return { lane: new Lane(3, waiting, deliveries), deliveries }
}
