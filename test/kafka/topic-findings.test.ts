import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { changeFindings, rememberTopic } from '../../src/kafka/topic-changes.ts'
import type { TopicLook } from '../../src/kafka/topic-look.ts'
import { settingFindings } from '../../src/kafka/topic-settings.ts'
import type { TopicMemory } from '../../src/model/topic-memory.ts'

const DAY_MS = 86_400_000
const NOON = Date.UTC(2026, 10, 24, 12)

/** Severity and code of what these settings are, on a topic with three replicas. */
function found(values: Readonly<Record<string, string>>, replicas = 3): string[] {
  const settings = { kind: 'read', values: new Map(Object.entries(values)) } as const
  return settingFindings({ topic: 'usage', replicas, settings, retentionMs: 40 * DAY_MS }).map(
    ({ severity, code }) => `${severity} ${code}`,
  )
}

describe('the settings of a topic', () => {
  it('as docs/kafka.md wants them are no finding', () => {
    const days = (count: number): string => String(count * DAY_MS)
    for (const retention of ['-1', days(40), days(400)]) {
      assert.deepEqual(
        found({
          'cleanup.policy': 'delete',
          'retention.ms': retention,
          'retention.bytes': '-1',
          'min.insync.replicas': '2',
        }),
        [],
      )
    }
  })

  it('that a broker does not have, or has in another form, are unknown and no alarm', () => {
    assert.deepEqual(found({}), [])
    assert.deepEqual(found({}, 1), [])
    const odd = { 'cleanup.policy': '', 'retention.ms': '', 'min.insync.replicas': 'majority' }
    assert.deepEqual(found(odd), [])
    const unread = { kind: 'unread' } as const
    assert.deepEqual(
      settingFindings({ topic: 'usage', replicas: 1, settings: unread, retentionMs: DAY_MS }),
      [],
    )
  })

  it('that keep too little are errors, and warnings where a consumer has some days', () => {
    const kept = (ms: number): string[] => found({ 'retention.ms': String(ms) })
    assert.deepEqual(kept(0), ['error topic-retention'])
    assert.deepEqual(kept(3 * DAY_MS - 1), ['error topic-retention'])
    assert.deepEqual(kept(3 * DAY_MS), ['warning topic-retention'])
    assert.deepEqual(kept(40 * DAY_MS - 1), ['warning topic-retention'])
    assert.deepEqual(kept(40 * DAY_MS), [])
  })

  it('that compact are errors; retention does not count where nothing is deleted by it', () => {
    for (const policy of ['compact', 'compact,delete', 'delete, compact']) {
      const codes = found({ 'cleanup.policy': policy, 'retention.ms': '1000' })
      const retention = policy === 'compact' ? [] : ['error topic-retention']
      assert.deepEqual(codes, ['error topic-compacted', ...retention])
    }
  })

  it('that acknowledge what one replica has are an error, with one replica a warning', () => {
    assert.deepEqual(found({ 'min.insync.replicas': '1' }, 3), ['error topic-insync-replicas'])
    assert.deepEqual(found({ 'min.insync.replicas': '1' }, 1), ['warning topic-insync-replicas'])
    assert.deepEqual(found({ 'min.insync.replicas': '2' }, 2), [])
    assert.deepEqual(found({ 'min.insync.replicas': '4' }, 3), ['error topic-insync-replicas'])
  })
})

interface Shape {
  readonly id?: string
  readonly cluster?: string
  readonly ends: readonly (number | undefined)[]
}

const look = ({ id = 'A', cluster = 'c', ends }: Shape): TopicLook & { kind: 'known' } => ({
  kind: 'known',
  topic: { id, leaders: ends.map(() => undefined), replicas: 3, operations: 0 },
  clusterId: cluster,
  endOffsets: ends,
  settings: { kind: 'unread' },
})

/** The changes after these looks, one a minute. */
function changes(shapes: readonly Shape[], names: readonly string[] = []): string[] {
  let memory: TopicMemory | undefined
  shapes.forEach((shape, i) => {
    memory = rememberTopic(memory, names[i] ?? 'usage', look(shape), NOON + i * 60_000)
  })
  return (memory?.changes ?? []).map(({ kind, before }) => `${kind} ${before}`)
}

