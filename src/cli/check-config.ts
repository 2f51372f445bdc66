import { existsSync } from 'node:fs'
import type { Command } from 'commander'
import type { Config } from '../config.ts'
import type { KnownToFile } from '../kafka/connection-check.ts'
import { readConfiguration } from './configuration.ts'
import { Failure } from './failure.ts'
import { printable } from './printable.ts'
import type { Surroundings } from './surroundings.ts'

export function addCheckConfig(program: Command, surroundings: Surroundings): void {
  program
    .command('check-config')
    .description('check the configuration: file and environment together')
    .option('--config <file>', 'YAML file (default: SNIMETER_CONFIG)')
    .option('--connect', 'ask the Kafka brokers too whether events would arrive; writes nothing')
    .addHelpText(
      'after',
      '\nEverything that is wrong is told at once, with key, value and fix (exit code 2).\nWith --connect: a line per broker, topic and permission; exit code 1 if one is wrong.\n\nExample:\n  snimeter check-config --config snimeter.yaml --connect',
    )
    .action(async ({ config: path, connect }: { config?: string; connect?: boolean }) => {
      const { config } = readConfiguration(surroundings, path)
      surroundings.stderr.write('the configuration is valid\n')
      if (connect === true) await connectToKafka(config, surroundings)
    })
}

async function connectToKafka(
  { kafka, store }: Pick<Config, 'kafka' | 'store'>,
  { stdout, stderr }: Surroundings,
): Promise<void> {
  if (kafka.brokers.length === 0) {
    stderr.write('no Kafka brokers are configured: there is nothing to connect to\n')
    return
  }
  // Only now: the client library takes 0.25 s and 50 MB, which every other command can do without.
  const { checkConnection } = await import('../kafka/connection-check.ts')
  const findings = await checkConnection(kafka, await knownToFile(store.path, kafka.name))
  for (const { verdict, subject, text } of findings) {
    stdout.write(printable(`${verdict.padEnd(5)}  ${subject}: ${text}`) + '\n')
  }
  const wrong = findings.filter(({ verdict }) => verdict === 'wrong').length
  if (wrong > 0)
    throw new Failure(`events would not arrive: ${wrong} of ${findings.length} checks failed`)
}

/** What `serve` remembers of the topic. A file that is not there, or cannot be read, knows nothing. */
async function knownToFile(path: string, sink: string): Promise<KnownToFile> {
  if (!existsSync(path)) return {}
  const { PublicationReader } = await import('../store/publication-reader.ts')
  try {
    const reader = new PublicationReader(path)
    try {
      const fromMs = reader.revisionsFromMs(sink)
      return { memory: reader.topicMemory(sink), repair: { sink, fromMs } }
    } finally {
      reader.close()
    }
  } catch {
    return {}
  }
}
