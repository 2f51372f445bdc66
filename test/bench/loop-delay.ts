/**
 * Preloaded into a server under test (`--import`): measures the delay of its event loop from outside
 * its code. `{ type: 'loop-delay' }` on the IPC channel answers with what was seen since the last
 * question and starts anew; `{ type: 'collect' }` collects garbage where `--expose-gc` allows it.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks'

const RESOLUTION_MS = 2
const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS })

/** Milliseconds beyond the timer's own interval. */
const beyond = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e6 - RESOLUTION_MS)

process.on('message', (question: { readonly type: string }) => {
  if (question.type === 'collect') globalThis.gc?.()
  const { heapUsed, external, arrayBuffers } = process.memoryUsage()
  process.send?.({
    heapUsed,
    external,
    arrayBuffers,
    p50: beyond(delay.percentile(50)),
    p99: beyond(delay.percentile(99)),
    max: beyond(delay.max),
  })
  delay.reset()
})
delay.enable()
// The channel alone must not keep a server alive that wants to exit.
process.channel?.unref()
