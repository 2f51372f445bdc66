const MARK = '~'

/**
 * A sender's text that can be none of our own names (`__unknown__`, `__other__`, `__invalid__`): one that
 * begins with `__` gets a `~` before it. So does one that begins with `~`, so that two texts never become
 * one; no name of Kubernetes holds a `~`. Not for texts that are read again (recordings): each reading
 * would add one.
 */
export function unreservedText(text: string): string {
  return text.startsWith('__') || text.startsWith(MARK) ? MARK + text : text
}
