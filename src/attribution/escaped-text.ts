const MAX_LENGTH = 256
/** Everything but printable ASCII, and the escape itself. */
const ESCAPED = /[^ -[\]-~]/u

/**
 * The text in printable ASCII: every other character and the backslash as `\u{fffd}`, at most 256
 * characters; what is longer ends in `...`. Fit for a column, a terminal and a spreadsheet.
 */
export function escapedText(text: string): string {
  let escaped = ''
  for (const character of text) {
    const next = ESCAPED.test(character)
      ? `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`
      : character
    if (escaped.length + next.length > MAX_LENGTH - 3) return `${escaped}...`
    escaped += next
  }
  return escaped
}
