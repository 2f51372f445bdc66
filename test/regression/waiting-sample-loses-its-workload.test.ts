import assert from 'node:assert/strict'
import { it } from 'node:test'
import { defaultConfig } from '../../src/config/load.ts'
import type { StoreBatch } from '../../src/model/batch.ts'
import { Pipeline } from '../../src/pipeline.ts'
import { tcpEntry, tcpMessage } from '../helpers/entry-writer.ts'
import { SHOP_SIDECAR } from '../helpers/shop-sidecar.ts'

const MIDNIGHT = Date.UTC(2026, 10, 25)
const BEFORE = MIDNIGHT - 1000
/** Ids are only released when there are more than this. */
const MANY_NAMES = 10_000

const LAST_WORD = tcpEntry({
  streamId: '00000000-0000-4000-8000-000000000001',
  type: 3,
  sni: 'a.example',
  startMs: BEFORE - 1000,
  durationMs: 900,
  upload: 7,
})

// A sample that waits for the file belongs to a node and a workload, whose stream may have ended
// meanwhile. The first cut of a day released both ids: the usage row was refused, or another's.
it('a sample that waits for the file keeps its workload when its stream ends and a day begins', () => {
  const pipeline = new Pipeline(defaultConfig(), {
    ledgerId: '',
    lastSequence: 0,
    clock: { ledgerMs: 0, newestMs: BEFORE, minutesFromMs: 0, newestStartMs: BEFORE },
    forgottenBeforeMs: 0,
    minutesHoldMs: Number.MAX_SAFE_INTEGER,
    windowLengths: [{ fromMs: 0, seconds: 60 }],
  })
  for (let i = 0; i < MANY_NAMES; i++) {
    pipeline.identities.destination({ name: `n${i}.example`, nameSource: 'sni' })
  }
  const stream = pipeline.openStream()
  pipeline.message(stream, tcpMessage([LAST_WORD], SHOP_SIDECAR), BEFORE)
  assert.equal(pipeline.held.size, 1)
  pipeline.closeStream(stream)
  pipeline.tick(MIDNIGHT)
  const first = pipeline.cut()
  pipeline.committed(Number.MAX_SAFE_INTEGER)
  const keys = pipeline.held.takeQuestions()
  pipeline.answer(keys, [undefined])
  const second = pipeline.cut()
  assert.deepEqual(workloadsOf([first, second], second), ['shop'])
})

/** Names of the workloads that a batch books to, as the store knows them. */
function workloadsOf(all: readonly StoreBatch[], { usage }: StoreBatch): (string | undefined)[] {
  const names = new Map<number, string>()
  for (const { definitions } of all) {
    for (const { id, workload } of definitions.workloads) names.set(id, workload.name)
    if (definitions === all.at(-1)?.definitions) break
    for (const id of definitions.released.workloads) names.delete(id)
  }
  return [...new Set(usage.workload)].map((id) => names.get(id))
}
