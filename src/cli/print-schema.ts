import { Argument, type Command } from 'commander'
import { SCHEMA_NAMES, type SchemaName, schemaText } from '../runtime/published-schemas.ts'
import type { Surroundings } from './surroundings.ts'

export function addPrintSchema(program: Command, { stdout }: Surroundings): void {
  program
    .command('print-schema')
    .description('print the JSON Schema of usage events')
    .addArgument(
      new Argument(
        '[schema]',
        'usage, hour-closed: the data; usage-event, hour-closed-event: the whole structured event',
      )
        .choices(SCHEMA_NAMES)
        .default('usage' satisfies SchemaName),
    )
    .addHelpText('after', '\nExample:\n  snimeter print-schema usage > usage.v1.schema.json')
    .action((name: SchemaName) => {
      stdout.write(schemaText(name))
    })
}
