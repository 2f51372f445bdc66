/** What every command exits with; documented in `--help` and docs/configuration.md. */
export const ExitCode = { ok: 0, failed: 1, usage: 2, noAnswer: 3 } as const

export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode]

/** An expected end of a command: one clear message on stderr, no stack, and its exit code. */
export class Failure extends Error {
  readonly exitCode: ExitCode

  constructor(message: string, exitCode: ExitCode = ExitCode.failed, options?: ErrorOptions) {
    super(message, options)
    this.name = 'Failure'
    this.exitCode = exitCode
  }
}

/** `doctor` could not ask: no answer, or one of something else. Its exit code 1 means findings. */
export function noAnswer(message: string, cause?: unknown): Failure {
  return new Failure(message, ExitCode.noAnswer, { cause })
}

/** The command was called wrongly, or the configuration is wrong: exit code 2. */
export function usageFailure(message: string): Failure {
  return new Failure(message, ExitCode.usage)
}
