/** Fields of something that was read and may be anything: nothing about them is known. */
export type Fields = Readonly<Record<string, unknown>>

/** The fields of a map; none for anything else. */
export const fieldsOf = (value: unknown): Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {}

/** The items of a list; none for anything else. */
export const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])

/** The texts of a list. */
export const textsOf = (value: unknown): string[] =>
  listOf(value).filter((item) => typeof item === 'string')

export const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' ? value : undefined

/** A number, also where it was quoted. */
export function numberOf(value: unknown): number | undefined {
  if (typeof value === 'number') return value
  return typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : undefined
}

/** The value at the end of a path of fields; undefined where it ends early. */
export function at(value: unknown, ...path: readonly string[]): unknown {
  let here = value
  for (const field of path) here = fieldsOf(here)[field]
  return here
}

const camel = (name: string): string =>
  name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())

/** The same for Envoy's messages, whose JSON takes `snake_case` and `camelCase` alike. */
export function protoAt(value: unknown, ...path: readonly string[]): unknown {
  let here = value
  for (const field of path) {
    const fields = fieldsOf(here)
    here = fields[field] ?? fields[camel(field)]
  }
  return here
}
