import assert from 'node:assert/strict'
import { FRAME_HEADER_BYTES, MessageParts } from '../../src/receiver/message-parts.ts'

/** A message as the receiver hands it on: in parts of about `partBytes`, or in its own. */
export function inParts(message: Buffer, partBytes?: number): Buffer[] {
  const parts: Buffer[] = []
  const cutter = new MessageParts(message.length, partBytes)
  cutter.write(message, parts)
  assert.equal(cutter.left, 0)
  return parts.map((framed) => framed.subarray(FRAME_HEADER_BYTES))
}
