/** Thrown inside the decoder when bytes are no valid protobuf; caught at the entry or the message. */
export class MalformedError extends Error {}

/** One object for all: making an error with a stack for every damaged entry would be an attack surface. */
const MALFORMED = new MalformedError('malformed protobuf')

/** Groups nested deeper than this are refused; Envoy sends none at all. */
const MAX_GROUP_DEPTH = 32

/**
 * A cursor over protobuf wire format. Every read moves `position`; reads that would pass `limit`
 * throw `MalformedError`.
 */
export class WireReader {
  bytes: Uint8Array = new Uint8Array(0)
  position = 0
  /** End of what may be read: of the message, or of the sub-message that is being walked. */
  limit = 0

  /** Starts over at a range of bytes. */
  reset(bytes: Uint8Array, start: number, end: number): void {
    this.bytes = bytes
    this.position = start
    this.limit = end
  }

  /** Moves into a sub-message; gives back the limit to return to. */
  enter(start: number, end: number): number {
    const outer = this.limit
    this.position = start
    this.limit = end
    return outer
  }

  /** A field's tag: number * 8 + wire type. Field number 0 is malformed. */
  tag(): number {
    const tag = this.varint()
    if (tag < 8 || tag > 0xffffffff) throw MALFORMED
    return tag
  }

  /** An unsigned varint as a double: exact up to 2^53. Boxed above 2^31: see `varintInto`. */
  varint(): number {
    const { bytes, limit } = this
    let at = this.position
    if (at >= limit) throw MALFORMED
    let byte = bytes[at++] as number
    if (byte < 0x80) {
      this.position = at
      return byte
    }
    let value = byte & 0x7f
    let scale = 128
    for (let i = 1; i < 10; i++) {
      if (at >= limit) throw MALFORMED
      byte = bytes[at++] as number
      value += (byte & 0x7f) * scale
      if (byte < 0x80) {
        this.position = at
        return value
      }
      scale *= 128
    }
    throw MALFORMED
  }

  /**
   * As `varint`, into a column: a double that a call returns is allocated. Exact up to 2^53, which
   * callers bound far below. Written out twice because a shared loop (or integer arithmetic in groups
   * of 28 bits) took 20 % more time per entry.
   */
  varintInto(column: Float64Array, index: number): void {
    const { bytes, limit } = this
    let at = this.position
    if (at >= limit) throw MALFORMED
    let byte = bytes[at++] as number
    if (byte < 0x80) {
      this.position = at
      column[index] = byte
      return
    }
    let value = byte & 0x7f
    let scale = 128
    for (let i = 1; i < 10; i++) {
      if (at >= limit) throw MALFORMED
      byte = bytes[at++] as number
      value += (byte & 0x7f) * scale
      if (byte < 0x80) {
        this.position = at
        column[index] = value
        return
      }
      scale *= 128
    }
    throw MALFORMED
  }

  /** End of a length-delimited field whose length stands at the cursor; the cursor is at its start. */
  delimited(): number {
    const length = this.varint()
    const end = this.position + length
    if (end > this.limit) throw MALFORMED
    return end | 0
  }

  /** Moves the cursor; malformed if that is beyond the limit. */
  moveTo(position: number): void {
    if (position > this.limit) throw MALFORMED
    this.position = position
  }

  /** Skips the value of a field of any wire type. */
  skip(tag: number): void {
    this.#skip(tag, 0)
  }

  #skip(tag: number, depth: number): void {
    switch (tag & 7) {
      case 0:
        this.#skipVarint()
        return
      case 1:
        this.moveTo(this.position + 8)
        return
      case 2:
        this.position = this.delimited()
        return
      case 3:
        this.#skipGroup(Math.floor(tag / 8), depth)
        return
      case 5:
        this.moveTo(this.position + 4)
        return
      default:
        throw MALFORMED
    }
  }

  #skipVarint(): void {
    const { bytes, limit } = this
    let at = this.position
    const last = Math.min(limit, at + 10)
    while (at < last) {
      if ((bytes[at++] as number) < 0x80) {
        this.position = at
        return
      }
    }
    throw MALFORMED
  }

  #skipGroup(field: number, depth: number): void {
    if (depth >= MAX_GROUP_DEPTH) throw MALFORMED
    for (;;) {
      const tag = this.tag()
      if ((tag & 7) !== 4) this.#skip(tag, depth + 1)
      else if (Math.floor(tag / 8) === field) return
      else throw MALFORMED
    }
  }
}
