import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Dictionary } from '../../src/attribution/dictionary.ts'

describe('session ids', () => {
  it('are dense from the first one, the same for the same key', () => {
    const names = new Dictionary<string>(1)
    assert.deepEqual(
      ['a', 'b', 'a'].map((name) => names.intern(name, name)),
      [1, 2, 1],
    )
    assert.equal(names.size, 2)
    assert.equal(names.value(2), 'b')
    assert.throws(() => names.value(0), RangeError)
  })

  it('are told to the store once', () => {
    const names = new Dictionary<string>()
    names.intern('a', 'A')
    assert.deepEqual(names.takeDefinitions(), [{ id: 0, value: 'A' }])
    names.intern('a', 'A')
    assert.deepEqual(names.takeDefinitions(), [])
  })
})

describe('released ids', () => {
  it('are those that nobody uses, never the reserved first ones', () => {
    const names = new Dictionary<string>(1)
    for (const name of ['a', 'b', 'c']) names.intern(name, name)
    names.takeDefinitions()
    assert.deepEqual(
      names.sweep((id) => id === 2),
      [1, 3],
    )
    assert.deepEqual([names.find('a'), names.find('b'), names.find('c')], [undefined, 2, undefined])
    assert.equal(names.size, 1)
  })

  it('mean nothing else before the batch that released them is in the file', () => {
    const names = new Dictionary<string>()
    names.intern('a', 'a')
    names.takeDefinitions()
    names.sweep(() => false)
    assert.equal(names.intern('b', 'b'), 1)
    names.committed()
    assert.equal(names.intern('c', 'c'), 0)
    assert.deepEqual(names.takeDefinitions(), [
      { id: 1, value: 'b' },
      { id: 0, value: 'c' },
    ])
  })

  it('are free once, however often a batch is acknowledged', () => {
    const names = new Dictionary<string>()
    names.intern('a', 'a')
    names.takeDefinitions()
    names.sweep(() => false)
    names.committed()
    names.committed()
    assert.equal(names.intern('b', 'b'), 0)
    assert.equal(names.intern('c', 'c'), 1)
  })
})
