import assert from 'node:assert/strict'
import { it } from 'node:test'
import { LedgerFixture } from '../ledger/ledger-fixture.ts'

// An equal sample was taken for an idle connection even when it was the same word again: after a
// second replay, or with two loggers, no orphan had a lost tail.
it('a copy of the last word does not take the estimate of a lost tail away', () => {
  const f = new LedgerFixture({ flushIntervalMs: 30_000 })
  const word = { type: 2, upload: 6000, start: 0, at: 60_000 }
  f.hear(word)
  f.hear(word)
  f.pass(10 * 60_000)
  assert.deepEqual([...f.commit().lost], [3000])
})