describe('what happens to a topic', () => {
  it('is nothing at the first look, and while it only grows', () => {
    assert.deepEqual(changes([{ ends: [5, 7] }]), [])
    assert.deepEqual(changes([{ ends: [5, 7] }, { ends: [5, undefined] }, { ends: [6, 7] }]), [])
  })

  it('is that it was made again: by its id, by fewer partitions, or by its end where there is no id', () => {
    assert.deepEqual(changes([{ ends: [5, 7] }, { id: 'B', ends: [50, 70] }]), ['made_again 2'])
    assert.deepEqual(
      changes([
        { id: '', ends: [5, 7] },
        { id: '', ends: [9] },
      ]),
      ['made_again 2'],
    )
    assert.deepEqual(
      changes([
        { id: '', ends: [5, 7] },
        { id: '', ends: [5, 6] },
      ]),
      ['made_again 2'],
    )
  })

  it('is that it lost its newest events: the same id, and an end that went back, also after an unknown one', () => {
    const shapes = [{ ends: [5, 7] }, { ends: [5, undefined] }, { ends: [5, 6] }]
    assert.deepEqual(changes(shapes), ['end_went_back 2'])
  })

  it('is no change by an id or a cluster that is not said for a while', () => {
    assert.deepEqual(
      changes([{ ends: [5] }, { id: '', cluster: '', ends: [5] }, { ends: [6] }]),
      [],
    )
    assert.deepEqual(
      changes([{ ends: [5] }, { id: '', cluster: '', ends: [5] }, { id: 'B', ends: [6] }]),
      ['made_again 1'],
    )
  })

  it('is another topic or cluster of the configuration', () => {
    assert.deepEqual(changes([{ ends: [5] }, { id: 'B', ends: [0] }], ['old', 'new']), [
      'other_topic old',
    ])
    assert.deepEqual(changes([{ ends: [5] }, { cluster: 'd', id: 'B', ends: [0] }]), [
      'other_cluster c',
    ])
  })

  it('is kept over later looks; a topic that lacks everything replaces what was before', () => {
    const grown = [{ ends: [5] }, { ends: [5, 0] }, { ends: [5, 1, 0] }, { ends: [6, 2, 1] }]
    assert.deepEqual(changes(grown), ['partitions_added 1'])
    assert.deepEqual(changes([...grown, { id: 'B', ends: [0, 0, 0] }]), ['made_again 3'])
    const again = [...grown, { id: 'B', ends: [0, 0, 0] }, { id: 'B', ends: [1, 1, 1, 0] }]
    assert.deepEqual(changes(again), ['made_again 3', 'partitions_added 3'])
  })

  it('has a finding with the command that repairs it, from where revisions are kept', () => {
    const before = rememberTopic(undefined, 'usage', look({ ends: [5] }), NOON)
    const memory = rememberTopic(before, 'usage', look({ id: 'B', ends: [0] }), NOON + 60_000)
    const [finding] = changeFindings(memory, { sink: 'kafka', fromMs: NOON - 1500 })
    assert.deepEqual(finding, {
      severity: 'error',
      code: 'topic-made-again',
      subject: 'topic usage',
      wrong:
        'was deleted and made under the same name (seen at 2026-11-24T12:01:00.000Z): it lacks the events of before',
      fix: 'run snimeter republish --config FILE --sink kafka --since 2026-11-24T11:59:59Z (what is older is not kept any more), then send SIGHUP to serve',
    })
  })

  it('never has more than two changes, whatever comes', () => {
    const shape = fc.record({
      id: fc.constantFrom('', 'A', 'B'),
      cluster: fc.constantFrom('', 'c', 'd'),
      ends: fc.array(fc.option(fc.nat(9), { nil: undefined }), { minLength: 1, maxLength: 4 }),
    })
    fc.assert(
      fc.property(fc.array(shape, { maxLength: 20 }), (shapes) => {
        assert.ok(changes(shapes).length <= 2)
      }),
    )
  })
})
