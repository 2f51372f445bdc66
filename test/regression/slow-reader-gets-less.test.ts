import assert from 'node:assert/strict'
import { once } from 'node:events'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { spawnCommand } from '../helpers/command.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'
import { makeYearFile } from '../helpers/year-file.ts'

// The process ended two seconds after its query, whatever had not been read by then; with exit code 0.
for (const format of ['csv', 'json']) {
  test(`a reader that is slow gets all rows as ${format}`, async (t) => {
    const db = join(temporaryFolder(t), 'file.db')
    makeYearFile(db, { hours: 1, perHour: 1 })
    const child = spawnCommand(['query', '--db', db, '--by', 'sni', '--format', format])
    t.after(() => child.kill('SIGKILL'))
    const exit = once(child, 'exit')
    let text = ''
    child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      if (text === '') {
        // The first rows are there: longer than the program used to wait.
        child.stdout?.pause()
        void sleep(4000).then(() => child.stdout?.resume())
      }
      text += chunk
    })
    if (child.stdout !== null) await once(child.stdout, 'end')
    assert.deepEqual(await exit, [0, null])
    assert.equal(text.match(/bucket-\d+\.oss/g)?.length, 300_000)
    if (format === 'json') assert.equal((JSON.parse(text) as unknown[]).length, 300_000)
  })
}
