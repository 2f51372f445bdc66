import assert from 'node:assert/strict'
import { it } from 'node:test'
import { GOES_ON } from '../../src/model/message-mark.ts'
import { MessageFramer } from '../../src/receiver/message-framer.ts'

const LIMITS = { messageBytes: 2 ** 28, compressedBytes: 2 ** 24 }

// grpc-js's decoder kept the chunks of the last message until the next one began: 64 KB for every
// stream that had sent its identifier and nothing since.
it('nothing of a message is held once it was handed out, and of half a message no packet', () => {
  const framer = new MessageFramer(LIMITS, { extraParts: 0, extraBytes: 0 })
  const message = Buffer.alloc(5 + 70_000, 'x')
  message[0] = 0
  for (const size of [20_000, 70_000]) {
    message.writeUInt32BE(size, 1)
    for (const packet of [1, 5, 9000, message.length]) {
      const parts: Buffer[] = []
      for (let at = 0; at < 5 + size; at += packet) {
        const whole = framer.write(message.subarray(at, Math.min(at + packet, 5 + size)))
        parts.push(...whole)
        assert.ok(framer.held <= 65_536 + 5)
      }
      // All parts but the last say that the message goes on.
      const framing = 5 * parts.length + GOES_ON.length * (parts.length - 1)
      assert.equal(
        parts.reduce((sum, { length }) => sum + length, -framing),
        size,
      )
      assert.equal(framer.held, 0)
      assert.equal(framer.isUnfinished, false)
    }
  }
  framer.write(message.subarray(0, 100))
  assert.ok(framer.held <= 65_536, 'what somebody only claims to send takes no memory')
})
