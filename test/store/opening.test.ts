import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  copyFileSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import Database from 'better-sqlite3'
import { makeBatch, NOON } from './batch-fixture.ts'
import { folder, makeStore, newPath, withStore } from './store-fixture.ts'

describe('opening', () => {
  it('remembers the clocks and the last sequence number, which never go back', async () => {
    const path = newPath()
    await withStore(makeStore(path), async (store) => {
      const clock = { ledgerMs: 500, newestMs: NOON, minutesFromMs: 60_000, newestStartMs: 7 }
      await store.commit(makeBatch({ sequence: 4, clock }))
      await store.commit(makeBatch({ sequence: 5, clock: { newestMs: NOON - 1 } }))
    })
    const store = makeStore(path)
    const opening = await store.open(NOON)
    await store.stop()
    assert.equal(opening.lastSequence, 5)
    assert.deepEqual(opening.clock, {
      ledgerMs: 500,
      newestMs: NOON,
      minutesFromMs: 60_000,
      newestStartMs: 7,
      farStarts: undefined,
      eraFromMs: 0,
    })
    assert.deepEqual(opening.windowLengths, [{ fromMs: 0, seconds: 60 }])
  })

  it('lets another window length begin at the next UTC midnight, and takes it back', async () => {
    const path = newPath()
    await withStore(makeStore(path), (store) => store.commit(makeBatch({ sequence: 1 })))
    const midnight = Date.UTC(2026, 10, 25)
    for (const [config, expected] of [
      [
        { windowSeconds: 300 },
        [
          { fromMs: 0, seconds: 60 },
          { fromMs: midnight, seconds: 300 },
        ],
      ],
      [
        { windowSeconds: 900, changeWindows: false },
        [
          { fromMs: 0, seconds: 60 },
          { fromMs: midnight, seconds: 300 },
        ],
      ],
      [{ windowSeconds: 60 }, [{ fromMs: 0, seconds: 60 }]],
    ] as const) {
      const store = makeStore(path, config)
      const { windowLengths } = await store.open(NOON)
      await store.stop()
      assert.deepEqual(windowLengths, expected)
    }
  })

  it('refuses a second writer, here and in another process, and lets the next one in', async () => {
    const path = newPath()
    await withStore(makeStore(path), async () => {
      await assert.rejects(makeStore(path).open(NOON), {
        code: 'store_locked',
        message: `${path} is in use by another snimeter (serve or replay); stop it, or use another file`,
      })
      const script = `
        import { Store } from ${JSON.stringify(new URL('../../src/store/store.ts', import.meta.url).href)}
        const config = { path: ${JSON.stringify(path)}, windowSeconds: 60, changeWindows: true, retention: { hoursMs: 1, connectionsMs: 1 } }
        await new Store(config).open(0).catch((error) => { process.exitCode = error.code === 'store_locked' ? 7 : 8 })`
      const child = spawn(process.execPath, ['--input-type=module', '-e', script])
      const [code] = (await once(child, 'exit')) as [number]
      assert.equal(code, 7)
    })
    await withStore(makeStore(path), async () => undefined)
  })

  it('says what is wrong with a file that it cannot use', async () => {
    const garbage = newPath()
    writeFileSync(garbage, 'this is no database, but long enough to be taken for one'.repeat(100))
    await assert.rejects(makeStore(garbage).open(NOON), { code: 'store_corrupt' })

    const foreign = newPath()
    const other = new Database(foreign)
    other.exec('CREATE TABLE t (x)')
    other.close()
    await assert.rejects(makeStore(foreign).open(NOON), { code: 'store_foreign' })

    const newer = newPath()
    await withStore(makeStore(newer), async () => undefined)
    const database = new Database(newer)
    database.pragma('user_version = 99')
    database.close()
    await assert.rejects(makeStore(newer).open(NOON), { code: 'store_newer' })

    await assert.rejects(makeStore(join(garbage, 'file.db')).open(NOON), {
      code: 'store_cannot_open',
    })
    await assert.rejects(makeStore(folder).open(NOON), { code: 'store_cannot_open' })
  })

  it('keeps two writers apart whatever they call the file', async () => {
    const path = newPath()
    const link = newPath()
    await withStore(makeStore(path), async () => {
      symlinkSync(path, link)
      await assert.rejects(makeStore(link).open(NOON), { code: 'store_locked' })
    })
    await withStore(makeStore(link), async () => {
      await assert.rejects(makeStore(path).open(NOON), { code: 'store_locked' })
    })
  })

  it('writes nothing to a file that is as it should be', async () => {
    const path = newPath()
    await withStore(makeStore(path), (store) => store.commit(makeBatch({ sequence: 1 })))
    const before = readFileSync(path)
    await withStore(makeStore(path), async () => undefined)
    assert.ok(readFileSync(path).equals(before))
  })

  it('says that a file is damaged when its end is missing', async () => {
    const path = newPath()
    await withStore(makeStore(path), (store) => store.commit(makeBatch({ sequence: 1 })))
    for (const part of [0.9, 0.5, 0.1]) {
      const cut = newPath()
      copyFileSync(path, cut)
      truncateSync(cut, Math.floor((statSync(path).size * part) / 4096) * 4096)
      await assert.rejects(makeStore(cut).open(NOON), { code: 'store_corrupt' })
    }
  })
})
