import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { databaseIn } from '../helpers/serve.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'
import { makeYearFile } from '../helpers/year-file.ts'
import { skipWithoutMounts } from '../store/mount-namespace.ts'

const script = fileURLToPath(new URL('../query/read-only-root.ts', import.meta.url))

/** SNIMETER_WHOLE_YEAR=1: 14.4 million rows, some minutes; else what is just too much to sort in memory. */
const isWhole = process.env['SNIMETER_WHOLE_YEAR'] !== undefined
const SIZE = isWhole ? { hours: 8760, perHour: 1644 } : { hours: 500, perHour: 2000 }

interface Answer {
  readonly asked: string
  readonly status: number
  readonly rows: number
  readonly upload: string
}

test('every query is answered where only the folder of the file can be written', {
  skip: skipWithoutMounts,
}, (t) => {
  const folder = temporaryFolder(t)
  const db = databaseIn(folder)
  const { upload } = makeYearFile(db, SIZE)
  // As in the chart's container: the root is read-only, the volume is not.
  const command = `mount --bind "${folder}" "${folder}" && mount -o remount,bind,ro / && ! touch /tmp/x 2>&- && exec "${process.execPath}" "${script}" "${db}" ${isWhole ? 'all' : 'some'}`
  const { stdout, stderr, status } = spawnSync('unshare', ['-m', 'sh', '-c', command], {
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  })
  assert.equal(status, 0, stderr)
  const answers = JSON.parse(stdout) as Answer[]
  if (isWhole) t.diagnostic(JSON.stringify(answers, undefined, 1))
  assert.deepEqual(
    answers.filter(({ status }) => status !== 200 && status !== 0),
    [],
  )
  // Groups that are fewer than the rows of an answer hold every byte.
  const whole = answers.filter(
    ({ asked, rows }) => /since/.test(asked) && rows !== 10_000 && !/limit /.test(asked),
  )
  assert.ok(whole.length >= (isWhole ? 9 : 1), stdout)
  assert.deepEqual(
    whole.filter((answer) => answer.upload !== upload.toString()),
    [],
  )
  const pairs = answers.find(({ asked }) => asked === 'query --by workload,sni --since 2026-01-01')
  assert.equal(pairs?.upload, upload.toString())
})
