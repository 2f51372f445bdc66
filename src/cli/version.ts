import type { Command } from 'commander'
import { packageVersion } from '../runtime/version.ts'
import type { Surroundings } from './surroundings.ts'

export function addVersion(program: Command, { stdout }: Surroundings): void {
  program
    .command('version')
    .description('print the version of snimeter and of Node.js')
    .addHelpText('after', '\nExample:\n  snimeter version')
    .action(() => {
      stdout.write(`snimeter ${packageVersion()} (node ${process.versions.node})\n`)
    })
}
