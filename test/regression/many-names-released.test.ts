import assert from 'node:assert/strict'
import { it } from 'node:test'
import { Dictionary } from '../../src/attribution/dictionary.ts'

// Ids came back as arguments of one call: beyond about 125,000 names that threw, at a day's turn.
it('200,000 ids are released and used again', () => {
  const dictionary = new Dictionary<number>()
  for (let i = 0; i < 200_000; i++) dictionary.intern(String(i), i)
  dictionary.takeDefinitions()
  assert.equal(dictionary.sweep(() => false).length, 200_000)
  dictionary.committed()
  assert.ok(dictionary.intern('again', 1) < 200_000)
  assert.equal(dictionary.idsMade, 200_000)
})
