import assert from 'node:assert/strict'
import { it } from 'node:test'
import { type CallInternals, releaseLastMessage } from '../../src/receiver/grpc-internals.ts'

// grpc-js's decoder kept the chunks of the last message until the next one began: 64 KB for every
// stream that had sent its identifier and nothing since.
it('nothing of a message is held once it was handed out, but for one that has begun', () => {
  const chunk = Buffer.alloc(65_536)
  const inside = (readState: number) =>
    ({
      decoder: { readState, readCompressFlag: chunk.subarray(0, 1), readPartialMessage: [chunk] },
    }) as unknown as CallInternals
  const idle = inside(0)
  releaseLastMessage(idle)
  assert.deepEqual(idle.decoder.readPartialMessage, [])
  assert.equal(idle.decoder.readCompressFlag?.buffer === chunk.buffer, false)
  const busy = inside(2)
  releaseLastMessage(busy)
  assert.deepEqual(busy.decoder.readPartialMessage, [chunk])
})
