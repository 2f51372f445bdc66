const MOST_NEAR = 3
/** Below this a text has too little in common with the glob to be of help. */
const LEAST_LIKENESS = 0.3

/** The texts that are most like a glob that none of them matches, best first, three at most. */
export function nearestTo(glob: string, texts: Iterable<string>): string[] {
  const wanted = glob
    .toLowerCase()
    .replaceAll(/\[[^\]]*\]|[*?]/g, ' ')
    .trim()
  if (wanted === '') return []
  const pairs = pairsOf(wanted)
  const likely: { readonly text: string; readonly likeness: number }[] = []
  for (const text of texts) {
    const lower = text.toLowerCase()
    const inside = lower.includes(wanted) || (lower.length > 2 && wanted.includes(lower)) ? 1 : 0
    const likeness = inside + commonPart(pairs, pairsOf(lower))
    if (text !== '' && likeness >= LEAST_LIKENESS) likely.push({ text, likeness })
  }
  return likely
    .sort((a, b) => b.likeness - a.likeness || (a.text < b.text ? -1 : 1))
    .slice(0, MOST_NEAR)
    .map(({ text }) => text)
}

/** What a glob says beside its wildcards, in lower case. */
export function literalOf(glob: string): string {
  return glob
    .toLowerCase()
    .replaceAll(/\[[^\]]*\]|[*?]/g, ' ')
    .trim()
}

/** Every two characters that stand beside each other. */
function pairsOf(text: string): Set<string> {
  const padded = ` ${text} `
  return new Set(Array.from({ length: padded.length - 1 }, (_, at) => padded.slice(at, at + 2)))
}

/** Dice's coefficient, 0 to 1. */
function commonPart(a: ReadonlySet<string>, b: ReadonlySet<string>): number {
  let common = 0
  for (const pair of b) if (a.has(pair)) common++
  return (2 * common) / (a.size + b.size)
}
