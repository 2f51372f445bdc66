import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import type { OutboxConfig } from '../../src/model/outbox.ts'
import { PublicationReader } from '../../src/store/publication-reader.ts'
import { Writer } from '../../src/store/writer.ts'
import { type BatchContent, makeBatch, NOON, type UsageIncrement } from './batch-fixture.ts'

export const MINUTE = 60_000
export const GRACE = 2 * MINUTE
const LONG_MS = 400 * 86_400_000

/** A file that publishes, moved on by hand: every commit says what time it is. */
export class OutboxFile {
  readonly folder = mkdtempSync(join(tmpdir(), 'snimeter-outbox-'))
  readonly path = join(this.folder, 'file.db')
  writer: Writer
  #sequence = 0

  constructor(outbox: Partial<OutboxConfig> = {}) {
    this.writer = this.#open(outbox, NOON)
  }

  /** Another process opens the file, with other settings perhaps. */
  reopen(outbox: Partial<OutboxConfig> = {}): void {
    this.writer.close()
    this.writer = this.#open(outbox, NOON)
  }

  /** Commits usage at a moment, in minutes after noon; windows are given in minutes as well. */
  commit(
    minute: number,
    usage: readonly (UsageIncrement & { readonly window: number })[] = [],
    clock: Partial<BatchContent['clock']> = {},
  ) {
    return this.writer.apply(
      makeBatch({
        sequence: ++this.#sequence,
        clock: { newestMs: NOON + minute * MINUTE, ...clock },
        usage: usage.map(({ window, ...row }) => ({ ...row, windowMs: NOON + window * MINUTE })),
      }),
    ).outbox
  }

  /** What a sink would be given now: `window minute, name, revision, upload, previous upload, reason`. */
  waiting(sink = 'kafka'): unknown[][] {
    const reader = new PublicationReader(this.path)
    try {
      return reader
        .page(sink, 0, 1_000_000)
        .map(({ sequence, usage }) => [
          sequence,
          (usage.windowStartMs - NOON) / MINUTE,
          usage.destination.name,
          usage.revision,
          Number(usage.total.uploadBytes),
          usage.previous === undefined ? undefined : Number(usage.previous.uploadBytes),
          usage.reason,
        ])
    } finally {
      reader.close()
    }
  }

  all(sql: string): unknown[][] {
    const database = new Database(this.path, { readonly: true })
    try {
      return database.prepare(sql).raw().all() as unknown[][]
    } finally {
      database.close()
    }
  }

  remove(): void {
    this.writer.close()
    rmSync(this.folder, { recursive: true, force: true })
  }

  #open(outbox: Partial<OutboxConfig>, nowMs: number): Writer {
    const writer = new Writer({
      path: this.path,
      windowSeconds: 60,
      changeWindows: true,
      retention: { hoursMs: LONG_MS, connectionsMs: LONG_MS },
      outbox: {
        instance: 'test',
        graceMs: GRACE,
        sinks: ['kafka'],
        maxEvents: 1000,
        maxParked: 1000,
        ...outbox,
      },
    })
    try {
      writer.open(nowMs)
      return writer
    } catch (error) {
      writer.close()
      throw error
    }
  }
}
