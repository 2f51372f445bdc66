import type { Admission, SinkGuard, Stamp } from '../model/stamp.ts'
import { ServiceError } from '../runtime/service-error.ts'
import type { Logger } from '../telemetry/logger.ts'

export interface SendGuardDependencies {
  /** The file. */
  readonly reader: {
    ledgerId(): string
    /** The sink's newest event. */
    sequence(sink: string): number
  }
  /** Asks the file whether it knows these stamps. */
  readonly judge: (found: readonly Stamp[]) => Promise<Admission>
  readonly logger: Logger
}

/**
 * Lets a sink send only if the file knows everything that its destination has of it. Judged once per process,
 * before the first record: a file is not replaced while it is open.
 */
export class SendGuard implements SinkGuard {
  readonly sink: string
  readonly #deps: SendGuardDependencies
  #life: { readonly life: number; readonly token: string } | undefined
  #refusal: ServiceError | undefined

  constructor(sink: string, deps: SendGuardDependencies) {
    this.sink = sink
    this.#deps = deps
  }

  get ledgerId(): string {
    return this.#deps.reader.ledgerId()
  }

  /** Why nothing may be sent, once that is known. */
  get refusal(): ServiceError | undefined {
    return this.#refusal
  }

  stamp(): Stamp | undefined {
    if (this.#refusal !== undefined) throw this.#refusal
    if (this.#life === undefined) return undefined
    const { sink, ledgerId } = this
    return { ledgerId, sink, ...this.#life, sequence: this.#deps.reader.sequence(sink) }
  }

  async admit(found: readonly Stamp[] | undefined): Promise<void> {
    const { judge, logger } = this.#deps
    const { sink } = this
    const admission = await judge(found ?? [])
    if (admission.kind === 'restored') {
      this.#refusal = new ServiceError('file_restored', refusalOf(sink))
      const { life, sequence } = admission.unknown ?? {}
      logger.error({ sink, life, sequence }, this.#refusal.message)
      throw this.#refusal
    }
    if (found === undefined) {
      logger.warn(
        { sink },
        'the topic may not be read: an older copy of the file would not be noticed; allow this user READ on the topic',
      )
    }
    this.#life = admission
  }
}

function refusalOf(sink: string): string {
  return `this file is an older copy: what it would send as '${sink}' has ids that are out already, with other contents, so nothing is sent. Start with the newest file, or give the sink a new name (kafka.name, files.name) and bill the old name up to the restore (docs/kafka.md, "Restoring an older file")`
}
