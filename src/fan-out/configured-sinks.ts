import { join } from 'node:path'
import type { Config } from '../config.ts'
import { FileSink } from '../files/file-sink.ts'
import type { Sink } from '../model/sink.ts'
import type { SinkGuard } from '../model/stamp.ts'
import type { Logger } from '../telemetry/logger.ts'

/** A sink under the name that its revisions, outbox and position belong to. */
export interface NamedSink {
  readonly name: string
  readonly sink: Sink
}

export interface SinkOptions {
  /** What keeps an older copy of the file from sending. */
  readonly guardOf?: (name: string) => SinkGuard
  /** For sending events again beside a running server. */
  readonly again?: boolean
}

/** Where the marks of closed hours go, by the names of the sinks whose hours they are. */
export async function hourSinks(
  { kafka, files }: Pick<Config, 'kafka' | 'files'>,
  logger: Logger,
): Promise<NamedSink[]> {
  const sinks: NamedSink[] = []
  if (kafka.hoursTopic !== '' && kafka.brokers.length > 0) {
    const { KafkaSink } = await import('../kafka/kafka-sink.ts')
    const sink = new KafkaSink({ ...kafka, topic: kafka.hoursTopic }, { logger })
    sinks.push({ name: kafka.name, sink })
  }
  if (files.hours && files.directory !== '') {
    const directory = join(files.directory, 'hours')
    sinks.push({
      name: files.name,
      sink: new FileSink({ ...files, directory }, { prefix: 'hours' }),
    })
  }
  return sinks
}

/** The sinks that a configuration turns on. */
export async function configuredSinks(
  { kafka, files }: Pick<Config, 'kafka' | 'files'>,
  logger: Logger,
  { guardOf, again = false }: SinkOptions = {},
): Promise<NamedSink[]> {
  const sinks: NamedSink[] = []
  if (kafka.brokers.length > 0) {
    // Loading the client takes 0.25 s and 50 MB.
    const { KafkaSink } = await import('../kafka/kafka-sink.ts')
    sinks.push({
      name: kafka.name,
      sink: new KafkaSink(kafka, { logger, guard: guardOf?.(kafka.name) }),
    })
  }
  if (files.directory !== '') {
    sinks.push({
      name: files.name,
      sink: new FileSink(files, { again, guard: guardOf?.(files.name) }),
    })
  }
  return sinks
}
