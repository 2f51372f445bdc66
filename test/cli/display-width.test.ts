import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import fc from 'fast-check'
import { cutEnd, cutMiddle, displayWidth } from '../../src/cli/display-width.ts'
import { printable } from '../../src/cli/printable.ts'
import { tableLines } from '../../src/cli/table.ts'

/** Characters of every width: plain, marks, Hangul parts, wide, emoji, flags, halves of pairs. */
const character = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...Array.from('abcdefghijklmnop.-0123456789')) },
  fc.constantFrom(
    ...Array.from(
      'éü日本語한글ｱＡ　\u0301\u20dd\u1100\u1161\u11a8\u0903⌚☕✨❤\ufe0f🎉🌡🇩🇪𠀀\u{1f3fd}',
    ),
  ),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 2 }),
)
const text = fc.array(character, { maxLength: 40 }).map((parts) => printable(parts.join('')))

test('a text is cut in its middle, to both of its ends', () => {
  assert.equal(
    cutMiddle('datasets.oss-cn-shanghai-internal.aliyuncs.com', 24),
    'datasets.oss…liyuncs.com',
  )
  assert.equal(cutMiddle('checkout-7d9f8b6c5d-x2k4p', 12), 'checko…x2k4p')
  assert.equal(cutMiddle('abcdef', 6), 'abcdef')
  assert.equal(cutMiddle('abcdef', 5), 'ab…ef')
  assert.equal(cutMiddle('abcdef', 4), 'ab…f')
  assert.equal(cutMiddle('abcdef', 3), 'a…f')
  assert.equal(cutMiddle('abcdef', 2), 'a…')
  assert.equal(cutMiddle('abcdef', 1), '…')
  assert.equal(cutMiddle('abcdef', 0), '')
  assert.equal(cutMiddle('日本語日本語', 7), '日…本語')
  assert.equal(cutMiddle('ab日本語', 4), 'a…語')
  assert.equal(cutMiddle('日本語', 2), '…')
  assert.equal(cutMiddle('e\u0301bcde\u0301', 3), 'e\u0301…e\u0301')
})

test('a sentence is cut at its end', () => {
  assert.equal(cutEnd('not ready', 6), 'not r…')
  assert.equal(cutEnd('日本語', 4), '日…')
  assert.equal(cutEnd('日本語', 6), '日本語')
  assert.equal(cutEnd('abc', 0), '')
})

test('width counts columns as terminals do', () => {
  for (const [shown, columns] of [
    ['abc', 3],
    ['日本', 4],
    ['e\u0301', 1],
    ['한', 2],
    ['\u1112\u1161\u11ab', 2],
    ['⌚☕', 4],
    ['❤', 1],
    ['❤\ufe0f', 2],
    [' \ufe0f', 1],
    ['\ufe0f', 0],
    ['🎉', 2],
    ['🇩🇪', 2],
    ['ｱ', 1],
    ['Ａ', 2],
    ['\u0915\u0903', 2],
  ] as const) {
    assert.equal(displayWidth(shown), columns, shown)
  }
})

test('a cut text is never wider than it may be, and has both ends of the whole', () => {
  fc.assert(
    fc.property(text, fc.integer({ min: 0, max: 50 }), (whole, width) => {
      const cut = cutMiddle(whole, width)
      const columns = displayWidth(whole)
      if (columns <= width) {
        assert.equal(cut, whole)
        return
      }
      assert.ok(displayWidth(cut) <= width)
      if (width < 1) return
      // At least two wide characters and the dots have room: then both ends are there.
      if (width < 5) return
      const ends = [...cut.matchAll(/…/g)].map(({ index }) => [
        cut.slice(0, index),
        cut.slice(index + 1),
      ])
      assert.ok(
        ends.some(
          ([head = '', tail = '']) =>
            head !== '' && tail !== '' && whole.startsWith(head) && whole.endsWith(tail),
        ),
      )
      // Only a wide character that did not fit leaves a column free.
      assert.ok(displayWidth(cut) >= width - 1)
    }),
    { numRuns: 2000 },
  )
})

const cell = fc.oneof(text, fc.string({ maxLength: 60 }))
const column = fc.record({
  title: fc.constantFrom('SNI', 'WORKLOAD', 'UPLOAD', 'CONNECTION ID'),
  align: fc.constantFrom('left' as const, 'right' as const),
  spare: fc.option(fc.integer({ min: 0, max: 3 }), { nil: undefined }),
})
const table = fc.array(column, { minLength: 1, maxLength: 9 }).chain((columns) =>
  fc.record({
    columns: fc.constant(columns),
    rows: fc.array(fc.array(cell, { minLength: columns.length, maxLength: columns.length }), {
      maxLength: 5,
    }),
    footers: fc.array(fc.array(cell, { minLength: columns.length, maxLength: columns.length }), {
      maxLength: 2,
    }),
  }),
)

