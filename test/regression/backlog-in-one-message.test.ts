import assert from 'node:assert/strict'
import { it } from 'node:test'
import { MessageDecoder } from '../../src/decoder/message-decoder.ts'
import { TextInterner } from '../../src/decoder/text-interner.ts'
import { SampleBatch } from '../../src/model/sample.ts'
import { delimitedField, tcpEntry } from '../helpers/entry-writer.ts'

// Envoy sends the backlog of a receiver that was away as one message of any size.
it('a backlog of 200,000 entries in one message is handed on in batches, all of it', () => {
  const entry = tcpEntry({
    streamId: '00000000-0000-4000-8000-000000000001',
    type: 2,
    sni: 'a.example',
    upload: 1,
  })
  const list = Buffer.concat(Array.from({ length: 200_000 }, () => delimitedField(1, entry)))
  const message = delimitedField(3, list)
  const batch = new SampleBatch()
  const decoder = new MessageDecoder(new TextInterner())
  let handedOn = 0
  const stream = { scope: new Uint8Array(16), envoyMinor: 1040 }
  decoder.decode(message, stream, batch, () => {
    handedOn += batch.count
    batch.reset()
  })
  assert.equal(handedOn + batch.count, 200_000)
  assert.equal(decoder.entries, 200_000)
  assert.ok(batch.capacity <= 65_536)
})
