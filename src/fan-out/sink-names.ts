import type { Config } from '../config.ts'

/** Names of the sinks that a configuration turns on. */
export function sinkNames({ kafka, files }: Pick<Config, 'kafka' | 'files'>): string[] {
  return [
    ...(kafka.brokers.length > 0 ? [kafka.name] : []),
    ...(files.directory === '' ? [] : [files.name]),
  ]
}

/** Names of those whose closed hours are marked. */
export function hourSinkNames({ kafka, files }: Pick<Config, 'kafka' | 'files'>): string[] {
  return [
    ...(kafka.brokers.length > 0 && kafka.hoursTopic !== '' ? [kafka.name] : []),
    ...(files.directory !== '' && files.hours ? [files.name] : []),
  ]
}
