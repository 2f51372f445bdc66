/**
 * An expected failure of the service: a stable `code` (snake_case, may be matched and shown to
 * clients), a message for people, and the foreign error behind it, if any, as `cause`.
 */
export class ServiceError extends Error {
  readonly code: string

  constructor(code: string, message: string, options?: { readonly cause?: unknown }) {
    super(message, options)
    this.name = 'ServiceError'
    this.code = code
  }
}
