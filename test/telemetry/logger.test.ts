import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLogger, type LoggerConfig } from '../../src/telemetry/logger.ts'

function logged(config: LoggerConfig): string[] {
  const lines: string[] = []
  const logger = createLogger(config, { write: (line) => lines.push(line) })
  logger.debug('not interesting')
  logger.info({ address: '127.0.0.1:9001' }, 'receiving')
  return lines
}

test('json lines carry level, time, fields and message, and nothing of the machine', () => {
  const [line, ...more] = logged({ level: 'info', format: 'json' })
  assert.deepEqual(more, [])
  const { time, ...rest } = JSON.parse(line ?? '') as Record<string, unknown>
  assert.match(String(time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  assert.deepEqual(rest, { level: 'info', address: '127.0.0.1:9001', msg: 'receiving' })
})

test('auto is json where nobody looks at a terminal', () => {
  assert.match(logged({ level: 'info', format: 'auto' })[0] ?? '', /^\{"level":"info"/)
})

test('the level decides what is written', () => {
  assert.equal(logged({ level: 'debug', format: 'json' }).length, 2)
  assert.equal(logged({ level: 'error', format: 'json' }).length, 0)
})
