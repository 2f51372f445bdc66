import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { TextInterner } from '../../src/decoder/text-interner.ts'

const intern = (texts: TextInterner, text: string | Uint8Array) => {
  const bytes = typeof text === 'string' ? Buffer.from(text) : text
  return texts.intern(bytes, 0, bytes.length)
}

describe('text interner', () => {
  it('gives equal bytes one id and different bytes different ids', () => {
    const texts = new TextInterner()
    const ids = new Map<string, number>()
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }), (text) => {
        const id = intern(texts, text)
        assert.equal(ids.get(text) ?? id, id)
        ids.set(text, id)
        assert.equal(texts.text(id), text)
      }),
      { numRuns: 2000 },
    )
    assert.equal(new Set(ids.values()).size, ids.size)
    assert.equal(texts.size, ids.size)
  })

  it('reads the range it is given and keeps a copy of its own', () => {
    const texts = new TextInterner()
    const bytes = Buffer.from('xxexample.comxx')
    const id = texts.intern(bytes, 2, 13)
    bytes.fill(0)
    assert.equal(texts.text(id), 'example.com')
    assert.equal(intern(texts, 'example.com'), id)
  })

  it('gives no bytes id 0, which is the empty text', () => {
    const texts = new TextInterner()
    assert.equal(intern(texts, ''), 0)
    assert.equal(texts.text(0), '')
  })

  it('keeps names apart that many names share a table with', () => {
    const texts = new TextInterner()
    const ids = Array.from({ length: 50_000 }, (_, i) => intern(texts, `n${i}.example.com`))
    ids.forEach((id, i) => {
      assert.equal(texts.text(id), `n${i}.example.com`)
      assert.equal(intern(texts, `n${i}.example.com`), id)
    })
  })

  it('replaces what is no UTF-8, and never makes two names read as one', () => {
    const texts = new TextInterner()
    const broken = intern(texts, Uint8Array.of(0x61, 0xff, 0x62))
    assert.equal(texts.text(broken), 'a\ufffdb')
    const marked = intern(texts, Uint8Array.of(0xef, 0xbb, 0xbf, 0x61))
    assert.equal(texts.text(marked), '\ufeffa')
    assert.notEqual(marked, intern(texts, 'a'))
  })

  it('cuts what is too long for any name', () => {
    const texts = new TextInterner()
    const long = intern(texts, 'a'.repeat(16_384))
    assert.equal(texts.text(long), 'a'.repeat(512))
    assert.equal(intern(texts, `${'a'.repeat(512)}b`), long)
  })

  it('is emptied, as a new epoch, only when it is over a cap', () => {
    const texts = new TextInterner()
    for (let i = 0; i < 65_535; i++) intern(texts, `n${i}`)
    assert.equal(texts.resetIfFull(), false)
    assert.equal(texts.epoch, 0)
    const last = intern(texts, 'last')
    assert.equal(intern(texts, 'one more'), last + 1)
    assert.equal(texts.resetIfFull(), true)
    assert.equal(texts.epoch, 1)
    assert.equal(texts.size, 0)
    assert.equal(intern(texts, 'n7'), 1)
    assert.equal(texts.text(1), 'n7')
  })

  it('is emptied when its bytes are over their cap, too', () => {
    const texts = new TextInterner()
    const padding = 'x'.repeat(500)
    for (let i = 0; i < 32_000; i++) intern(texts, `${i}${padding}`)
    assert.equal(texts.resetIfFull(), false)
    for (let i = 32_000; i < 34_000; i++) intern(texts, `${i}${padding}`)
    assert.equal(texts.resetIfFull(), true)
  })
})