test('no line of a table is wider than the terminal, and nothing is cut without one', () => {
  fc.assert(
    fc.property(table, fc.integer({ min: 1, max: 200 }), (any, width) => {
      for (const line of tableLines(any, width)) assert.ok(displayWidth(line) <= width, line)
      const whole = tableLines(any)
      for (const [index, row] of any.rows.entries()) {
        for (const one of row) assert.ok(whole[index + 1]?.includes(printable(one).trimEnd()))
      }
    }),
    { numRuns: 500 },
  )
})

test('spare columns leave first, in their order, before a text is cut; a number is whole or left out', () => {
  const wide = {
    columns: [
      { title: 'STATE', align: 'left', spare: 1 },
      { title: 'POD', align: 'left' },
      { title: 'SNI', align: 'left' },
      { title: 'UPLOAD', align: 'right' },
      { title: 'ID', align: 'left', spare: 0 },
    ],
    rows: [
      [
        'open',
        'checkout-7d9f8b6c5d-x2k4p',
        'photos.oss-cn-shanghai.aliyuncs.com',
        '123 GiB',
        'abcdef',
      ],
    ],
  } as const
  const whole =
    'open   checkout-7d9f8b6c5d-x2k4p  photos.oss-cn-shanghai.aliyuncs.com  123 GiB  abcdef'
  assert.equal(tableLines(wide)[1], whole)
  assert.equal(tableLines(wide, 86)[1], whole)
  assert.deepEqual(tableLines(wide, 85), [
    'STATE  POD                        SNI                                   UPLOAD',
    'open   checkout-7d9f8b6c5d-x2k4p  photos.oss-cn-shanghai.aliyuncs.com  123 GiB',
    '(no room for ID: a wider terminal, or a pipe, has them)',
  ])
  assert.deepEqual(tableLines(wide, 71).slice(0, 2), [
    'POD                        SNI                                   UPLOAD',
    'checkout-7d9f8b6c5d-x2k4p  photos.oss-cn-shanghai.aliyuncs.com  123 GiB',
  ])
  assert.deepEqual(tableLines(wide, 50).slice(0, 2), [
    'POD                  SNI                    UPLOAD',
    'checkout-…c5d-x2k4p  photos.oss…yuncs.com  123 GiB',
  ])
  assert.deepEqual(tableLines(wide, 26).slice(0, 2), [
    'POD           SNI',
    'checko…x2k4p  photos…s.com',
  ])
  assert.deepEqual(tableLines(wide, 5).slice(0, 2), ['POD', 'ch…4p'])
})

/** What the C library says of characters, one number each; undefined where there is none to ask. */
function columnsByTheSystem(characters: readonly string[]): number[] | undefined {
  const program = `
import ctypes, json, sys
libc = ctypes.CDLL('libc.so.6')
libc.setlocale(6, b'C.UTF-8')
libc.wcwidth.argtypes = [ctypes.c_wchar]
print(json.dumps([libc.wcwidth(c) for c in json.load(sys.stdin)]))`
  const input = JSON.stringify(characters)
  const { status, stdout } = spawnSync('python3', ['-c', program], { input, encoding: 'utf8' })
  return status === 0 ? (JSON.parse(stdout) as number[]) : undefined
}

test('no character is wider on a terminal than it is taken for', (t) => {
  const characters = Array.from({ length: 0x32_000 }, (_, code) =>
    String.fromCodePoint(code),
  ).filter((one) => !/[\p{C}\p{Zl}\p{Zp}]/u.test(one))
  const columns = columnsByTheSystem(characters)
  if (columns === undefined) {
    t.skip('needs Python 3 and the C library of GNU')
    return
  }
  const narrower = characters.filter((one, index) => displayWidth(one) < (columns[index] ?? 0))
  assert.deepEqual(narrower, [])
  // Nor narrower, but for some whose width is newer than the system's library.
  const wider = characters.filter((one, index) => {
    const [ours, system = 0] = [displayWidth(one), columns[index]]
    return system >= 0 && ours > system
  })
  assert.ok(wider.length < 200, `${wider.length}`)
})
