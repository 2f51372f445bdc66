import type { Command } from 'commander'
import type { KafkaConfig } from '../kafka/config.ts'
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
      if (connect === true) await connectToKafka(config.kafka, surroundings)
    })
}

async function connectToKafka(kafka: KafkaConfig, { stdout, stderr }: Surroundings): Promise<void> {
  if (kafka.brokers.length === 0) {
    stderr.write('no Kafka brokers are configured: there is nothing to connect to\n')
    return
  }
  // Only now: the client library takes 0.25 s and 50 MB, which every other command can do without.
  const { checkConnection } = await import('../kafka/connection-check.ts')
  const findings = await checkConnection(kafka)
  for (const { verdict, subject, text } of findings) {
    stdout.write(printable(`${verdict.padEnd(5)}  ${subject}: ${text}`) + '\n')
  }
  const wrong = findings.filter(({ verdict }) => verdict === 'wrong').length
  if (wrong > 0)
    throw new Failure(`events would not arrive: ${wrong} of ${findings.length} checks failed`)
}
