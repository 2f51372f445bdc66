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
