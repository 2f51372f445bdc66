import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ConnectionState } from '../../src/model/connection.ts'
import { SampleBatch } from '../../src/model/sample.ts'
import { LedgerFixture, NOON, SIDECAR } from '../ledger/ledger-fixture.ts'

const PERIODIC = 2
const END = 3
const SECOND = 1000
const MINUTE = 60_000
const CONNECTIONS = 35_000
/** Rows that a second may add to a cut for silence, and take out of memory for age. */
const MOST = 10_000

/** Reports of connections `from` … `to`, without the fixture's look at the time for each. */
function report(f: LedgerFixture, type: number, at: number, upload: number, from = 1): void {
  f.pass(at)
  const batch = new SampleBatch(1)
  for (let id = from; id <= CONNECTIONS; id++) {
    f.write(batch, { id, type, upload, start: 500, at })
    f.ledger.apply(batch, SIDECAR, NOON + at)
  }
}

function filled(): LedgerFixture {
  const f = new LedgerFixture({ maxConnections: 2 * CONNECTIONS })
  report(f, PERIODIC, SECOND, 5)
  f.commit()
  return f
}

// Half a million connections that fell silent together were orphaned in one turn of the receiving thread, and
// were one cut of 444 ms.
describe('connections that fall silent together', () => {
  it('are orphaned a part per second, each once, and never before their time', () => {
    const f = filled()
    f.pass(5 * MINUTE)
    assert.equal(f.commit().count, 0)
    const parts: number[] = []
    let at = 5 * MINUTE
    for (let left = CONNECTIONS; left > 0; at += SECOND) {
      f.pass(at + SECOND)
      const { count, state } = f.commit()
      assert.ok(count <= MOST, `${count} rows in a cut`)
      assert.ok(state.every((value) => value === ConnectionState.orphaned))
      if (count > 0) parts.push(count)
      left -= count
      assert.ok(at < 6 * MINUTE, `${left} are left`)
    }
    assert.deepEqual(parts, [10_000, 10_000, 10_000, 5000])
    assert.equal(f.ledger.living, CONNECTIONS)
  })

  it('count every byte when some report in the middle of that', () => {
    const f = filled()
    f.pass(5 * MINUTE + 2 * SECOND)
    while (f.commit().count === 0) f.pass((f.clock.newestMs ?? 0) - NOON + SECOND)
    // Some of these are orphaned by now, some are not.
    report(f, PERIODIC, f.clock.newestMs - NOON + SECOND, 8, CONNECTIONS / 7)
    const reporting = CONNECTIONS - CONNECTIONS / 7 + 1
    for (let seconds = 0; seconds < 20; seconds++) f.pass(f.clock.newestMs - NOON + SECOND)
    const { state } = f.commit()
    const open = state.filter((value) => value === ConnectionState.open).length
    assert.equal(open, reporting)
    report(f, END, f.clock.newestMs - NOON + SECOND, 9)
    assert.deepEqual(f.totals(), {
      upload: 9 * CONNECTIONS,
      download: 0,
      opened: CONNECTIONS,
      closed: CONNECTIONS,
    })
  })

  for (const [name, type] of [
    ['orphans', PERIODIC],
    ['tombstones', END],
  ] as const) {
    it(`leave memory a part per second as well (${name})`, () => {
      const f = filled()
      report(f, type, 2 * SECOND, 6)
      let at = 2 * SECOND
      let size = CONNECTIONS
      while (f.ledger.table.size > 0) {
        at += SECOND
        f.pass(at)
        f.commit()
        assert.ok(size - f.ledger.table.size <= MOST)
        size = f.ledger.table.size
        assert.ok(at < 18 * MINUTE, `${size} are left`)
      }
      // The file is asked about what has left.
      report(f, END, at + SECOND, 7, CONNECTIONS)
      assert.equal(f.held.size, 1)
    })
  }
})
