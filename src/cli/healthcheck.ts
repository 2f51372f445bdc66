import type { Command } from 'commander'
import { readConfiguration } from './configuration.ts'
import { Failure } from './failure.ts'
import { printable } from './printable.ts'
import { get, parseJson, serverUrl } from './server-api.ts'
import type { Surroundings } from './surroundings.ts'

interface HealthcheckOptions {
  readonly config?: string
  readonly url?: string
  readonly live?: boolean
}

export function addHealthcheck(program: Command, surroundings: Surroundings): void {
  program
    .command('healthcheck')
    .description('exit 0 if a running server is ready (or, with --live, alive), else 1')
    .option('--url <url>', 'of the server (default: where http.listen says)')
    .option('--live', 'ask whether it is alive rather than ready')
    .option('--config <file>', 'YAML file (default: SNIMETER_CONFIG)')
    .addHelpText(
      'after',
      '\nExample (Dockerfile):\n  HEALTHCHECK CMD ["node", "dist/main.js", "healthcheck"]',
    )
    .action(async ({ url: given, live, config: file }: HealthcheckOptions) => {
      const url = serverUrl(given, readConfiguration(surroundings, file).config)
      const { status, body } = await get(url, live ? '/livez' : '/readyz')
      if (status !== 200) {
        throw new Failure(`not ${live ? 'alive' : 'ready'}: ${printable(reasonOf(body))}`)
      }
      surroundings.stdout.write('ok\n')
    })
}

/** The server's reason; of an answer that is not ours, its beginning. */
function reasonOf(body: string): string {
  const { reason } = (parseJson(body) ?? {}) as { reason?: unknown }
  return typeof reason === 'string' ? reason : body.trim().slice(0, 200)
}
