import { join } from 'node:path'
import type { Config } from '../config.ts'
import { FileSink } from '../files/file-sink.ts'
import type { Sink } from '../model/sink.ts'
import type { SinkGuard } from '../model/stamp.ts'
import type { Logger } from '../telemetry/logger.ts'
import { AfterUsage } from './after-usage.ts'

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
  { guardOf }: SinkOptions = {},
): Promise<NamedSink[]> {
  const sinks: NamedSink[] = []
  if (kafka.hoursTopic !== '' && kafka.brokers.length > 0) {
    const { KafkaSink } = await import('../kafka/kafka-sink.ts')
    const made = (topic: string) =>
      new KafkaSink({ ...kafka, topic }, { logger, guard: guardOf?.(kafka.name) })
    const sink = new AfterUsage(made(kafka.hoursTopic), made(kafka.topic))
    sinks.push({ name: kafka.name, sink })
  }
  if (files.hours && files.directory !== '') {
    const guard = () => guardOf?.(files.name)
    const directory = join(files.directory, 'hours')
    const marks = new FileSink({ ...files, directory }, { prefix: 'hours', guard: guard() })
    const sink = new AfterUsage(marks, new FileSink(files, { again: true, guard: guard() }))
    sinks.push({ name: files.name, sink })
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
