import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { test } from 'node:test'
import { StopSignals } from '../../src/cli/stop-signals.ts'

function scene() {
  const source = new EventEmitter()
  const again: string[] = []
  const clock = { nowMs: 5000 }
  const signals = new StopSignals(
    source,
    () => clock.nowMs,
    (signal) => again.push(signal),
  )
  const send = (signal: string) => source.emit(signal, signal)
  return { source, again, clock, signals, send }
}

test('the first signal stops, whichever it is', async () => {
  const { signals, send, again } = scene()
  send('SIGINT')
  assert.equal(await signals.first, 'SIGINT')
  assert.deepEqual(again, [])
})

test('a second signal within a second is the first one once more: npm sends it too', () => {
  const { send, again, clock } = scene()
  send('SIGINT')
  clock.nowMs += 1
  send('SIGINT')
  clock.nowMs += 999
  send('SIGTERM')
  assert.deepEqual(again, [])
})

test('a signal more than a second after the first is an impatient person', () => {
  const { send, again, clock } = scene()
  send('SIGTERM')
  clock.nowMs += 1001
  send('SIGINT')
  assert.deepEqual(again, ['SIGINT'])
})

test('after close the signals are nobody’s', () => {
  const { source, signals } = scene()
  signals.close()
  assert.equal(source.listenerCount('SIGTERM') + source.listenerCount('SIGINT'), 0)
})
