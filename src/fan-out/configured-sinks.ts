import type { Config } from '../config.ts'
import { FileSink } from '../files/file-sink.ts'
import type { Sink } from '../model/sink.ts'
import type { Logger } from '../telemetry/logger.ts'

/** A sink under the name that its revisions, outbox and position belong to. */
export interface NamedSink {
  readonly name: string
  readonly sink: Sink
}

/**
 * The sinks that a configuration turns on.
 *
 * @param again for sending events again beside a running server
 */
export async function configuredSinks(
  { kafka, files }: Pick<Config, 'kafka' | 'files'>,
  logger: Logger,
  again = false,
): Promise<NamedSink[]> {
  const sinks: NamedSink[] = []
  if (kafka.brokers.length > 0) {
    // Loading the client takes 0.25 s and 50 MB.
    const { KafkaSink } = await import('../kafka/kafka-sink.ts')
    sinks.push({ name: kafka.name, sink: new KafkaSink(kafka, { logger }) })
  }
  if (files.directory !== '') {
    sinks.push({ name: files.name, sink: new FileSink(files, { again }) })
  }
  return sinks
}
