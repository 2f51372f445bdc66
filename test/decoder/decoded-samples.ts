import { readFileSync } from 'node:fs'
import { type DecodeStream, MessageDecoder } from '../../src/decoder/message-decoder.ts'
import { TextInterner } from '../../src/decoder/text-interner.ts'
import { REJECT_REASONS } from '../../src/model/reject-reason.ts'
import { IdentityKind, SampleBatch, SampleKind } from '../../src/model/sample.ts'
import { canonicalAddress } from '../../src/runtime/ip-address-text.ts'
import type { ExpectedSample } from './expected-samples.ts'

export const CURRENT: DecodeStream = { scope: new Uint8Array(16).fill(7), envoyMinor: 1040 }
/** A release whose connections had no stream id yet. */
export const OLD: DecodeStream = { scope: new Uint8Array(16).fill(7), envoyMinor: 1024 }

export interface Decoded {
  readonly samples: ExpectedSample[]
  readonly rejected: Record<string, number>
  readonly entries: number
  readonly identifier: readonly [number, number]
}

/** A decoder whose columns are read back as plain data. */
export class DecoderFixture {
  readonly texts = new TextInterner()
  readonly decoder = new MessageDecoder(this.texts)
  readonly batch = new SampleBatch(1)

  decode(message: Uint8Array, stream = CURRENT): Decoded {
    this.batch.reset()
    this.decoder.scan(message)
    this.decoder.decode(message, stream, this.batch)
    return {
      samples: Array.from({ length: this.batch.count }, (_, row) => this.#sample(row)),
      rejected: Object.fromEntries(
        REJECT_REASONS.map(
          (reason, i) => [reason, this.decoder.rejected[i] as number] as const,
        ).filter(([, count]) => count > 0),
      ),
      entries: this.decoder.entries,
      identifier: [this.decoder.identifierStart, this.decoder.identifierEnd],
    }
  }

  #sample(row: number): ExpectedSample {
    const b = this.batch
    const words = [...b.identity.subarray(row * 4, row * 4 + 4)]
    const hex = words.map((word) => (word >>> 0).toString(16).padStart(8, '0')).join('')
    const address = [...b.address.subarray(row * 4, row * 4 + 4)] as [
      number,
      number,
      number,
      number,
    ]
    return {
      kind: b.kind[row] === SampleKind.request ? 'request' : 'connection',
      identity: `${b.identityKind[row] === IdentityKind.uuid ? 'uuid' : 'hash'} ${hex}`,
      entryType: b.entryType[row] as number,
      final: b.final[row] === 1,
      startMs: b.startMs[row] as number,
      durationMs: b.durationMs[row] as number,
      wireUpload: b.wireUpload[row] as number,
      wireDownload: b.wireDownload[row] as number,
      plainUpload: b.plainUpload[row] as number,
      plainDownload: b.plainDownload[row] as number,
      sni: this.texts.text(b.sni[row] as number),
      cluster: this.texts.text(b.cluster[row] as number),
      authority: this.texts.text(b.authority[row] as number),
      address: canonicalAddress(...address),
      port: b.port[row] as number,
    }
  }
}

/** The messages of a recorded stream, in order of arrival. */
export function captureMessages(name: string): Uint8Array[] {
  const bytes = readFileSync(new URL(`../fixtures/captures/${name}.alscap`, import.meta.url))
  const messages: Uint8Array[] = []
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUInt32LE(at + 12)
    messages.push(bytes.subarray(at + 16, at + 16 + length))
    at += 16 + length
  }
  return messages
}
