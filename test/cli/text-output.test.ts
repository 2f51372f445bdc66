import assert from 'node:assert/strict'
import { test } from 'node:test'
import { groupedCount, humanBytes, humanDuration, humanRate } from '../../src/cli/amount.ts'
import { csvLine } from '../../src/cli/csv.ts'
import { printable, printableJson } from '../../src/cli/printable.ts'
import { type RowsOptions, renderRows } from '../../src/cli/rows.ts'
import { tableLines } from '../../src/cli/table.ts'

const ESC = '\u001b'

test('bytes for people are rounded down, never up, at every size up to 2^63-1', () => {
  const shown: [bigint, string][] = [
    [0n, '0 B'],
    [1023n, '1023 B'],
    [1024n, '1.0 KiB'],
    [1_048_575n, '1023 KiB'],
    [1_288_490_188n, '1.1 GiB'],
    [1_288_490_189n, '1.2 GiB'],
    [2n ** 63n - 1n, '7.9 EiB'],
  ]
  for (const [bytes, text] of shown) assert.equal(humanBytes(bytes), text)
  for (const [bytes, text] of [
    [999n, '999 B'],
    [1000n, '1.0 kB'],
    [1024n, '1.0 kB'],
    [1_299_999_999n, '1.2 GB'],
    [2n ** 63n - 1n, '9.2 EB'],
  ] as const) {
    assert.equal(humanBytes(bytes, 'GB'), text)
  }
  assert.equal(humanRate(1536.4), '1.5 KiB/s')
  assert.equal(humanRate(undefined), '')
  assert.equal(groupedCount(9_223_372_036_854_775_807n), '9,223,372,036,854,775,807')
  assert.equal(groupedCount(123n), '123')
})

test('durations for people have two units at most', () => {
  assert.equal(humanDuration(0), '0s')
  assert.equal(humanDuration(61_000), '1m 1s')
  assert.equal(humanDuration(3_600_000), '1h')
  assert.equal(humanDuration(277_261_000), '3d 5h')
})

test('nothing that moves a cursor or turns text around is printable', () => {
  assert.equal(
    printable(`a${ESC}[2Jb\r\n\u0085\u202e\u2028`),
    'a\\u{1b}[2Jb\\u{d}\\u{a}\\u{85}\\u{202e}\\u{2028}',
  )
  assert.equal(printable('bücher.example 日本'), 'bücher.example 日本')
  assert.equal(printable('\ud800'), '\\u{d800}')
})

test('JSON for a terminal is the same value to every reader', () => {
  const value = [{ name: `${ESC}\u009b\u202e\u{e0001}\n"\\`, count: '1' }]
  const text = printableJson(value, 2)
  assert.deepEqual(JSON.parse(text), value)
  assert.match(text, /^[ -~\n]*$/)
})

const columns = [
  { title: 'SNI', align: 'left' },
  { title: 'UPLOAD', align: 'right' },
] as const

test('a table aligns numbers right and shows sums under a line', () => {
  const table = {
    columns,
    rows: [
      ['a.example', '5 B'],
      ['b', '1.0 KiB'],
    ],
    footers: [['2 rows', '1.0 KiB']],
  }
  assert.deepEqual(tableLines(table), [
    'SNI         UPLOAD',
    'a.example      5 B',
    'b          1.0 KiB',
    '─────────  ───────',
    '2 rows     1.0 KiB',
  ])
})

test('a table that is too wide cuts the widest text and never a number', () => {
  const lines = tableLines({ columns, rows: [['a-very-long-name.example', '123 GiB']] }, 24)
  assert.deepEqual(lines, ['SNI               UPLOAD', 'a-very-…example  123 GiB'])
  assert.ok(
    tableLines({ columns, rows: [[`${ESC}[31m`, '1']] }).every((line) => !line.includes(ESC)),
  )
})

test('CSV quotes as RFC 4180 says, keeps counts exact and disarms formulas', () => {
  assert.equal(
    csvLine(['a,b', 'say "hi"', 9_223_372_036_854_775_807n]),
    '"a,b","say ""hi""",9223372036854775807\n',
  )
  assert.equal(csvLine(['=1+1', '+x', '-x', '@x', '\tx']), "'=1+1,'+x,'-x,'@x,'\\u{9}x\n")
  // Full-width and small signs, a mathematical minus, white space before them; not within a text.
  for (const sign of '\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b\u207a\u208b\u2212=+-@') {
    assert.equal(csvLine([`${sign}1+1`]), `'${sign}1+1\n`)
    assert.equal(csvLine([` \u3000${sign}1`]), `' \u3000${sign}1\n`)
    assert.equal(csvLine([`a${sign}1`]), `a${sign}1\n`)
  }
  for (const dropped of ['\r', '\n', '\0']) {
    const code = dropped.codePointAt(0)?.toString(16)
    assert.equal(csvLine([`${dropped}=1`]), `'\\u{${code}}=1\n`)
  }
  assert.equal(csvLine(['a;=1', 'b']), '"a;=1",b\n')
  assert.equal(csvLine([`${ESC}[2J\n`]), '\\u{1b}[2J\\u{a}\n')
})

test('rows are rendered exactly as CSV and JSON, for people as a table, and when there are none', () => {
  const data = {
    columns: ['sni', 'upload_bytes', 'download_bytes', 'connections'],
    rows: [
      ['a.example', 9_007_199_254_740_993n, 0n, 1234n],
      ['b.example', 1n, 2n, 1n],
    ],
  }
  const render = (options: Partial<RowsOptions>, rows = data) =>
    [
      ...renderRows(rows, {
        format: 'table',
        exact: false,
        width: undefined,
        sums: true,
        ...options,
      }),
    ].join('')
  assert.equal(
    render({ format: 'csv' }),
    'sni,upload_bytes,download_bytes,connections\na.example,9007199254740993,0,1234\nb.example,1,2,1\n',
  )
  assert.deepEqual(JSON.parse(render({ format: 'json' })), [
    {
      sni: 'a.example',
      upload_bytes: '9007199254740993',
      download_bytes: '0',
      connections: '1234',
    },
    { sni: 'b.example', upload_bytes: '1', download_bytes: '2', connections: '1' },
  ])
  assert.equal(
    render({}),
    [
      'SNI         UPLOAD  DOWNLOAD  CONNECTIONS',
      'a.example  8.0 PiB       0 B        1,234',
      'b.example      1 B       2 B            1',
      '─────────  ───────  ────────  ───────────',
      '2 rows     8.0 PiB       2 B        1,235',
      '',
    ].join('\n'),
  )
  assert.match(render({ exact: true }), /2 rows +9,007,199,254,740,994 +2 +1,235\n$/)
  const none = { columns: data.columns, rows: [] }
  assert.equal(render({}, none), 'SNI  UPLOAD  DOWNLOAD  CONNECTIONS\n')
  assert.equal(render({ format: 'csv' }, none), 'sni,upload_bytes,download_bytes,connections\n')
  assert.equal(render({ format: 'json' }, none), '[]\n')
})
