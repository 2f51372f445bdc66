import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { readIdentifier } from '../../src/attribution/node-identity.ts'
import { CaptureFile } from '../../src/recording/capture-file.ts'
import { CaptureWriter, type CaptureWriterConfig } from '../../src/recording/capture-writer.ts'
import { Metrics } from '../../src/telemetry/registry.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'
import { memoryLogger } from '../telemetry/memory-logger.ts'
import { capturesIn, recordsOf } from './capture-fixture.ts'

const AT = Date.UTC(2026, 10, 24, 18)

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1')

/** A length-delimited field of a message. */
function field(number: number, content: string): string {
  assert.ok(content.length < 128)
  return String.fromCharCode(number * 8 + 2, content.length) + content
}

/** A message with log entries (of nothing but a text). */
const logs = (content: string): string => field(3, content)

function startWriter(t: TestContext, config: Partial<CaptureWriterConfig> = {}) {
  const directory = join(temporaryFolder(t), 'captures')
  const logger = memoryLogger()
  const metrics = new Metrics({ process: false })
  const writer = new CaptureWriter(
    { directory, maxFileBytes: 1_000_000, maxFiles: 100, ...config },
    { logger, metrics },
  )
  t.after(() => writer.stop())
  return {
    directory,
    logger,
    writer,
    /** Records a text; with `recorded`, as a message that brought an identifier. */
    write: (stream: number, atMs: number, message: string, recorded?: string): void => {
      if (recorded !== undefined) writer.identifier(stream, latin1(recorded))
      const range = recorded === undefined ? undefined : { start: 2, end: 8 }
      writer.write(stream, AT + atMs, latin1(message), range)
    },
    metric: async (name: string): Promise<number> => {
      const line = (await metrics.text()).split('\n').find((one) => one.startsWith(`${name} `))
      return Number(line?.slice(name.length))
    },
  }
}

test('a message is recorded with the recorded identifier in the place of its own', async (t) => {
  const { writer, directory, write } = startWriter(t)
  write(1, 0, field(1, 'secret') + logs('a'), field(1, 'public'))
  write(1, 5, logs('b'))
  write(2, 6, logs('c'))
  await writer.stop()
  const [path = '', ...more] = capturesIn(directory)
  assert.deepEqual(more, [])
  assert.equal(basename(path), 'snimeter-20261124T180000.000Z-000001.alscap')
  assert.deepEqual(recordsOf(path), [
    [1, AT, field(1, 'public') + logs('a')],
    [1, AT + 5, logs('b')],
    [2, AT + 6, logs('c')],
  ])
  assert.ok(!readFileSync(path).includes('secret'))
  assert.equal(statSync(path).mode & 0o777, 0o640)
})

test('every file begins with the identifiers of living streams and can be read alone', async (t) => {
  const { writer, directory, write } = startWriter(t, { maxFileBytes: 200 })
  for (const stream of [1, 2, 3]) {
    write(stream, stream, field(1, 'secret') + logs('hello'), field(1, `node ${stream}`))
  }
  writer.end(2)
  for (let i = 0; i < 6; i++) write(1, 10 + i, logs('x'.repeat(50)))
  await writer.stop()
  const files = capturesIn(directory).map(recordsOf)
  assert.equal(files.length, 3)
  const [, second, third] = files
  for (const file of [second, third]) {
    const atMs = file?.[0]?.[1] ?? 0
    assert.deepEqual(file?.slice(0, 3), [
      [1, atMs, field(1, 'node 1')],
      [3, atMs, field(1, 'node 3')],
      [1, atMs, logs('x'.repeat(50))],
    ])
  }
  // Nothing is lost between files.
  const messages = files.flat().filter(([, , message]) => message.includes('xxx'))
  assert.deepEqual(
    messages.map(([, atMs]) => atMs - AT),
    [10, 11, 12, 13, 14, 15],
  )
})

test('a stream that says anew who it is with the first message of a file is not told twice', async (t) => {
  const { writer, directory, write } = startWriter(t, { maxFileBytes: 50 })
  write(1, 0, field(1, 'secret') + logs('x'.repeat(50)), field(1, 'old'))
  write(1, 1, field(1, 'secret') + logs('y'), field(1, 'new'))
  await writer.stop()
  assert.deepEqual(recordsOf(capturesIn(directory)[1] ?? ''), [
    [1, AT + 1, field(1, 'new') + logs('y')],
  ])
})

