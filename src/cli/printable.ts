/**
 * What must never reach a terminal as it is: control and format characters (escape sequences, text
 * that runs from right to left), line separators and halves of surrogate pairs. Names are chosen by
 * clients; a name must not be able to move the cursor.
 */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu

/** The text with everything unprintable written as `\u{1b}`. */
export function printable(text: string): string {
  return text.replaceAll(
    UNPRINTABLE,
    (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  )
}

/** JSON with unprintable characters inside texts as `\u001b`: the same value to every reader. */
export function printableJson(value: unknown, indent?: number): string {
  const text = JSON.stringify(value, undefined, indent)
  return text.replaceAll(UNPRINTABLE, (character) =>
    // The line breaks of the indentation; JSON.stringify has escaped those inside texts.
    character === '\n'
      ? character
      : Array.from(
          { length: character.length },
          (_, index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`,
        ).join(''),
  )
}

const MARK = /\p{M}/u
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u

function characterWidth(character: string): number {
  if (character.length === 1 && character < '\u0300') return 1
  if (MARK.test(character)) return 0
  return WIDE.test(character) ? 2 : 1
}

const ASCII = /^[ -~]*$/

/** Columns that a printable text takes on a terminal. */
export function displayWidth(text: string): number {
  if (ASCII.test(text)) return text.length
  let width = 0
  for (const character of text) width += characterWidth(character)
  return width
}

/** The text cut to at most `width` columns, with `…` at its end if something was cut. */
export function truncate(text: string, width: number): string {
  if (displayWidth(text) <= width) return text
  let kept = ''
  let used = 0
  for (const character of text) {
    const next = characterWidth(character)
    if (used + next > width - 1) break
    kept += character
    used += next
  }
  return width < 1 ? '' : `${kept}…`
}
