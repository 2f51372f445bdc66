import assert from 'node:assert/strict'
import { statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { RECORD_HEADER_BYTES } from '../../src/recording/capture-format.ts'
import { firstArrival, mergeCaptures, readCapture } from '../../src/recording/capture-reader.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'
import { captureBytes, type PlainRecord, recordsOf, writeCapture } from './capture-fixture.ts'

const AT = Date.UTC(2026, 10, 24, 18)

/** Reads on to the end and gives what the generator returned. */
function endOf<End>(records: Generator<unknown, End>): End {
  for (;;) {
    const next = records.next()
    if (next.done === true) return next.value
  }
}

const merged = (paths: readonly string[]): PlainRecord[] =>
  Array.from(mergeCaptures(paths), ({ stream, arrivalMs, message }) => [
    stream,
    arrivalMs,
    Buffer.from(message).toString('latin1'),
  ])

test('records come back as they were written, to the millisecond', (t) => {
  const folder = temporaryFolder(t)
  let files = 0
  const record = fc.tuple(
    fc.integer({ min: 1, max: 0xffff_ffff }),
    fc.integer({ min: 0, max: 253_402_300_799_000 }),
    fc.string({ unit: fc.constantFrom('a', '\0', '\xff'), maxLength: 40 }),
  )
  fc.assert(
    fc.property(fc.array(record, { maxLength: 20 }), (records) => {
      const path = writeCapture(join(folder, String(++files)), records)
      assert.deepEqual(recordsOf(path), records)
    }),
  )
})

test('messages larger than a chunk and records across its edge are whole', (t) => {
  const records = Array.from(
    { length: 40 },
    (_, i): PlainRecord => [i + 1, AT + i, String(i % 10).repeat(i === 20 ? 1_000_000 : 30_011)],
  )
  const path = writeCapture(join(temporaryFolder(t), 'x'), records)
  assert.deepEqual(recordsOf(path), records)
})

test('real captures are read to their last byte', () => {
  const path = fileURLToPath(
    new URL('../fixtures/captures/1.40.0/all-types.alscap', import.meta.url),
  )
  let bytes = 0
  const records = readCapture(path)
  let next = records.next()
  for (; next.done !== true; next = records.next()) {
    bytes += RECORD_HEADER_BYTES + next.value.message.length
  }
  assert.deepEqual(next.value, { truncated: false })
  assert.equal(bytes, statSync(path).size)
})

test('a tail that is cut anywhere ends the capture and says so', (t) => {
  const folder = temporaryFolder(t)
  const bytes = captureBytes([
    [1, AT, 'first'],
    [2, AT + 1, 'second'],
  ])
  const whole = RECORD_HEADER_BYTES + 5
  for (let length = 0; length <= bytes.length; length++) {
    const path = join(folder, String(length))
    writeFileSync(path, bytes.subarray(0, length))
    const expected = length < whole ? 0 : length < bytes.length ? 1 : 2
    assert.equal(recordsOf(path).length, expected)
    const atEdge = length === 0 || length === whole || length === bytes.length
    assert.deepEqual(endOf(readCapture(path)), { truncated: !atEdge })
  }
})

test('blocks of zeros after a power cut are a cut tail', (t) => {
  const path = join(temporaryFolder(t), 'x')
  writeFileSync(path, Buffer.concat([captureBytes([[1, AT, 'first']]), Buffer.alloc(4096)]))
  assert.deepEqual(recordsOf(path), [[1, AT, 'first']])
  assert.deepEqual(endOf(readCapture(path)), { truncated: true })
})

test('nonsense is refused with where it is', (t) => {
  const folder = temporaryFolder(t)
  const first = captureBytes([[1, AT, 'first']])
  const other = (stream: number, seconds: number, length: number): Buffer => {
    const bytes = Buffer.alloc(RECORD_HEADER_BYTES)
    bytes.writeUInt32LE(stream, 0)
    bytes.writeDoubleLE(seconds, 4)
    bytes.writeUInt32LE(length, 12)
    return bytes
  }
  for (const [name, bytes] of Object.entries({
    'no stream': other(0, AT / 1000, 5),
    'not a number': other(1, Number.NaN, 5),
    'before 1970': other(1, -1, 5),
    'after 9999': other(1, 1e12, 5),
    'a length beyond every limit': other(1, AT / 1000, 0x7fff_ffff),
    text: Buffer.from('a text that is no capture at all'),
  })) {
    const path = join(folder, name)
    writeFileSync(path, Buffer.concat([first, bytes]))
    assert.throws(() => recordsOf(path), {
      code: 'bad_capture',
      message: `${path} is no capture: nonsense at byte ${first.length}`,
    })
  }
})

test('a length that the file does not have is a cut tail and takes no memory', (t) => {
  const path = join(temporaryFolder(t), 'x')
  const bytes = captureBytes([[1, AT, 'first']])
  bytes.writeUInt32LE(2 ** 30, 12)
  writeFileSync(path, bytes)
  assert.deepEqual(endOf(readCapture(path)), { truncated: true })
})

test('a capture that is not there is refused by its name', () => {
  assert.throws(() => recordsOf('/none/such.alscap'), {
    code: 'no_capture',
    message: /^\/none\/such\.alscap cannot be read: ENOENT/,
  })
  assert.throws(() => mergeCaptures(['/none/such.alscap']).next(), { code: 'no_capture' })
})

test('the first arrival tells when a capture begins', (t) => {
  const folder = temporaryFolder(t)
  assert.equal(firstArrival(writeCapture(join(folder, 'a'), [[1, AT, 'x']])), AT)
  assert.equal(firstArrival(writeCapture(join(folder, 'b'), [])), undefined)
})

test('captures are merged by arrival, one moment in the order of the paths, streams apart', (t) => {
  const folder = temporaryFolder(t)
  const a = writeCapture(join(folder, 'a'), [
    [1, AT, 'a1'],
    [2, AT + 5, 'a2'],
    [1, AT + 5, 'a3'],
  ])
  const b = writeCapture(join(folder, 'b'), [
    [1, AT + 5, 'b1'],
    [1, AT + 6, 'b2'],
  ])
  const early = writeCapture(join(folder, 'early'), [[7, AT - 1, 'e1']])
  const empty = writeCapture(join(folder, 'empty'), [])
  assert.deepEqual(merged([b, empty, a, early]), [
    [1, AT - 1, 'e1'],
    [2, AT, 'a1'],
    [3, AT + 5, 'b1'],
    [4, AT + 5, 'a2'],
    [2, AT + 5, 'a3'],
    [3, AT + 6, 'b2'],
  ])
})

test('a merge names the captures that end in the middle of a record', (t) => {
  const folder = temporaryFolder(t)
  const whole = writeCapture(join(folder, 'whole'), [[1, AT, 'x']])
  const cut = join(folder, 'cut')
  writeFileSync(cut, captureBytes([[1, AT, 'y']]).subarray(0, 16))
  assert.deepEqual(endOf(mergeCaptures([whole, cut])), { truncated: [cut] })
})

test('a merge of any captures is all their records, sorted by arrival, stable', (t) => {
  const folder = temporaryFolder(t)
  const capture = fc
    .array(fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 0, max: 20 })), {
      maxLength: 12,
    })
    .map((records) => records.sort((left, right) => left[1] - right[1]))
  let files = 0
  fc.assert(
    fc.property(fc.array(capture, { maxLength: 5 }), (captures) => {
      const all: { arrivalMs: number; text: string }[] = []
      const paths = captures.map((records, file) => {
        const plain = records.map(([stream, arrivalMs], i): PlainRecord => {
          const text = `${file}/${stream}/${i}`
          all.push({ arrivalMs, text })
          return [stream, arrivalMs, text]
        })
        return writeCapture(join(folder, String(++files)), plain)
      })
      const result = merged(paths)
      assert.deepEqual(
        result.map(([, , text]) => text),
        all.sort((left, right) => left.arrivalMs - right.arrivalMs).map(({ text }) => text),
      )
      // One number for one stream of one capture, and no number for two.
      const numbers = new Map<string, number>()
      for (const [stream, , text] of result) {
        const name = text.replace(/\/\d+$/, '')
        assert.equal(numbers.get(name) ?? stream, stream)
        numbers.set(name, stream)
      }
      assert.equal(new Set(numbers.values()).size, numbers.size)
    }),
    { numRuns: 50 },
  )
})
