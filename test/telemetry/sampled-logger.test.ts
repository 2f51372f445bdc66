import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SampledLogger } from '../../src/telemetry/sampled-logger.ts'
import { memoryLogger } from './memory-logger.ts'

test('the same message is logged once in its time, then with what was left out', () => {
  const logger = memoryLogger()
  let nowMs = 0
  const sampled = new SampledLogger(logger, { intervalMs: 1000, monotonicMs: () => nowMs })
  for (nowMs = 0; nowMs < 1000; nowMs += 100) sampled.warn({ at: nowMs }, 'commit failed')
  sampled.error({}, 'something else')
  nowMs = 1000
  sampled.warn({ at: nowMs }, 'commit failed')
  assert.deepEqual(logger.lines, [
    { level: 'warn', message: 'commit failed', fields: { at: 0 } },
    { level: 'error', message: 'something else', fields: {} },
    { level: 'warn', message: 'commit failed', fields: { at: 1000, suppressed: 9 } },
  ])
})
