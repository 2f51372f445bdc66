import type { Command } from 'commander'
import { readConfiguration } from './configuration.ts'
import type { Surroundings } from './surroundings.ts'

export function addCheckConfig(program: Command, surroundings: Surroundings): void {
  program
    .command('check-config')
    .description('check the configuration: file and environment together')
    .option('--config <file>', 'YAML file (default: SNIMETER_CONFIG)')
    .addHelpText(
      'after',
      '\nEverything that is wrong is told at once, with key, value and fix (exit code 2).\n\nExample:\n  snimeter check-config --config snimeter.yaml',
    )
    .action(({ config }: { config?: string }) => {
      readConfiguration(surroundings, config)
      surroundings.stderr.write('the configuration is valid\n')
    })
}
