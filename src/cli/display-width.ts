/**
 * Characters of no width: marks on the one before, and the vowels and finals of Hangul that join one. (Spacing
 * marks, \p{Mc}, take a column on most terminals.)
 */
const ZERO = /^[\p{Mn}\p{Me}\u1160-\u11ff\ud7b0-\ud7fb]$/u
/** Characters of two columns: East Asian Wide and Fullwidth of Unicode 16, emoji of their own accord included. */
const WIDE =
  /^[\u1100-\u115f\u2329\u232a\u2630-\u2637\u268a-\u268f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{16fe0}-\u{18d08}\u{1aff0}-\u{1b2ff}\u{1d300}-\u{1d376}\u{1f200}-\u{1f265}\u{20000}-\u{3fffd}\p{Emoji_Presentation}]$/u
/** Halves of flags: one column each, two together. */
const FLAG_HALF = /^[\u{1f1e6}-\u{1f1ff}]$/u
/** Makes an emoji, two columns wide, of a character that can be one. */
const EMOJI_SELECTOR = '\ufe0f'
const MAY_BE_EMOJI = /^\p{Emoji}/u

const ASCII = /^[ -~]*$/

/** Columns of one character by itself. Where terminals differ, the most. */
function characterWidth(character: string): number {
  if (character < '\u0300') return 1
  if (ZERO.test(character)) return 0
  return WIDE.test(character) && !FLAG_HALF.test(character) ? 2 : 1
}

/** A character with the marks on it, and the columns that they take. */
interface Cluster {
  readonly text: string
  readonly width: number
}

function clustersOf(text: string): Cluster[] {
  const clusters: { text: string; width: number }[] = []
  for (const character of text) {
    const width = characterWidth(character)
    const last = clusters.at(-1)
    if (width > 0 || last === undefined) clusters.push({ text: character, width })
    else {
      last.text += character
      if (character === EMOJI_SELECTOR && MAY_BE_EMOJI.test(last.text)) last.width = 2
    }
  }
  return clusters
}

/** Columns that a printable text takes on a terminal. */
export function displayWidth(text: string): number {
  if (ASCII.test(text)) return text.length
  return clustersOf(text).reduce((sum, { width }) => sum + width, 0)
}

/**
 * The text cut to at most `width` columns, with `…` for what is cut out of its middle: of a name both ends
 * say most. Marks stay on their characters.
 */
export function cutMiddle(text: string, width: number): string {
  if (displayWidth(text) <= width) return text
  if (width < 1) return ''
  const clusters = clustersOf(text)
  const room = width - 1
  const first = clusters[0]?.width ?? 0
  const last = clusters.at(-1)?.width ?? 0
  // The first half is the longer one, but for the room that the last character needs.
  const half = Math.ceil(room / 2)
  const forHead = first + last <= room ? Math.min(Math.max(half, first), room - last) : room
  const head = taken(clusters, forHead)
  const tail = taken(clusters.toReversed(), room - head.width)
  return `${head.texts.join('')}…${tail.texts.toReversed().join('')}`
}

/** The text cut to at most `width` columns, with `…` at its end if something was cut: for sentences. */
export function cutEnd(text: string, width: number): string {
  if (displayWidth(text) <= width) return text
  return width < 1 ? '' : `${taken(clustersOf(text), width - 1).texts.join('')}…`
}

/** As many as have room, from the first on. */
function taken(
  clusters: readonly Cluster[],
  room: number,
): { readonly texts: string[]; readonly width: number } {
  const texts: string[] = []
  let width = 0
  for (const cluster of clusters) {
    if (width + cluster.width > room) break
    width += cluster.width
    texts.push(cluster.text)
  }
  return { texts, width }
}
