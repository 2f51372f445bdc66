/**
 * The load generator, a process of its own (its CPU must not be the server's): started by
 * `LoadClient` with an IPC channel, it answers one request at a time.
 */
import { seededRandom } from './corpus.ts'
import { Http2Connection } from './http2-connection.ts'
import type { LoadReply, LoadRequest, RunResult } from './load-protocol.ts'
import { identifierFrames, StreamLoad } from './stream-load.ts'
import { Truth } from './truth.ts'

const PACE_MS = 5
/** Half a window: what a server that has read everything has given back at least. */
const HALF_WINDOW_BYTES = 32_767

interface Stream {
  readonly connection: Http2Connection
  readonly load: StreamLoad
  next: number
}

const truth = new Truth()
let streams: Stream[] = []
let entriesSent = 0
let lastId = 0
let sending = false
let settled: (() => void) | undefined

const newId = (): number => ++lastId

async function open(request: LoadRequest & { readonly type: 'connect' }): Promise<void> {
  const random = seededRandom(request.seed)
  const nowMs = Date.now()
  const loads = Array.from(
    { length: request.streams },
    (_, i) => new StreamLoad(i, request.shape, truth, random, nowMs),
  )
  // A few at a time: 2,000 at once would overrun the backlog of the listening socket.
  for (let at = 0; at < loads.length; at += 50) {
    const opened = loads.slice(at, at + 50).map(async (load, i) => {
      const connection = new Http2Connection(request.host, request.port)
      connection.onFailure = (reason) => {
        process.send?.({ type: 'failed', reason: `stream ${at + i}: ${reason}` })
      }
      await connection.open()
      const first = identifierFrames(at + i)
      connection.write(first.bytes, first.flowBytes)
      const stream = { connection, load, next: 0 }
      connection.onProgress = () => {
        if (sending) pump(stream)
        settled?.()
      }
      return stream
    })
    streams.push(...(await Promise.all(opened)))
  }
  await quiet()
}

/** Sends what fits into the windows now: a server that reads 32 KiB gets two messages in one write. */
function pump(stream: Stream): void {
  const { connection, load } = stream
  let window = connection.writable
  for (let left = load.flowBytes.length; left > 0; ) {
    const first = stream.next
    let end = first
    let flow = 0
    while (end < load.flowBytes.length && left > 0) {
      const bytes = load.flowBytes[end] as number
      if (flow + bytes > window) break
      flow += bytes
      end++
      left--
    }
    if (end === first) return
    send(stream, first, end, flow)
    window -= flow
  }
}

function send(stream: Stream, first: number, end: number, flow: number): void {
  const { connection, load } = stream
  // Connections end after they began: a start ahead of its arrival would be looked up in the file.
  const startSeconds = Math.floor(Date.now() / 1000) - 2
  for (let message = first; message < end; message++) load.prepare(message, startSeconds, newId)
  entriesSent += (end - first) * load.entriesPerMessage
  stream.next = end === load.flowBytes.length ? 0 : end
  connection.write(load.frames.subarray(load.start[first], load.start[end]), flow)
}

/** Sends the next message of a stream if its window has room. */
function sendOne(stream: Stream): boolean {
  const flow = stream.load.flowBytes[stream.next] as number
  if (stream.connection.writable < flow) return false
  send(stream, stream.next, stream.next + 1, flow)
  return true
}

/** Sends for a while, then waits until the server has read everything. */
async function run(seconds: number, entriesPerSecond: number): Promise<RunResult> {
  const cpu = process.cpuUsage()
  const before = entriesSent
  const start = performance.now()
  if (entriesPerSecond === 0) {
    sending = true
    for (const stream of streams) pump(stream)
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000))
    sending = false
  } else {
    await paced(seconds, entriesPerSecond)
  }
  await quiet()
  const used = process.cpuUsage(cpu)
  return {
    entries: entriesSent - before,
    seconds: (performance.now() - start) / 1000,
    cpuSeconds: (used.user + used.system) / 1e6,
  }
}

function paced(seconds: number, entriesPerSecond: number): Promise<void> {
  const start = performance.now()
  const before = entriesSent
  let turn = 0
  return new Promise((resolve) => {
    const timer = setInterval(() => {
      const elapsed = (performance.now() - start) / 1000
      const due = entriesPerSecond * Math.min(elapsed, seconds)
      for (let tried = 0; tried < streams.length; tried++) {
        if (entriesSent - before >= due) break
        sendOne(streams[turn++ % streams.length] as Stream)
      }
      if (elapsed < seconds) return
      clearInterval(timer)
      resolve()
    }, PACE_MS)
  })
}

/** Sends so many messages on every stream, as fast as the windows allow. */
async function burst(messages: number): Promise<void> {
  await Promise.all(
    streams.map(
      (stream) =>
        new Promise<void>((resolve) => {
          let left = messages
          const go = (): void => {
            while (left > 0 && sendOne(stream)) left--
            if (left === 0) {
              stream.connection.onProgress = () => settled?.()
              resolve()
            }
          }
          stream.connection.onProgress = go
          go()
        }),
    ),
  )
  await quiet()
}

/** Resolves when every byte is written, read by the server (a ping came back) and taken by it. */
async function quiet(): Promise<void> {
  for (const { connection } of streams) connection.ping()
  await until(
    ({ connection }) =>
      connection.pingsUnanswered === 0 && connection.writable >= HALF_WINDOW_BYTES,
  )
}

async function until(holds: (stream: Stream) => boolean): Promise<void> {
  let left = streams.filter((stream) => !holds(stream))
  while (left.length > 0) {
    await new Promise<void>((resolve) => {
      settled = resolve
    })
    settled = undefined
    left = left.filter((stream) => !holds(stream))
  }
}

async function end(): Promise<void> {
  for (const { connection } of streams) connection.end()
  await until(({ connection }) => connection.ended)
  for (const { connection } of streams) connection.close()
  streams = []
}

async function answer(request: LoadRequest): Promise<LoadReply> {
  if (request.type === 'run') {
    return { type: 'ran', result: await run(request.seconds, request.entriesPerSecond) }
  }
  if (request.type === 'end') {
    await end()
    return { type: 'truth', entries: entriesSent, rows: truth.rows() }
  }
  if (request.type === 'connect') await open(request)
  else await burst(request.messages)
  return { type: 'done' }
}

process.on('message', (request: LoadRequest) => {
  answer(request).then(
    (reply) => process.send?.(reply),
    (error: unknown) => process.send?.({ type: 'failed', reason: String(error) }),
  )
})
process.on('disconnect', () => process.exit(0))
