import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { defaultConfig } from '../../src/config/load.ts'
import { PublicationReader } from '../../src/store/publication-reader.ts'
import { ClockedProcess, MachineTime } from '../helpers/clocked-process.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'
import { NOON } from '../store/batch-fixture.ts'
import { GRACE, MINUTE, OutboxFile } from '../store/outbox-fixture.ts'

/** A commit a second, and the looks at the clock in between, ms. */
const PROMPT_MS = 1500

const config = defaultConfig()
const folder = (t: Parameters<typeof temporaryFolder>[0]) => temporaryFolder(t)

function waiting(path: string): number {
  const reader = new PublicationReader(path)
  try {
    return reader.page('kafka', 0, 1000).length
  } finally {
    reader.close()
  }
}

/** How long after its window's end and grace the event of a mesh that fell silent at `endMs` is frozen, ms. */
function delayOf(path: string, windowSeconds: number, graceMs: number, endMs: number): number {
  const time = new MachineTime(NOON)
  const process = new ClockedProcess(
    path,
    time,
    { ...config, rollup: { ...config.rollup, windowSeconds, graceMs } },
    ['kafka'],
  )
  try {
    process.pass(endMs)
    process.receive({ connection: 1, upload: 5, startMs: time.nowMs - 100, final: true })
    const windowMs = windowSeconds * 1000
    const closedMs = Math.floor(time.nowMs / windowMs) * windowMs + windowMs + graceMs
    process.pass(closedMs - 500 - time.nowMs)
    while (waiting(path) === 0) {
      process.pass(250)
      assert.ok(time.nowMs < closedMs + 60_000)
    }
    return time.nowMs - closedMs
  } finally {
    process.kill()
  }
}

test('the last window of a mesh that falls silent is frozen at its end and grace', (t) => {
  const path = folder(t)
  let files = 0
  for (const [windowSeconds, graceMs] of [
    [60, 120_000],
    [60, 47_000],
    [300, 10_000],
  ] as const) {
    for (const endMs of [1000, 26_500, 53_750]) {
      const delay = delayOf(join(path, `${files++}.db`), windowSeconds, graceMs, endMs)
      assert.ok(delay >= 0 && delay <= PROMPT_MS, `${windowSeconds} s, ${endMs}: ${delay} ms`)
    }
  }
})

test('the file says when something is due: the next window, a late change, and nothing without sinks', (t) => {
  const file = new OutboxFile()
  t.after(() => file.remove())
  file.commit(0.5, [{ window: 0, upload: 5 }])
  assert.equal(file.commit(2.9).dueMs, NOON + 3 * MINUTE)
  assert.equal(file.commit(3.2).dueMs, NOON + 4 * MINUTE)
  file.writer.acknowledge('kafka', [1])
  // Frozen at 12:03:12, so the next revision is due two minutes later.
  file.commit(3.5, [{ window: 0, upload: 1 }])
  assert.equal(file.commit(4.1).dueMs, NOON + 5 * MINUTE)
  assert.equal(file.commit(5.05).dueMs, NOON + 3.2 * MINUTE + GRACE)
  assert.equal(file.commit(5.3).dueMs, NOON + 6 * MINUTE)
  file.reopen({ sinks: [] })
  assert.equal(file.commit(6.1).dueMs, Number.POSITIVE_INFINITY)
})

test('README and docs/kafka.md say how long a byte takes with the defaults', () => {
  const { windowSeconds, graceMs } = config.rollup
  const earliest = graceMs / 60_000
  const latest = earliest + windowSeconds / 60
  for (const page of ['README.md', 'docs/kafka.md']) {
    const text = readFileSync(join(import.meta.dirname, '../..', page), 'utf8')
    assert.match(text.replaceAll(/\s+/g, ' '), new RegExp(`${earliest} to ${latest} minutes after`))
  }
})
