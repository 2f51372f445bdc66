import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import type { Surroundings } from './surroundings.ts'

/** The version of this package, as package.json says; the same file from src/ and from dist/. */
export function packageVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}

export function addVersion(program: Command, { stdout }: Surroundings): void {
  program
    .command('version')
    .description('print the version of snimeter and of Node.js')
    .addHelpText('after', '\nExample:\n  snimeter version')
    .action(() => {
      stdout.write(`snimeter ${packageVersion()} (node ${process.versions.node})\n`)
    })
}
