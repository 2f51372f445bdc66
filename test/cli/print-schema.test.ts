import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { runCommand as snimeter } from '../helpers/command.ts'

const published = (file: string) =>
  readFileSync(new URL(`../../schemas/${file}`, import.meta.url), 'utf8')

test('print-schema prints the published schemas, that of data by default', async () => {
  const usage = published('usage.v1.schema.json')
  for (const [args, text] of [
    [[], usage],
    [['usage'], usage],
    [['usage-event'], published('usage-event.v1.schema.json')],
    [['hour-closed'], published('hour-closed.v1.schema.json')],
    [['hour-closed-event'], published('hour-closed-event.v1.schema.json')],
  ] as const) {
    const { code, stdout, stderr } = await snimeter(['print-schema', ...args])
    assert.deepEqual([code, stderr], [0, ''])
    assert.equal(stdout, text)
  }
})

test('print-schema names the schemas there are, and exits 2', async () => {
  const { code, stdout, stderr } = await snimeter(['print-schema', 'bill'])
  assert.deepEqual([code, stdout], [2, ''])
  assert.match(stderr, /Allowed choices are usage, usage-event, hour-closed, hour-closed-event\./)
})
