import type { ConnectionColumns } from '../model/batch.ts'
import { ConnectionState } from '../model/connection.ts'
import {
  BYTES,
  Byte,
  CHUNK_MASK,
  HALVES,
  Half,
  NUMBERS,
  Num,
  podOf,
  RowFlag,
  RowState,
  WORDS,
  Word,
} from './connection-chunk.ts'
import type { Ledger } from './ledger.ts'

/** The changed rows of a ledger as an immutable copy; they are in flight until `committed()`. */
export function cutConnections(ledger: Ledger): ConnectionColumns {
  const rows = ledger.dirty.cut()
  const columns = makeColumns(rows.length)
  const words = new DataView(columns.key.buffer)
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] as number
    const c = ledger.table.chunk(row)
    const o = row & CHUNK_MASK
    for (let word = 0; word < 4; word++) {
      words.setInt32(i * 16 + word * 4, c.words[o * WORDS + Word.identity + word] as number)
      columns.address[i * 4 + word] = c.words[o * WORDS + Word.address + word] as number
    }
    columns.kind[i] = c.bytes[o * BYTES + Byte.kind] as number
    columns.identityKind[i] = c.bytes[o * BYTES + Byte.identityKind] as number
    columns.meter[i] = c.bytes[o * BYTES + Byte.meter] as number
    columns.state[i] = storedState(c.bytes[o * BYTES + Byte.state] as number)
    columns.node[i] = c.words[o * WORDS + Word.node] as number
    columns.workload[i] = c.words[o * WORDS + Word.workload] as number
    columns.pod[i] = podOf(c, o)
    columns.destination[i] = c.words[o * WORDS + Word.destination] as number
    columns.cluster[i] = c.words[o * WORDS + Word.cluster] as number
    columns.port[i] = c.halves[o * HALVES + Half.port] as number
    columns.startMs[i] = c.numbers[o * NUMBERS + Num.startMs] as number
    columns.momentMs[i] = c.numbers[o * NUMBERS + Num.momentMs] as number
    columns.previousSpanStartMs[i] = c.numbers[o * NUMBERS + Num.previousSpanStartMs] as number
    columns.previousSpanEndMs[i] = c.numbers[o * NUMBERS + Num.previousSpanEndMs] as number
    columns.lastDeltaBytes[i] = c.numbers[o * NUMBERS + Num.lastDeltaBytes] as number
    columns.lastArrivalMs[i] = c.numbers[o * NUMBERS + Num.lastArrivalMs] as number
    columns.lastLedgerMs[i] = c.numbers[o * NUMBERS + Num.lastLedgerMs] as number
    columns.upload[i] = c.numbers[o * NUMBERS + Num.upload] as number
    columns.download[i] = c.numbers[o * NUMBERS + Num.download] as number
    columns.lost[i] = ledger.lostBytes(row)
    columns.hop[i] = ((c.bytes[o * BYTES + Byte.flags] as number) & RowFlag.hop) === 0 ? 0 : 1
  }
  return columns
}

function storedState(state: number): number {
  if (state === RowState.closed) return ConnectionState.closed
  return state === RowState.orphaned ? ConnectionState.orphaned : ConnectionState.open
}

function makeColumns(count: number): ConnectionColumns {
  return {
    count,
    key: new Uint8Array(count * 16),
    kind: new Uint8Array(count),
    identityKind: new Uint8Array(count),
    meter: new Uint8Array(count),
    state: new Uint8Array(count),
    node: new Int32Array(count),
    workload: new Int32Array(count),
    pod: new Int32Array(count),
    destination: new Int32Array(count),
    cluster: new Int32Array(count),
    address: new Int32Array(count * 4),
    port: new Uint16Array(count),
    startMs: new Float64Array(count),
    momentMs: new Float64Array(count),
    previousSpanStartMs: new Float64Array(count),
    previousSpanEndMs: new Float64Array(count),
    lastDeltaBytes: new Float64Array(count),
    lastArrivalMs: new Float64Array(count),
    lastLedgerMs: new Float64Array(count),
    upload: new Float64Array(count),
    download: new Float64Array(count),
    lost: new Float64Array(count),
    hop: new Uint8Array(count),
  }
}
