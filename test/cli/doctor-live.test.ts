import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runCommand } from '../helpers/command.ts'
import { freePort } from '../helpers/free-port.ts'
import { fakeServer } from './fake-server.ts'

const FINDING = {
  severity: 'warning',
  code: 'two-loggers',
  subject: 'Deployment shop/checkout',
  wrong: '20 ends of connections came more than once',
  fix: 'keep one way',
}
const ANSWER = { since: '2026-11-24T12:00:00.000Z', nodes: 3, findings: [FINDING] }

/** `doctor live` against a server that answers so. */
async function live(answer: unknown, ...args: readonly string[]) {
  await using server = await fakeServer({ '/api/v1/findings': answer })
  return await runCommand(['doctor', 'live', '--url', server.url, ...args])
}

test('a finding is one line, and the exit code says that there is one', async () => {
  const { code, stdout, stderr } = await live(ANSWER)
  assert.equal(
    stdout,
    'warning  Deployment shop/checkout: 20 ends of connections came more than once; keep one way [two-loggers]\n',
  )
  assert.match(stderr, /0 errors and 1 warning in what 3 proxies sent/)
  assert.equal(code, 1)
})

test('a part of the findings is not taken for all of them', async () => {
  const { stderr } = await live({ ...ANSWER, truncated: true })
  assert.match(stderr, /^snimeter: these are the worst 1 findings; there are more\n/)
})

test('without findings, or with notes only, it exits 0', async () => {
  for (const findings of [[], [{ ...FINDING, severity: 'note' }]]) {
    const { code, stderr } = await live({ ...ANSWER, nodes: 1, findings })
    assert.equal(code, 0)
    assert.equal(stderr, 'nothing wrong in what 1 proxy sent\n')
  }
})

test('a mesh of which nothing arrives is ill', async () => {
  const { code, stdout } = await live({ since: '', nodes: 0, findings: [] })
  assert.match(stdout, /^error +mesh: no proxy has sent anything lately; .* \[nothing-heard\]\n$/)
  assert.equal(code, 1)
})

test('JSON has the findings as they came', async () => {
  const { stdout } = await live(ANSWER, '--output', 'json')
  assert.deepEqual(JSON.parse(stdout), { findings: [FINDING] })
})

test('what is no answer of this program is refused', async () => {
  for (const answer of [{ findings: [] }, { nodes: 1, findings: [{ code: 1 }] }, { nodes: 1 }]) {
    const { code, stderr } = await live(answer)
    assert.match(stderr, /answered without findings/)
    assert.equal(code, 3)
  }
})

test('no answer exits 3: exit 1 is for findings', async () => {
  const port = await freePort()
  const gone = await runCommand(['doctor', 'live', '--url', `http://127.0.0.1:${port}`])
  assert.equal(gone.code, 3)
  assert.equal(gone.stdout, '')
  assert.match(gone.stderr, /^snimeter: no snimeter answers at http:[^\n]*\n$/)
  const help = await runCommand(['doctor', '--help'])
  assert.match(help.stdout, /1 errors or warnings, .*\n3 no answer/)
})
