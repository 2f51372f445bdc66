import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { loadConfig } from '../../src/config/load.ts'
import { formatProblem } from '../../src/config/problem.ts'
import { reference } from './reference.ts'

const PATH = new URL('../../docs/configuration.md', import.meta.url)
const BEGIN = '<!-- reference: begin -->\n\n'
const END = '\n<!-- reference: end -->'

test('docs/configuration.md says of every key what the table of keys says', () => {
  const page = readFileSync(PATH, 'utf8')
  const begin = page.indexOf(BEGIN) + BEGIN.length
  const end = page.indexOf(END)
  assert.ok(begin >= BEGIN.length && end > begin, 'the page has lost its markers')
  if (process.env['UPDATE_DOCS'] !== undefined) {
    writeFileSync(PATH, page.slice(0, begin) + reference() + page.slice(end))
    return
  }
  assert.equal(
    page.slice(begin, end),
    reference(),
    'run: UPDATE_DOCS=1 node --test test/config/documentation.test.ts',
  )
})

test('every YAML example of the page is a valid configuration', () => {
  const page = readFileSync(PATH, 'utf8')
  const examples = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, text]) => text ?? '')
  assert.ok(examples.length > 0)
  for (const text of examples) {
    const loaded = loadConfig({ file: { name: 'example', text }, env: { CERTS: '/etc/certs' } })
    assert.deepEqual('problems' in loaded ? loaded.problems.map(formatProblem) : [], [], text)
  }
})
