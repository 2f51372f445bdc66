/** Edits (insert, delete, replace) that turn one text into the other. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? 0
}

/** `als.maxMessageSize` and `als.max-message-size` are spellings of `als.max_message_size`. */
const plain = (text: string): string => text.toLowerCase().replaceAll(/[_-]/g, '')

const lastPart = (text: string): string => text.slice(text.lastIndexOf('.') + 1)

/**
 * The known key that was probably meant by an unknown one: nearly the same path, or the same last
 * part in another group. Undefined if nothing is near. Long texts are not compared.
 */
export function nearest(unknown: string, known: readonly string[]): string | undefined {
  if (unknown.length > 100) return undefined
  const wanted = plain(unknown)
  const ranked = known
    .map((key) => ({ key, distance: editDistance(wanted, plain(key)) }))
    .sort((a, b) => a.distance - b.distance)
  const best = ranked[0]
  if (best !== undefined && best.distance <= Math.max(2, wanted.length / 5)) return best.key
  return ranked.find(({ key }) => plain(lastPart(key)) === plain(lastPart(unknown)))?.key
}
