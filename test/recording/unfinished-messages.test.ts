import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import type { PipelineStream } from '../../src/pipeline.ts'
import { readCapture } from '../../src/recording/capture-reader.ts'
import { CaptureWriter } from '../../src/recording/capture-writer.ts'
import { Metrics } from '../../src/telemetry/registry.ts'
import { tcpEntry, tcpMessage } from '../helpers/entry-writer.ts'
import { inParts } from '../helpers/message-in-parts.ts'
import { NOON, ReceiverLife, sidecarOf, streamId } from '../helpers/receiver-life.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'
import { memoryLogger } from '../telemetry/memory-logger.ts'
import { capturesIn } from './capture-fixture.ts'

const SIDECAR = sidecarOf('checkout', '10.1.1.1')
const STREAMS = 3

/** What is booked, by window and name. */
const booked = (life: ReceiverLife): string[] =>
  life.rows(`SELECT window_start, sni, sum(upload_bytes), sum(connections_opened),
    sum(connections_closed) FROM usage GROUP BY 1, 2 ORDER BY 1, 2`)

const entry = fc
  .record({
    id: fc.integer({ min: 1, max: 6 }),
    said: fc.constantFrom(
      {},
      { upstreamRemote: { ip: '9.9.9.9', port: 443 } },
      { upstreamCluster: 'outbound|443||api.vendor.example' },
      { sni: 'bucket.vendor.example' },
    ),
    backMs: fc.constantFrom(500, 60_000, 3_600_000),
    type: fc.constantFrom(2, 3),
    upload: fc.integer({ min: 0, max: 3 }),
  })
  .map(({ id, said, backMs, type, upload }) =>
    tcpEntry({
      streamId: streamId(id),
      type,
      startMs: NOON - backMs,
      ...(type === 3 ? { durationMs: 100 } : {}),
      upload,
      download: 0,
      ...said,
    }),
  )
/** A message on a stream, cut; how many of its parts come; what happens after each. */
const sent = fc.record({
  stream: fc.integer({ min: 0, max: STREAMS - 1 }),
  entries: fc.array(entry, { minLength: 1, maxLength: 5 }),
  partBytes: fc.integer({ min: 1, max: 400 }),
  arriving: fc.integer({ min: 1, max: 12 }),
  gapMs: fc.constantFrom(0, 400, 3000, 11_000),
  after: fc.constantFrom('nothing', 'nothing', 'close', 'commit', 'tick'),
})

test('a replay books what was booked, whatever messages did not end', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(sent, { minLength: 1, maxLength: 8 }), async (all) => {
      const directory = join(temporaryFolder(t), 'captures')
      const recorder = new CaptureWriter(
        { directory, maxFileBytes: 10_000_000, maxFiles: 10 },
        { logger: memoryLogger(), metrics: new Metrics({ process: false }) },
      )
      const live = new ReceiverLife(t, undefined, NOON - 1, recorder)
      const streams: (PipelineStream | undefined)[] = []
      let at = NOON
      for (const { stream: number, entries, partBytes, arriving, gapMs, after } of all) {
        const known = streams[number]
        const stream = known ?? live.pipeline.openStream()
        streams[number] = stream
        const message = tcpMessage(entries, known === undefined ? SIDECAR : undefined)
        for (const part of inParts(message, partBytes).slice(0, arriving)) {
          live.pipeline.message(stream, part, at)
          live.answer()
          at += gapMs
        }
        if (after === 'commit') live.commit()
        if (after === 'tick') live.pipeline.tick(at)
        if (after !== 'close') continue
        live.pipeline.closeStream(stream)
        streams[number] = undefined
      }
      live.pipeline.endMessages()
      live.answer()
      await recorder.stop()

      const again = new ReceiverLife(t, undefined, NOON - 1)
      const replayed = new Map<number, PipelineStream>()
      for (const path of capturesIn(directory)) {
        for (const { stream: number, arrivalMs, message } of readCapture(path)) {
          const stream = replayed.get(number) ?? again.pipeline.openStream()
          replayed.set(number, stream)
          again.pipeline.message(stream, message, arrivalMs)
          again.answer()
        }
      }
      again.pipeline.endMessages()
      again.answer()
      assert.deepEqual(booked(again), booked(live))
    }),
    { numRuns: 25 },
  )
})
