import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { setInterval as every } from 'node:timers/promises'
import { configuredSinks } from '../../src/fan-out/configured-sinks.ts'
import { FanOut, type FanOutDependencies } from '../../src/fan-out/fan-out.ts'
import type { FanOutConfig } from '../../src/fan-out/messages.ts'
import { sinkNames } from '../../src/fan-out/sink-names.ts'
import { kafkaConfig } from '../kafka/events.ts'
import { OutboxFile } from '../store/outbox-fixture.ts'
import { memoryLogger } from '../telemetry/memory-logger.ts'

function configOf(directory: string, path: string, brokers: readonly string[] = []): FanOutConfig {
  return {
    kafka: { ...kafkaConfig(brokers, 'topic'), name: 'kafka', hoursTopic: '' },
    files: {
      directory,
      name: 'files',
      hours: false,
      maxFileBytes: 2 ** 20,
      maxAgeMs: 3_600_000,
      maxFiles: 100,
    },
    log: { level: 'error', format: 'json' },
    store: { path },
  }
}

/** A file with one event that waits for the sink `files`, and a thread that will carry it there. */
function makeFanOut(t: TestContext, store: Partial<FanOutDependencies['store']> = {}) {
  const file = new OutboxFile({ sinks: ['files'] })
  file.commit(0, [{ window: 0, upload: 5 }])
  file.commit(3)
  const directory = join(file.folder, 'events')
  const path = join(file.folder, 'link.db')
  const logger = memoryLogger()
  const fanOut = new FanOut(configOf(directory, path), {
    logger,
    store: {
      admit: (...asked) => Promise.resolve(file.writer.admit(...asked).admission),
      acknowledge: (...told) => Promise.resolve(file.writer.acknowledge(...told)),
      acknowledgeHours: (...told) => Promise.resolve(file.writer.acknowledgeHours(...told)),
      park: (...told) => Promise.resolve(file.writer.park(...told)),
      retryParked: () => Promise.resolve(file.writer.retryParked()),
      rememberTopic: (...told) => Promise.resolve(file.writer.rememberTopic(...told)),
      ...store,
    },
  })
  t.after(async () => {
    await fanOut.stop(5000)
    file.remove()
  })
  /** Until then the thread cannot open the file, and dies. */
  const link = () => symlinkSync(file.path, path)
  return { file, fanOut, directory, logger, link }
}

/** Looks again and again, also where timers are mocked; a test that waits in vain ends by its time-out. */
async function eventually(condition: () => boolean): Promise<void> {
  for await (const _ of every(10)) if (condition()) return
}

describe('the thread of the sinks', () => {
  it('carries events to their sink, outcomes into the file, and finishes both when it stops', {
    timeout: 60_000,
  }, async (t) => {
    const { file, fanOut, directory, link } = makeFanOut(t)
    link()
    fanOut.start()
    await eventually(() => file.waiting('files').length === 0)
    // The next one follows only where the outcome of the first is known to be kept.
    file.commit(9, [{ window: 6, upload: 7 }])
    await eventually(() => file.waiting('files').length === 0)
    await eventually(() => fanOut.stats['files']?.acknowledged === 2)
    await fanOut.stop(5000)
    const names = readdirSync(directory).filter((name) => name.startsWith('usage-'))
    assert.equal(names.length, 1)
    assert.match(names[0] ?? '', /\.ndjson$/)
    assert.equal(readFileSync(join(directory, names[0] ?? ''), 'utf8').split('\n').length, 3)
    assert.equal(fanOut.restarts, 0)
  })

  it('tells an outcome again that the file did not take', { timeout: 60_000 }, async (t) => {
    let told = 0
    const { file, fanOut, link } = makeFanOut(t, {
      acknowledge: (...outcome) => {
        if (++told === 1) return Promise.reject(new Error('disk full'))
        return Promise.resolve(file.writer.acknowledge(...outcome))
      },
    })
    link()
    fanOut.start()
    await eventually(() => file.waiting('files').length === 0)
    assert.equal(told, 2)
  })

  it('tries at once what waits, when somebody has acted', { timeout: 60_000 }, async (t) => {
    let acted = 0
    const { file, fanOut, directory, link } = makeFanOut(t, {
      retryParked: () => {
        acted++
        return Promise.resolve(file.writer.retryParked())
      },
    })
    link()
    writeFileSync(directory, 'a file where the folder should be')
    fanOut.start()
    // The pause after the sixth attempt is 3.2 s at least, and this is known within a second.
    await eventually(() => (fanOut.stats['files']?.retried ?? 0) >= 6)
    rmSync(directory)
    mkdirSync(directory)
    const startMs = performance.now()
    await fanOut.retryParked()
    await eventually(() => file.waiting('files').length === 0)
    assert.ok(performance.now() - startMs < 3000)
    assert.equal(acted, 1)
  })

  it('is started again five seconds after it has died', { timeout: 60_000 }, async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const { file, fanOut, logger, link } = makeFanOut(t)
    fanOut.start()
    await eventually(() => logger.lines.length === 1)
    link()
    await eventually(() => {
      t.mock.timers.tick(5000)
      return fanOut.restarts === 1
    })
    await eventually(() => file.waiting('files').length === 0)
    assert.deepEqual(
      logger.lines.map(({ level, message }) => [level, message]),
      [['error', 'the fan-out thread has failed; it starts again']],
    )
  })

  it('is not started again once it was stopped', { timeout: 60_000 }, async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    // It dies while it is stopped, or before.
    for (const dead of [false, true]) {
      const { fanOut, logger } = makeFanOut(t)
      fanOut.start()
      if (dead) {
        await eventually(() => logger.lines.length === 1)
        // `exit` comes soon after `error`, and begins the wait for the next start.
        for await (const _ of every(200)) break
      }
      await fanOut.stop(5000)
      t.mock.timers.tick(5000)
      assert.equal(fanOut.restarts, 0)
    }
  })
})

it('the sinks of a configuration have the names under which the file knows them', async () => {
  for (const [brokers, directory, names] of [
    [[], '', []],
    [['127.0.0.1:9'], '', ['kafka']],
    [[], '/events', ['files']],
    [['127.0.0.1:9'], '/events', ['kafka', 'files']],
  ] as const) {
    const config = configOf(directory, '', brokers)
    assert.deepEqual(sinkNames(config), names)
    const sinks = await configuredSinks(config, memoryLogger())
    assert.deepEqual(
      sinks.map(({ name }) => name),
      names,
    )
    for (const { sink } of sinks) await sink.stop()
  }
})
