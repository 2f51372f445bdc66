import { isDeepStrictEqual } from 'node:util'

/** A JSON Schema of an object, as far as the comparison reads it. */
export interface ObjectSchema {
  readonly properties: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  readonly required: readonly string[]
  readonly additionalProperties?: unknown
  readonly [keyword: string]: unknown
}

/** Keywords that say something to people only, and those that are compared name by name. */
const NOT_COMPARED = new Set([
  'title',
  'description',
  'examples',
  '$comment',
  'deprecated',
  'properties',
  'required',
])

/**
 * What a schema does that a released one of the same version forbids, in words. Events of both are in
 * one topic, and both are read by consumers of either: so what is there stays as it is. Neither looser
 * (a consumer meets what it cannot read) nor tighter (old events become invalid); only optional
 * properties may be added.
 */
export function incompatibilities(released: ObjectSchema, current: ObjectSchema): string[] {
  return [
    ...differences('the schema', released, current),
    ...Object.entries(released.properties).flatMap(([name, before]) => {
      const now = current.properties[name]
      return now === undefined ? [`${name} is removed`] : differences(name, before, now)
    }),
    ...released.required
      .filter((name) => !current.required.includes(name))
      .map((name) => `${name} is no longer required`),
    ...current.required
      .filter((name) => !released.required.includes(name))
      .map((name) => `${name} is newly required`),
  ]
}

function differences(
  what: string,
  before: Readonly<Record<string, unknown>>,
  now: Readonly<Record<string, unknown>>,
): string[] {
  return [...new Set([...Object.keys(before), ...Object.keys(now)])]
    .filter((keyword) => !NOT_COMPARED.has(keyword))
    .filter((keyword) => !isDeepStrictEqual(before[keyword], now[keyword]))
    .map((keyword) => `${what}: ${keyword} is changed`)
}
