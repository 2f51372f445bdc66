import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { parseCsv, runCommand } from '../helpers/command.ts'
import { OutboxFile } from '../store/outbox-fixture.ts'

const file = new OutboxFile({ sinks: ['kafka', 'old'] })
file.commit(0, [{ window: 0, upload: 5 }])
file.commit(3)
file.writer.acknowledge('kafka', [1])
file.writer.close()
after(() => file.remove())

const env = { SNIMETER_KAFKA_BROKERS: '127.0.0.1:1' }
const sinks = (...more: string[]) => runCommand(['sinks', '--db', file.path, ...more], env)

const LOSS = `sink 'old' loses:
  1 events that wait for it, 0 parked ones, 0 late changes
  its position: windows before 2026-11-24T12:01:00Z are published
  the revisions of its events: its last window is 2026-11-24T12:00:00Z; republish cannot send them again
`

describe('snimeter sinks', () => {
  it('says what waits for each sink of the file, and which are configured', async () => {
    const { stdout } = await sinks('--format', 'csv')
    assert.deepEqual(
      parseCsv(stdout).map(({ sink, waiting, parked, changed, configured }) => [
        sink,
        waiting,
        parked,
        changed,
        configured,
      ]),
      [
        ['kafka', '0', '0', '0', 'yes'],
        ['old', '1', '0', '0', 'no'],
      ],
    )
  })

  it('forgets one that is not configured, and no other', async () => {
    const configured = await sinks('forget', 'kafka')
    assert.equal(configured.code, 1)
    assert.equal(configured.stderr, "snimeter: sink 'kafka' is configured; remove it there first\n")
    const unknown = await sinks('forget', 'new')
    assert.equal(unknown.stderr, "snimeter: the file knows no sink 'new' (it knows: kafka, old)\n")
    const waits = await sinks('forget', 'old')
    assert.deepEqual(
      [waits.code, waits.stderr],
      [
        1,
        `${LOSS}snimeter: sink 'old' lacks events (waiting; see snimeter sinks): let serve send them first, or add --discard\n`,
      ],
    )
    const forgotten = await sinks('forget', 'old', '--discard')
    assert.deepEqual([forgotten.code, forgotten.stderr], [0, `${LOSS}sink 'old' is forgotten\n`])
    const { stdout } = await sinks('--format', 'csv')
    assert.deepEqual(
      parseCsv(stdout).map(({ sink }) => sink),
      ['kafka'],
    )
  })

  it('makes no file where there is none', async () => {
    const { code, stderr } = await runCommand(['sinks', '--db', `${file.path}.x`, 'forget', 'old'])
    assert.equal(code, 1)
    assert.match(stderr, /no/)
  })
})

describe('snimeter republish', () => {
  it('says which sink is needed, and what the range is', async () => {
    const none = await runCommand(['republish', '--since', '-1h', '--db', file.path])
    assert.equal(none.code, 2)
    assert.equal(
      none.stderr,
      'snimeter: no sink is configured; set kafka.brokers or files.directory\n',
    )
    const order = await runCommand(['republish', '--since', '-1h', '--until', '-2h'], env)
    assert.deepEqual([order.code, order.stderr], [2, 'snimeter: --since is not before --until\n'])
    const other = await runCommand(['republish', '--since', '-1h', '--sink', 'files'], env)
    assert.equal(other.stderr, 'snimeter: --sink files is not configured; use one of kafka\n')
  })

  it('sends events again to files, as they were', async () => {
    const folder = `${file.folder}/events`
    const { code, stderr } = await runCommand(
      [
        'republish',
        '--since',
        '2026-11-24T11:00Z',
        '--until',
        '2026-11-24T13:00Z',
        '--db',
        file.path,
      ],
      { SNIMETER_FILES_DIRECTORY: folder, SNIMETER_FILES_NAME: 'kafka' },
    )
    assert.deepEqual([code, stderr], [0, '1 events were sent again to kafka\n'])
  })
})
