import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import Database from 'better-sqlite3'
import pino from 'pino'
import { defaultConfig } from '../../src/config/load.ts'
import type { Config } from '../../src/config.ts'
import { replay } from '../../src/replay.ts'
import { temporaryFolder } from './temporary-folder.ts'

/** A message of a capture: which stream it came on, and when (unix ms). */
export interface RecordedMessage {
  readonly stream?: number
  readonly ms: number
  readonly message: Uint8Array
}

/** A database file in a folder of its own that captures are replayed into. */
export class ReplayedFile {
  readonly path: string
  readonly #folder: string
  readonly #config: Config
  #captures = 0

  constructor(t: TestContext, config: Config = defaultConfig()) {
    this.#folder = temporaryFolder(t)
    this.#config = config
    this.path = join(this.#folder, 'file.db')
  }

  /** Replays the messages as one capture. */
  async replay(messages: readonly RecordedMessage[]): Promise<void> {
    const capture = join(this.#folder, `${++this.#captures}.alscap`)
    writeFileSync(capture, Buffer.concat(messages.map(recordOf)))
    const logger = pino({ level: 'silent' })
    await replay({ dbPath: this.path, captures: [capture], config: this.#config, logger })
  }

  /** Rows of a query, as arrays. */
  rows(sql: string): unknown[] {
    const database = new Database(this.path, { readonly: true })
    try {
      return database.prepare(sql).raw().all()
    } finally {
      database.close()
    }
  }
}

function recordOf({ stream = 1, ms, message }: RecordedMessage): Buffer {
  const header = Buffer.alloc(16)
  header.writeUInt32LE(stream, 0)
  header.writeDoubleLE(ms / 1000, 4)
  header.writeUInt32LE(message.length, 12)
  return Buffer.concat([header, message])
}
