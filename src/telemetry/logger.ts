import { isatty } from 'node:tty'
import { type DestinationStream, destination, pino, stdTimeFunctions } from 'pino'
import { PinoPretty } from 'pino-pretty'

/** A log line: fields and a message, or a message alone. Messages are lower case and constant. */
export interface LogFunction {
  (fields: object, message: string): void
  (message: string): void
}

/** What the parts of the program log with. About life cycle and rare events, never per entry. */
export interface Logger {
  debug: LogFunction
  info: LogFunction
  warn: LogFunction
  error: LogFunction
}

export interface LoggerConfig {
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  /** `auto` is `pretty` on a terminal and `json` elsewhere. */
  readonly format: 'auto' | 'json' | 'pretty'
}

/** Whether the user lets a terminal have colours (https://no-color.org). */
function wantsColour(env: Readonly<Record<string, string | undefined>>): boolean {
  return (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb'
}

/** Standard error: data goes to standard output. */
const STDERR = 2

/**
 * A logger that writes to standard error, or to `output` in tests. Writes are synchronous: the last
 * lines before an exit are the ones that are needed.
 */
export function createLogger(config: LoggerConfig, output?: DestinationStream): Logger {
  const isTty = output === undefined && isatty(STDERR)
  const pretty = config.format === 'pretty' || (config.format === 'auto' && isTty)
  return pino(
    {
      level: config.level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    pretty
      ? PinoPretty({
          destination: output ?? STDERR,
          sync: true,
          colorize: isTty && wantsColour(process.env),
          translateTime: 'SYS:HH:MM:ss.l',
        })
      : (output ?? destination({ dest: STDERR, sync: true })),
  )
}
