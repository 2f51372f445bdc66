import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type EntrySize, seededRandom } from './corpus.ts'
import { fullSchema } from './envoy-schema.ts'
import { FRAME_HEADER_BYTES, MAX_FRAME_BYTES } from './http2-frame.ts'
import { identifierFrames, StreamLoad } from './stream-load.ts'
import { differences, Truth, type TruthRow } from './truth.ts'

const START_SECONDS = 1_767_268_800
const GRPC_PREFIX_BYTES = 5

interface Decoded {
  readonly identifier?: { readonly node: { readonly extensions: readonly object[] } }
  readonly tcpLogs: {
    readonly logEntry: readonly {
      readonly commonProperties: {
        readonly streamId: string
        readonly tlsProperties: { readonly tlsSniHostname: string }
        readonly upstreamWireBytesSent: number
        readonly upstreamWireBytesReceived: number
      }
      readonly connectionProperties: { readonly receivedBytes: number; readonly sentBytes: number }
    }[]
  }
}

const schema = fullSchema()
const decode = (message: Buffer): Decoded =>
  schema.toObject(schema.decode(message), { longs: Number }) as Decoded

/** The gRPC message in some DATA frames. */
function messageOf(frames: Buffer): Buffer {
  const payloads: Buffer[] = []
  for (let at = 0; at < frames.length; ) {
    const length = frames.readUIntBE(at, 3)
    assert.ok(length <= MAX_FRAME_BYTES)
    payloads.push(frames.subarray(at + FRAME_HEADER_BYTES, at + FRAME_HEADER_BYTES + length))
    at += FRAME_HEADER_BYTES + length
  }
  const framed = Buffer.concat(payloads)
  assert.equal(framed.readUInt32BE(1), framed.length - GRPC_PREFIX_BYTES)
  return framed.subarray(GRPC_PREFIX_BYTES)
}

/** Totals of a workload as a slow and simple reader of the messages would keep them. */
class SlowLedger {
  readonly #connections = new Map<string, { sni: string; upload: number; download: number }>()

  read(message: Decoded): void {
    for (const { commonProperties: common, connectionProperties } of message.tcpLogs.logEntry) {
      assert.equal(connectionProperties.receivedBytes, common.upstreamWireBytesSent)
      assert.equal(connectionProperties.sentBytes, common.upstreamWireBytesReceived)
      this.#connections.set(common.streamId, {
        sni: common.tlsProperties.tlsSniHostname,
        upload: common.upstreamWireBytesSent,
        download: common.upstreamWireBytesReceived,
      })
    }
  }

  rows(namespace: string, workload: string): TruthRow[] {
    const rows = new Map<string, TruthRow>()
    for (const { sni, upload, download } of this.#connections.values()) {
      const before = rows.get(sni) ?? { upload: 0, download: 0, connections: 0 }
      rows.set(sni, {
        namespace,
        workload,
        sni,
        upload: before.upload + upload,
        download: before.download + download,
        connections: before.connections + 1,
      })
    }
    return [...rows.values()]
  }
}

describe('the load of a stream', () => {
  const sizes: readonly EntrySize[] = ['plain', 'rich']
  for (const size of sizes) {
    for (const alwaysNew of [false, true]) {
      it(`says in its frames what it says in the truth (${size}, always new: ${alwaysNew})`, () => {
        const truth = new Truth()
        const shape = { size, messagesPerStream: 2, endsPerMessage: 2, alwaysNew }
        const load = new StreamLoad(3, shape, truth, seededRandom(5), START_SECONDS * 1000)
        const ledger = new SlowLedger()
        let id = 0
        for (let sent = 0; sent < 6; sent++) {
          const message = sent % 2
          load.prepare(message, START_SECONDS + sent, () => ++id)
          const frames = load.frames.subarray(load.start[message], load.start[message + 1])
          const decoded = decode(messageOf(frames))
          assert.equal(decoded.tcpLogs.logEntry.length, load.entriesPerMessage)
          ledger.read(decoded)
        }
        assert.deepEqual(differences(truth.rows(), ledger.rows('team-3', 'service-3')), [])
      })
    }
  }

  it('begins with an identifier as large as a real one, within one window', () => {
    const { bytes, flowBytes } = identifierFrames(3)
    const message = messageOf(bytes)
    assert.equal(flowBytes, message.length + GRPC_PREFIX_BYTES)
    assert.ok(message.length > 60_000 && flowBytes < 65_535, `${message.length} B`)
    assert.equal(decode(message).identifier?.node.extensions.length, 516)
  })
})

describe('the comparison of what was sent with what was kept', () => {
  const row = {
    namespace: 'a',
    workload: 'b',
    sni: 'c.example',
    upload: 1,
    download: 2,
    connections: 1,
  }

  it('finds nothing in equal rows, and each kind of difference', () => {
    assert.deepEqual(differences([row], [row]), [])
    assert.equal(differences([row], [{ ...row, upload: 2 }]).length, 1)
    assert.equal(differences([row], [{ ...row, connections: 2 }]).length, 1)
    assert.equal(differences([row], []).length, 1)
    assert.equal(differences([], [row]).length, 1)
  })
})
