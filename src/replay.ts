import { statSync } from 'node:fs'
import { Committer } from './committer.ts'
import type { Config } from './config.ts'
import { REJECT_REASONS } from './model/reject-reason.ts'
import { Pipeline, type PipelineStream } from './pipeline.ts'
import { mergeCaptures } from './recording/capture-reader.ts'
import { restore } from './restore.ts'
import { ServiceError } from './runtime/service-error.ts'
import { Store } from './store/store.ts'
import type { Logger } from './telemetry/logger.ts'

/** A cut is made when this many rows wait: large enough for speed, small enough for memory. */
const ROWS_PER_COMMIT = 20_000

export interface ReplayOptions {
  readonly dbPath: string
  readonly captures: readonly string[]
  readonly config: Config
  readonly logger: Logger
  /** Bytes of the captures that have been read, and all of them. */
  readonly onProgress?: (done: number, total: number) => void
}

export interface ReplaySummary {
  readonly messages: number
  readonly entries: number
  /** Refused entries by reason. */
  readonly rejected: Readonly<Record<string, number>>
}

/**
 * Feeds recorded streams through the same pipeline as `serve`. Every timer runs on recorded arrivals,
 * and the file is asked about an unknown connection before the next message is taken: the same
 * captures give the same rows, whenever and however fast they are replayed. What was counted before
 * adds nothing. A capture that begins before what the file has forgotten is refused before anything is
 * written (`capture_forgotten`).
 */
export async function replay(options: ReplayOptions): Promise<ReplaySummary> {
  const { config, captures, dbPath } = options
  const records = mergeCaptures(captures)
  const first = records.next()
  const store = new Store(
    {
      path: dbPath,
      windowSeconds: config.rollup.windowSeconds,
      changeWindows: false,
      retention: config.store.retention,
      // Nothing is published; what sinks of the file are to get of it waits for the next `serve`.
      outbox: {
        instance: config.instance,
        graceMs: config.rollup.graceMs,
        sinks: [],
        ...config.outbox,
      },
    },
    {
      trouble: (trouble) => options.logger.warn({ ...trouble }, 'the file does not take commits'),
    },
  )
  const firstMs = first.done === true ? 0 : first.value.arrivalMs
  const opening = await store.open(firstMs)
  try {
    if (first.done !== true && firstMs <= opening.forgottenBeforeMs) {
      throw new ServiceError(
        'capture_forgotten',
        `the captures begin at ${new Date(firstMs).toISOString()}, but ${dbPath} has forgotten connections that last spoke up to ${new Date(opening.forgottenBeforeMs).toISOString()}: counting them again could count bytes twice; replay into a new file`,
      )
    }
    const pipeline = new Pipeline(config, opening)
    const committer = new Committer(pipeline, store)
    await restore(pipeline, store, config.ledger.maxConnections, firstMs)
    const messages = await feed({ pipeline, committer, store }, first, records, options)
    await committer.flush()
    tellWhatWasBent(pipeline, options.logger)
    await store.tidy()
    return { messages, entries: pipeline.coverage.entries, rejected: rejectedOf(pipeline) }
  } finally {
    await store.stop()
  }
}

interface Parts {
  readonly pipeline: Pipeline
  readonly committer: Committer
  readonly store: Store
}

async function feed(
  { pipeline, committer, store }: Parts,
  first: ReturnType<ReturnType<typeof mergeCaptures>['next']>,
  records: ReturnType<typeof mergeCaptures>,
  options: ReplayOptions,
): Promise<number> {
  const total = options.captures.reduce((sum, path) => sum + statSync(path).size, 0)
  const streams = new Map<number, PipelineStream>()
  let done = 0
  let messages = 0
  let next = first
  for (; next.done !== true; next = records.next()) {
    const { stream: number, arrivalMs, message } = next.value
    let stream = streams.get(number)
    if (stream === undefined) {
      stream = pipeline.openStream()
      streams.set(number, stream)
    }
    pipeline.message(stream, message, arrivalMs)
    // Before the next message, so that the result does not depend on how fast the file answers.
    if (pipeline.held.size > 0) await committer.ask()
    if (pipeline.pendingRows >= ROWS_PER_COMMIT) {
      await committer.commit()
      // Nor on how far compaction and retention have come meanwhile.
      await store.tidy()
    }
    messages++
    done += message.length + 16
    options.onProgress?.(done, total)
  }
  for (const path of next.value.truncated) {
    options.logger.warn({ path }, 'the capture ends in the middle of a record (its writer crashed)')
  }
  return messages
}

/** What a late replay cannot book where it belongs, it books elsewhere: never without a word. */
function tellWhatWasBent({ rollup, identities }: Pipeline, logger: Logger): void {
  if (rollup.bookedLate > 0) {
    logger.warn(
      { deltas: rollup.bookedLate },
      'deltas older than the minutes of this file were booked to its oldest minutes; replay into a new file to keep their times',
    )
  }
  const { overflows } = identities.budget
  if (overflows > 0) {
    logger.warn(
      { connections: overflows },
      'connections over a name budget were booked to __other__',
    )
  }
}

function rejectedOf(pipeline: Pipeline): Record<string, number> {
  return Object.fromEntries(
    REJECT_REASONS.map((reason, i) => [reason, pipeline.coverage.rejectedTotals[i] ?? 0]),
  )
}
