import { MessageDecoder } from '../../src/decoder/message-decoder.ts'
import { TextInterner } from '../../src/decoder/text-interner.ts'
import { SampleBatch } from '../../src/model/sample.ts'
import { EntryType, tcpEntry, tcpMessage } from '../helpers/entry-writer.ts'
import {
  connectionOf,
  ENTRIES_PER_MESSAGE,
  type EntrySize,
  entryOf,
  seededRandom,
} from './corpus.ts'
import { fullSchema, prunedSchema } from './envoy-schema.ts'
import { median } from './median.ts'

export interface DecodeResult {
  readonly size: EntrySize
  readonly entryBytes: number
  readonly messageBytes: number
  /** Entries per second, medians. */
  readonly snimeter: number
  readonly pruned: number
  readonly full: number
  /** Medians of the ratios of neighbouring rounds: the machine's moods cancel out. */
  readonly overPruned: number
  readonly overFull: number
}

/** Anything that reads all messages and says how many bytes of upload it found. */
type Decoder = (messages: readonly Buffer[]) => number

/**
 * Decodes the same messages with our decoder and with protobufjs, in turn, `rounds` times after one
 * to warm up. Every decoder must find the same bytes, or the comparison is refused.
 */
export function benchDecode(size: EntrySize, messageCount: number, rounds: number): DecodeResult {
  const messages = corpusMessages(size, messageCount)
  const entries = messages.length * ENTRIES_PER_MESSAGE[size]
  const decoders: readonly Decoder[] = [
    ourDecoder(),
    protobufDecoder(prunedSchema()),
    protobufDecoder(fullSchema()),
  ]
  const found = new Set(decoders.map((decode) => decode(messages)))
  if (found.size !== 1) throw new Error(`decoders disagree: ${[...found].join(', ')}`)
  const rates: [number[], number[], number[]] = [[], [], []]
  for (let round = 0; round < rounds; round++) {
    for (const [i, decode] of decoders.entries()) {
      const start = performance.now()
      decode(messages)
      rates[i]?.push((entries / (performance.now() - start)) * 1000)
    }
  }
  const [ours, pruned, full] = rates
  const bytes = messages.reduce((sum, message) => sum + message.length, 0)
  return {
    size,
    entryBytes: Math.round(bytes / entries),
    messageBytes: Math.round(bytes / messages.length),
    snimeter: median(ours),
    pruned: median(pruned),
    full: median(full),
    overPruned: median(ours.map((rate, i) => rate / (pruned[i] as number))),
    overFull: median(ours.map((rate, i) => rate / (full[i] as number))),
  }
}

/** Messages of many connections with growing counters; a new one in every fifth entry. */
function corpusMessages(size: EntrySize, count: number): Buffer[] {
  const random = seededRandom(7)
  const nowMs = Date.UTC(2026, 0, 1)
  const living = Array.from({ length: 4000 }, () => connectionOf(random, nowMs))
  return Array.from({ length: count }, (_, i) => {
    const stream = i % 200
    const entries = Array.from({ length: ENTRIES_PER_MESSAGE[size] }, () => {
      const isNew = random() < 0.2
      const connection = isNew
        ? connectionOf(random, nowMs)
        : (living[Math.floor(random() * living.length)] as ReturnType<typeof connectionOf>)
      const counters = {
        upload: Math.floor(2 ** (10 + random() * 24)),
        download: Math.floor(2 ** (10 + random() * 24)),
      }
      const type = isNew ? EntryType.tcpConnectionEnd : EntryType.tcpPeriodic
      return tcpEntry(entryOf(size, type, connection, stream, counters, random))
    })
    return tcpMessage(entries)
  })
}

function ourDecoder(): Decoder {
  const decoder = new MessageDecoder(new TextInterner())
  const batch = new SampleBatch()
  const stream = { scope: new Uint8Array(16), envoyMinor: 1040 }
  return (messages) => {
    let upload = 0
    for (const message of messages) {
      batch.reset()
      decoder.decode(message, stream, batch)
      for (let i = 0; i < batch.count; i++) upload += batch.wireUpload[i] as number
    }
    return upload
  }
}

interface DecodedMessage {
  readonly tcpLogs: {
    readonly logEntry: readonly {
      readonly commonProperties: {
        readonly upstreamWireBytesSent: { readonly low: number; readonly high: number }
      }
    }[]
  }
}

function protobufDecoder(type: ReturnType<typeof fullSchema>): Decoder {
  return (messages) => {
    let upload = 0
    for (const message of messages) {
      const decoded = type.decode(message) as unknown as DecodedMessage
      for (const { commonProperties } of decoded.tcpLogs.logEntry) {
        const { low, high } = commonProperties.upstreamWireBytesSent
        upload += high * 2 ** 32 + (low >>> 0)
      }
    }
    return upload
  }
}
