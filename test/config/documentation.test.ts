import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { loadConfig } from '../../src/config/load.ts'
import { OPTIONS } from '../../src/config/options.ts'
import { formatProblem } from '../../src/config/problem.ts'
import { runCommand } from '../helpers/command.ts'
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

test('every key and every command is on the page', async () => {
  const page = readFileSync(PATH, 'utf8')
  for (const { key } of OPTIONS) assert.ok(page.includes(`\n**\`${key}\`**: `), key)
  const commands = /^## Commands\n([\s\S]*?)^## /m.exec(page)?.[1] ?? ''
  const rows = commands.match(/^\| `.*/gm)?.join('\n') ?? ''
  const missing: string[] = []
  let count = 0
  for (const path of await commandsBelow([])) {
    count++
    if (!rows.includes(`\`${path.join(' ')}`)) missing.push(path.join(' '))
  }
  assert.deepEqual(missing, [])
  assert.ok(count >= 17, `${count}`)
})

/** Paths of the commands that the help lists, like `doctor live`; a group that only holds others is left out. */
async function commandsBelow(path: readonly string[]): Promise<string[][]> {
  const { stdout } = await runCommand([...path, '--help'])
  const listed = /^Commands:\n([\s\S]*?)(?:\n\n|$(?![\s\S]))/m.exec(stdout)?.[1] ?? ''
  const names = [...listed.matchAll(/^ {2}(\S+)/gm)].map(([, name]) => name ?? '')
  const found: string[][] = []
  for (const name of names.filter((one) => one !== 'help')) {
    const own = [...path, name]
    found.push(...(GROUPS.includes(name) ? await commandsBelow(own) : [own]))
  }
  return found
}

const GROUPS = ['doctor', 'sinks']

test('every YAML example of the page is a valid configuration', () => {
  const page = readFileSync(PATH, 'utf8')
  const examples = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, text]) => text ?? '')
  assert.ok(examples.length > 0)
  for (const text of examples) {
    const loaded = loadConfig({ file: { name: 'example', text }, env: { CERTS: '/etc/certs' } })
    assert.deepEqual('problems' in loaded ? loaded.problems.map(formatProblem) : [], [], text)
  }
})
