import { type Command, InvalidArgumentError } from 'commander'
import type { Surroundings } from './surroundings.ts'

function seconds(text: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new InvalidArgumentError('Use a whole number of seconds.')
  return Number(text)
}

export function addDemo(program: Command, _surroundings: Surroundings): void {
  program
    .command('demo')
    .description('watch it at work: a real Envoy, a TLS server, a few workloads, and top')
    .option('--seconds <number>', 'end by itself after this time', seconds)
    .addHelpText(
      'after',
      '\nThe first run installs an Envoy into a cache; without one, a recorded stream is replayed.\n\nExample:\n  snimeter demo',
    )
    .action(async (options: { seconds?: number }) => {
      const { runDemo } = await import('../demo/demo.ts')
      await runDemo(options)
    })
}
