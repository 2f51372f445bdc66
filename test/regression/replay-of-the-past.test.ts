import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { it, type TestContext } from 'node:test'
import Database from 'better-sqlite3'
import pino from 'pino'
import { defaultConfig } from '../../src/config/load.ts'
import { replay } from '../../src/replay.ts'
import { EntryType, tcpEntry, tcpMessage } from '../helpers/entry-writer.ts'
import { SHOP_SIDECAR } from '../helpers/shop-sidecar.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'

const DAY = 86_400_000
const MINUTE = 60_000
const JUNE = Date.UTC(2026, 5, 1, 12)
const X = '11111111-1111-4111-8111-111111111111'
const Y = '22222222-2222-4222-8222-222222222222'
const Z = '33333333-3333-4333-8333-333333333333'
interface Word {
  readonly ms: number
  readonly id: string
  readonly sni: string
  readonly startMs: number
  readonly upload: number
  readonly final?: boolean
}

/** A file and captures in a folder of their own. */
class Past {
  readonly #folder: string
  #captures = 0
  readonly #config

  constructor(t: TestContext, names?: { perWorkloadPerDay: number; perDay: number }) {
    this.#folder = temporaryFolder(t)
    const config = defaultConfig()
    this.#config = names === undefined ? config : { ...config, rollup: { ...config.rollup, names } }
  }

  capture(words: readonly Word[]): string {
    const path = join(this.#folder, `${++this.#captures}.alscap`)
    const records = words.map(({ ms, final, id, ...word }, i) => {
      const type = final === true ? EntryType.tcpConnectionEnd : EntryType.tcpPeriodic
      const entry = tcpEntry({ ...word, streamId: id, type })
      const message = tcpMessage([entry], i === 0 ? SHOP_SIDECAR : undefined)
      const header = Buffer.alloc(16)
      header.writeUInt32LE(1, 0)
      header.writeDoubleLE(ms / 1000, 4)
      header.writeUInt32LE(message.length, 12)
      return Buffer.concat([header, message])
    })
    writeFileSync(path, Buffer.concat(records))
    return path
  }

  async replay(...captures: string[]): Promise<void> {
    const logger = pino({ level: 'silent' })
    await replay({ dbPath: this.#file, captures, config: this.#config, logger })
  }

  totals(): unknown {
    const database = new Database(this.#file, { readonly: true })
    const rows = database
      .prepare('SELECT sni, upload_bytes, connections FROM sni_totals ORDER BY sni')
      .raw()
      .all()
    database.close()
    return rows
  }

  get #file(): string {
    return join(this.#folder, 'file.db')
  }
}

/** Eight days of one connection that speaks every minute. */
function eightDays(fromMs: number, afterMinutes = 0): Word[] {
  return Array.from({ length: 8 * 1440 - afterMinutes }, (_, i) => {
    const minute = i + afterMinutes
    const startMs = fromMs + afterMinutes * MINUTE - 1000
    return { ms: fromMs + minute * MINUTE, id: Y, sni: 'y.example', startMs, upload: 10 + minute }
  })
}

// The recorded time of an old capture aged the file's living connections: they were deleted, and
// booked in full again at their next word.
it('an old recording does not age connections that spoke after it', async (t) => {
  const past = new Past(t)
  const later = JUNE + 100 * DAY
  const word = { id: X, sni: 'x.example', startMs: later - 1000 }
  await past.replay(past.capture([{ ...word, ms: later, upload: 1000 }]))
  await past.replay(past.capture(eightDays(JUNE)))
  await past.replay(past.capture([{ ...word, ms: later + MINUTE, upload: 1100 }]))
  assert.deepEqual(past.totals(), [
    ['x.example', 1100, 1],
    ['y.example', 10 + 8 * 1440 - 1, 1],
  ])
})

// Replaying an early part again took a row's last arrival back, and with it the mark of what the file
// has forgotten: the later part was then accepted, and counted again.
it('an early part that is replayed again does not take back when its connections last spoke', async (t) => {
  const past = new Past(t)
  const word = { id: X, sni: 'x.example', startMs: JUNE - 1000 }
  const early = past.capture([{ ...word, ms: JUNE, upload: 100 }])
  const late = past.capture([{ ...word, ms: JUNE + 10 * MINUTE, upload: 150, final: true }])
  await past.replay(early, late)
  await past.replay(early)
  await past.replay(past.capture(eightDays(JUNE, 11)))
  await assert.rejects(past.replay(late), { code: 'capture_forgotten' })
  assert.deepEqual(past.totals(), [
    ['x.example', 150, 1],
    ['y.example', 10 + 8 * 1440 - 1, 1],
  ])
})

// The budget of a day was spent with the names of the days after it.
it('a day that is replayed late has its own name budget', async (t) => {
  const past = new Past(t, { perWorkloadPerDay: 2, perDay: 2 })
  const word = (id: string, sni: string, ms: number): Word => {
    return { ms, id, sni, startMs: ms - 1000, upload: 10, final: true }
  }
  await past.replay(
    past.capture([word(X, 'b.example', JUNE + DAY), word(Y, 'c.example', JUNE + DAY)]),
  )
  await past.replay(past.capture([word(Z, 'a.example', JUNE)]))
  assert.deepEqual(past.totals(), [
    ['a.example', 10, 1],
    ['b.example', 10, 1],
    ['c.example', 10, 1],
  ])
})
