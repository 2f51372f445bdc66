import type { LogFunction, Logger } from '../../src/telemetry/logger.ts'

export interface LoggedLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  readonly message: string
  readonly fields: object
}

/** A logger that keeps its lines. */
export interface MemoryLogger extends Logger {
  readonly lines: readonly LoggedLine[]
}

export function memoryLogger(): MemoryLogger {
  const lines: LoggedLine[] = []
  const at =
    (level: LoggedLine['level']): LogFunction =>
    (first: object | string, message?: string) => {
      if (typeof first === 'string') lines.push({ level, message: first, fields: {} })
      else lines.push({ level, message: message ?? '', fields: first })
    }
  return { lines, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}
