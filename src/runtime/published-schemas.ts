import { readFileSync } from 'node:fs'
import { ServiceError } from './service-error.ts'

/** The published schemas by their short names; the versions are those of the contract. */
const FILES = {
  usage: 'usage.v1.schema.json',
  'usage-event': 'usage-event.v1.schema.json',
  'hour-closed': 'hour-closed.v1.schema.json',
  'hour-closed-event': 'hour-closed-event.v1.schema.json',
} as const

export type SchemaName = keyof typeof FILES

/** Names of the published JSON Schemas: of each event's `data`, and of the whole structured event. */
export const SCHEMA_NAMES = Object.keys(FILES) as readonly SchemaName[]

/** The text of a schema; the same file from src/ and from dist/. */
export function schemaText(name: SchemaName): string {
  return readFileSync(new URL(`../../schemas/${FILES[name]}`, import.meta.url), 'utf8')
}

/** The schema of a file name. Throws `not_found`, with the names that there are. */
export function schemaOfFile(file: string): SchemaName {
  const found = SCHEMA_NAMES.find((name) => FILES[name] === file)
  if (found !== undefined) return found
  throw new ServiceError(
    'not_found',
    `no such schema; use one of ${Object.values(FILES).join(', ')}`,
  )
}
