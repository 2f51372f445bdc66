import { Worker } from 'node:worker_threads'
import { threadUrl } from '../runtime/thread-url.ts'
import type { QueryAnswer, QueryQuestion } from './query-request.ts'

/**
 * The process that answers questions to a file. Its statements run on a thread, so that this one
 * notices at once when the server is gone: no query outlives it. The server kills this process when an
 * answer takes too long.
 */
const [, , path = ''] = process.argv
/** Values of an answer; the sorts of SQLite are outside of it. */
const MAX_HEAP_MB = 96

const worker = new Worker(threadUrl('reader-thread', import.meta.url), {
  workerData: { path },
  execArgv: [],
  resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB, maxYoungGenerationSizeMb: 8 },
})

// A killed thread would end only after its statement; a killed process ends now.
const end = (): void => void process.kill(process.pid, 'SIGKILL')

worker.on('error', end).on('exit', end)
worker.on('message', (answer: QueryAnswer) => process.send?.(answer))
process.on('message', (question: QueryQuestion) => worker.postMessage(question))
process.on('disconnect', end)
// Ctrl-C reaches every process of a terminal: the server says when this one ends.
process.on('SIGINT', () => undefined).on('SIGTERM', () => undefined)
