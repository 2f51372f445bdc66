import { isUtf8 } from 'node:buffer'
import protobuf from 'protobufjs/minimal.js'

/** The value of a field: bytes of a length-delimited one, the number of a varint. */
export type FieldValue = Uint8Array | number

/** Fields of one message that are looked at; a real node has some 500 (its extensions). */
const MAX_FIELDS = 10_000

/**
 * Calls `take` for each field of a protobuf message that is length-delimited or a varint (uint32), in
 * the order of the bytes; other fields are skipped. False where the bytes are damaged: what stands
 * before the damage has been taken. Generated code would give up the whole message instead. More fields than
 * `MAX_FIELDS` are damage too: a megabyte of empty ones would hold the receiving thread for a fifth of a second.
 */
export function eachField(
  bytes: Uint8Array,
  take: (field: number, value: FieldValue) => void,
): boolean {
  const reader = protobuf.Reader.create(bytes)
  try {
    for (let fields = 0; reader.pos < reader.len; fields++) {
      if (fields === MAX_FIELDS) return false
      const tag = reader.uint32()
      const field = tag >>> 3
      const wireType = tag & 7
      if (field === 0) return false
      if (wireType === 2) take(field, reader.bytes())
      else if (wireType === 0) take(field, reader.uint32())
      else reader.skipType(wireType)
    }
    return true
  } catch {
    // protobufjs throws errors of several kinds for damaged bytes; all mean the same here.
    return false
  }
}

/** A byte order mark stays in the text: without it two names would read as one. */
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/** The text of a field; bytes that are no UTF-8 become U+FFFD. */
export function textOf(bytes: Uint8Array): { readonly text: string; readonly isWhole: boolean } {
  return { text: decoder.decode(bytes), isWhole: isUtf8(bytes) }
}