test('an identifier that could not be read is recorded as one that cannot', async (t) => {
  const { writer, directory, write } = startWriter(t)
  write(1, 0, field(1, 'secret') + logs('a'), field(1, 'known'))
  writer.write(1, AT + 1, latin1(field(1, 'broken') + logs('b')), { start: 2, end: 8 })
  await writer.stop()
  const message = recordsOf(capturesIn(directory)[0] ?? '')[1]?.[2]
  assert.equal(message, `\x0a\x01\xff${logs('b')}`)
  assert.equal(readIdentifier(latin1('\xff')), undefined)
})

test('the oldest captures of the folder are deleted beyond the number that is kept', async (t) => {
  const { writer, directory, write } = startWriter(t, { maxFileBytes: 40, maxFiles: 3 })
  mkdirSync(directory, { recursive: true })
  writeFileSync(join(directory, 'snimeter-20200101T000000.000Z-000009.alscap'), '')
  writeFileSync(join(directory, 'mine.alscap'), '')
  for (let i = 0; i < 10; i++) write(1, i * 1000, logs('x'.repeat(50)))
  await writer.stop()
  assert.deepEqual(
    capturesIn(directory).map((path) => basename(path)),
    [
      'mine.alscap',
      'snimeter-20261124T180007.000Z-000008.alscap',
      'snimeter-20261124T180008.000Z-000009.alscap',
      'snimeter-20261124T180009.000Z-000010.alscap',
    ],
  )
})

test('many streams cannot make files of nothing but identifiers', async (t) => {
  const { writer, directory, write } = startWriter(t, { maxFileBytes: 100 })
  for (let stream = 1; stream <= 100; stream++) {
    write(stream, 0, field(1, 'secret') + logs('m'), field(1, 'n'.repeat(100)))
  }
  for (let i = 1; i <= 1000; i++) write(1, i, logs('m'.repeat(20)))
  await writer.stop()
  const bytes = capturesIn(directory).reduce((sum, path) => sum + statSync(path).size, 0)
  assert.ok(bytes < 3 * (100 * 230 + 1000 * 60), `${bytes} bytes for 1,100 messages`)
})

test('messages larger than the buffer are whole and in order', async (t) => {
  const { writer, directory } = startWriter(t, { maxFileBytes: 100_000_000 })
  // tcp_logs of 3 MiB, its length as a varint.
  const content = Buffer.alloc(3 * 1024 * 1024, 'x')
  const large = Buffer.concat([Buffer.of(0x1a, 0x80, 0x80, 0xc0, 0x01), content])
  writer.write(1, AT, latin1(logs('before')))
  writer.write(1, AT + 1, large)
  writer.write(1, AT + 2, latin1(logs('after')))
  await writer.stop()
  assert.deepEqual(recordsOf(capturesIn(directory)[0] ?? ''), [
    [1, AT, logs('before')],
    [1, AT + 1, large.toString('latin1')],
    [1, AT + 2, logs('after')],
  ])
})

test('when the disk fails messages are dropped and counted, and it is tried again later', async (t) => {
  const { writer, directory, logger, write, metric } = startWriter(t)
  // A file where the folder should be.
  writeFileSync(directory, '')
  write(1, 0, field(1, 'secret') + logs('a'), field(1, 'node'))
  write(1, 1000, logs('b'))
  assert.equal(await metric('snimeter_recording_messages_total'), 2)
  assert.equal(await metric('snimeter_recording_messages_dropped_total'), 2)
  assert.equal(await metric('snimeter_recording_failures_total'), 1)
  assert.deepEqual(
    logger.lines.map(({ message }) => message),
    ['cannot record; messages are counted all the same'],
  )
  rmSync(directory)
  write(1, 9999, logs('c'))
  assert.equal(await metric('snimeter_recording_messages_dropped_total'), 3)
  write(1, 10_000, logs('d'))
  await writer.stop()
  assert.equal(await metric('snimeter_recording_messages_dropped_total'), 3)
  assert.deepEqual(recordsOf(capturesIn(directory)[0] ?? ''), [
    [1, AT + 10_000, field(1, 'node')],
    [1, AT + 10_000, logs('d')],
  ])
})

test('a folder that cannot be written is refused at start', async (t) => {
  const { writer, directory } = startWriter(t)
  writeFileSync(directory, '')
  await assert.rejects(writer.start(), {
    code: 'record_directory',
    message: new RegExp(`^cannot record to ${directory}: EEXIST`),
  })
})

test('a file never overwrites another, and a closed one is not closed again', (t) => {
  const path = join(temporaryFolder(t), 'x')
  const file = new CaptureFile(path)
  assert.throws(() => new CaptureFile(path), { code: 'EEXIST' })
  file.append(1, AT, [latin1('a'), latin1('b')])
  assert.equal(file.buffered, 1)
  file.close()
  assert.equal(file.buffered, 0)
  file.abandon()
  assert.deepEqual(recordsOf(path), [[1, AT, 'ab']])
})
