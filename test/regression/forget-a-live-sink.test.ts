import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { parseCsv, runCommand } from '../helpers/command.ts'
import { OutboxFile } from '../store/outbox-fixture.ts'

const LOSS = `sink 'kafka' loses:
  1 events that wait for it, 1 parked ones, 1 late changes
  its position: windows before 2026-11-24T12:02:00Z are published
  the revisions of its events: its last window is 2026-11-24T12:01:00Z; republish cannot send them again
`

/** A sink with one event that waits, one parked and one late change, and another with one event. */
function liveFile(): OutboxFile {
  const file = new OutboxFile({ sinks: ['kafka', 'files'] })
  file.commit(0, [
    { window: 0, upload: 5 },
    { window: 1, upload: 7 },
  ])
  file.commit(4)
  file.writer.park('kafka', [{ sequence: 1, reason: 'message_too_large', message: '' }])
  file.writer.acknowledge('files', [1])
  file.commit(4, [{ window: 0, upload: 1 }])
  file.writer.close()
  return file
}

test('without a configuration no sink is called unconfigured, and none is forgotten by one command', async (t) => {
  const file = liveFile()
  t.after(() => file.remove())
  const configuration = join(file.folder, 'snimeter.yaml')
  writeFileSync(configuration, 'kafka:\n  brokers: [127.0.0.1:1]\n')
  const sinks = (args: readonly string[], env: Record<string, string> = {}) =>
    runCommand(['sinks', '--db', file.path, ...args], env)
  const configured = async (args: readonly string[], env: Record<string, string> = {}) => {
    const { stdout } = await sinks(['--format', 'csv', ...args], env)
    return parseCsv(stdout).map(({ sink, configured: state }) => `${sink} ${state}`)
  }

  // Variables about other things say nothing about sinks.
  const others = { SNIMETER_STORE_PATH: file.path, SNIMETER_KAFKA_TOPIC: 'usage' }
  for (const env of [{}, others]) {
    assert.deepEqual(await configured([], env), ['files unknown', 'kafka unknown'])
    const refused = await sinks(['forget', 'kafka'], env)
    assert.equal(
      refused.stderr,
      `${LOSS}snimeter: without the configuration of serve it is not known whether 'kafka' is in use: give --config, or add --yes\n`,
    )
    assert.equal(refused.code, 2)
    // That the loss is accepted does not say that the sink is not in use.
    assert.equal((await sinks(['forget', 'kafka', '--discard'], env)).code, 2)
  }
  assert.deepEqual(await configured(['--config', configuration]), ['files no', 'kafka yes'])
  assert.deepEqual(await configured([], { SNIMETER_CONFIG: configuration }), [
    'files no',
    'kafka yes',
  ])
  assert.deepEqual(await configured([], { SNIMETER_FILES_DIRECTORY: file.folder }), [
    'files yes',
    'kafka no',
  ])

  // A configured sink is kept whatever is added.
  const kept = await sinks(['forget', 'kafka', '--yes', '--discard', '--config', configuration])
  assert.deepEqual(
    [kept.code, kept.stderr],
    [1, "snimeter: sink 'kafka' is configured; remove it there first\n"],
  )
  assert.deepEqual(await configured([]), ['files unknown', 'kafka unknown'])

  const forgotten = await sinks(['forget', 'kafka', '--yes'])
  assert.deepEqual([forgotten.code, forgotten.stderr], [0, `${LOSS}sink 'kafka' is forgotten\n`])
  assert.deepEqual(await configured([]), ['files unknown'])
})
