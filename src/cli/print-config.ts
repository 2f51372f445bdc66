import type { Command } from 'commander'
import { printConfig } from '../config/print.ts'
import { readConfiguration } from './configuration.ts'
import type { Surroundings } from './surroundings.ts'

export function addPrintConfig(program: Command, surroundings: Surroundings): void {
  program
    .command('print-config')
    .description('print the effective configuration as YAML, with every default')
    .option('--config <file>', 'YAML file (default: SNIMETER_CONFIG)')
    .option('--explain', 'comment each key: meaning, range, variable and who set it')
    .addHelpText(
      'after',
      '\nExample: a commented file to start from:\n  snimeter print-config --explain > snimeter.yaml',
    )
    .action(({ config, explain }: { config?: string; explain?: boolean }) => {
      const { settings } = readConfiguration(surroundings, config)
      surroundings.stdout.write(printConfig(settings, explain))
    })
}
