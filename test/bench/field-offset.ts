/**
 * Where the value of a field begins in encoded bytes, following one field number per level; the
 * first match on each level. Throws if it is absent: the bench writes it itself.
 */
export function fieldOffset(bytes: Uint8Array, path: readonly number[]): number {
  let start = 0
  let end = bytes.length
  for (const [depth, field] of path.entries()) {
    const found = findField(bytes, start, end, field)
    if (found === undefined) throw new Error(`no field ${path.slice(0, depth + 1).join('.')}`)
    start = found.start
    end = found.end
  }
  return start
}

function findField(
  bytes: Uint8Array,
  start: number,
  end: number,
  field: number,
): { readonly start: number; readonly end: number } | undefined {
  let at = start
  const varint = (): number => {
    let value = 0
    for (let factor = 1; ; factor *= 128) {
      const byte = bytes[at++] as number
      value += (byte & 127) * factor
      if (byte < 128) return value
    }
  }
  while (at < end) {
    const key = varint()
    const valueStart = at
    const wireType = key & 7
    if (wireType === 2) {
      const length = varint()
      const contentStart = at
      at += length
      if (key >>> 3 === field) return { start: contentStart, end: at }
      continue
    }
    if (wireType === 0) varint()
    else at += wireType === 1 ? 8 : 4
    if (key >>> 3 === field) return { start: valueStart, end: at }
  }
  return undefined
}
