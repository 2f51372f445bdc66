import assert from 'node:assert/strict'
import { it } from 'node:test'
import { LedgerFixture, NOON } from '../ledger/ledger-fixture.ts'

// Rows keep whole milliseconds, entries carry microseconds: the newest connection of a file began
// "after" the newest start that the file knew, so it was not looked up, and counted again.
it('a second replay asks the file about the newest connection too, whose start has microseconds', () => {
  const f = new LedgerFixture({}, NOON + 5000)
  f.hear({ type: 3, upload: 100, start: 5000.456, at: 10_000 })
  assert.equal(f.held.size, 1)
  assert.equal(f.totals().upload, 0)
})
