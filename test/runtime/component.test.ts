import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Component, ComponentGroup } from '../../src/runtime/component.ts'

/** Components that write what happens to them into one list. */
function recorded(log: string[], name: string, failing?: 'start' | 'stop'): Component {
  const act = (what: 'start' | 'stop') => async () => {
    log.push(`${what} ${name}`)
    await Promise.resolve()
    if (failing === what) throw new Error(`${name} fails to ${what}`)
  }
  return { start: act('start'), stop: act('stop') }
}

test('components start in order and stop in reverse', async () => {
  const log: string[] = []
  const group = new ComponentGroup([recorded(log, 'store'), recorded(log, 'receiver')])
  await group.start()
  await group.stop()
  assert.deepEqual(log, ['start store', 'start receiver', 'stop receiver', 'stop store'])
})

test('stop is safe twice and without start', async () => {
  const log: string[] = []
  const group = new ComponentGroup([recorded(log, 'store')])
  await group.stop()
  assert.deepEqual(log, [])
  await group.start()
  await group.stop()
  await group.stop()
  assert.deepEqual(log, ['start store', 'stop store'])
})

test('a failed start stops what runs, the failed one too, and tells the first failure', async () => {
  const log: string[] = []
  const group = new ComponentGroup([
    recorded(log, 'store', 'stop'),
    recorded(log, 'http', 'start'),
    recorded(log, 'receiver'),
  ])
  await assert.rejects(group.start(), { message: 'http fails to start' })
  assert.deepEqual(log, ['start store', 'start http', 'stop http', 'stop store'])
})

test('one that fails to stop does not keep the others running', async () => {
  const log: string[] = []
  const group = new ComponentGroup([recorded(log, 'store'), recorded(log, 'http', 'stop')])
  await group.start()
  await assert.rejects(group.stop(), { message: 'http fails to stop' })
  assert.deepEqual(log.slice(2), ['stop http', 'stop store'])
})
