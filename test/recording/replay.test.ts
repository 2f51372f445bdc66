import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { defaultConfig } from '../../src/config/load.ts'
import { Pipeline, type PipelineStream, type Recorder } from '../../src/pipeline.ts'
import { mergeCaptures } from '../../src/recording/capture-reader.ts'
import { CaptureWriter } from '../../src/recording/capture-writer.ts'
import { Metrics } from '../../src/telemetry/registry.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'
import { memoryLogger } from '../telemetry/memory-logger.ts'
import { capturesIn } from './capture-fixture.ts'

const fixture = (name: string): string =>
  fileURLToPath(new URL(`../fixtures/captures/1.40.0/${name}.alscap`, import.meta.url))

/** What a pipeline makes of captures: everything that would be committed. */
function batchOf(paths: readonly string[], recorder?: Recorder) {
  const pipeline = new Pipeline(
    defaultConfig(),
    {
      ledgerId: '',
      lastSequence: 0,
      clock: { ledgerMs: 0, newestMs: 0, minutesFromMs: 0, newestStartMs: 0 },
      forgottenBeforeMs: 0,
      minutesHoldMs: Number.MAX_SAFE_INTEGER,
      windowLengths: [{ fromMs: 0, seconds: 60 }],
    },
    { recorder },
  )
  const streams = new Map<number, PipelineStream>()
  for (const { stream: number, message, arrivalMs } of mergeCaptures(paths)) {
    const stream = streams.get(number) ?? pipeline.openStream()
    streams.set(number, stream)
    pipeline.message(stream, message, arrivalMs)
    // No file here: nobody is known from before.
    const keys = pipeline.held.takeQuestions()
    if (keys.length > 0) {
      pipeline.answer(
        keys,
        Array.from({ length: keys.length / 16 }, () => undefined),
      )
    }
  }
  for (const stream of streams.values()) pipeline.closeStream(stream)
  return pipeline.cut()
}

for (const name of ['short-connections', 'two-loggers', 'all-types', 'tls-origination-http']) {
  for (const maxFileBytes of [1_000_000_000, 1]) {
    test(`the recording of ${name} replays to the same batch (files of ${maxFileBytes} B)`, async (t) => {
      const directory = join(temporaryFolder(t), 'captures')
      const writer = new CaptureWriter(
        { directory, maxFileBytes, maxFiles: 100_000 },
        { logger: memoryLogger(), metrics: new Metrics({ process: false }) },
      )
      const received = batchOf([fixture(name)], writer)
      await writer.stop()
      const files = capturesIn(directory)
      if (maxFileBytes === 1) assert.ok(files.length > 1, 'it was rotated')
      assert.ok(received.connections.count > 0)
      assert.deepEqual(batchOf(files), received)
    })
  }
}

test('what Envoy says of itself beyond the allow-list is in no recording', async (t) => {
  const directory = join(temporaryFolder(t), 'captures')
  const writer = new CaptureWriter(
    { directory, maxFileBytes: 1_000_000, maxFiles: 10 },
    { logger: memoryLogger(), metrics: new Metrics({ process: false }) },
  )
  const path = fixture('short-connections')
  batchOf([path], writer)
  await writer.stop()
  const recorded = Buffer.concat(capturesIn(directory).map((file) => readFileSync(file)))
  // Envoy's list of extensions, most of every real identifier.
  assert.ok(readFileSync(path).includes('envoy.extensions'))
  assert.ok(!recorded.includes('envoy.extensions'))
  assert.ok(recorded.length < readFileSync(path).length / 2)
})
