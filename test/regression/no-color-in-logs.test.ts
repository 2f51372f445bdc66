import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { cleanEnvironment } from '../helpers/command.ts'

const LOGGER = new URL('../../src/telemetry/logger.ts', import.meta.url).href
const SCRIPT = `import { createLogger } from ${JSON.stringify(LOGGER)}
createLogger({ level: 'info', format: 'auto' }).info({ a: 1 }, 'hello')`

/** How every sequence for a colour begins. */
const COLOUR = '\u001b['

/** What a terminal gets; Python has the pseudo-terminal that Node lacks. */
function onTerminal(env: Record<string, string>): string {
  const { NO_COLOR: _, ...inherited } = cleanEnvironment()
  const child = ['-c', 'import pty, sys; pty.spawn(sys.argv[1:])', process.execPath]
  const { stdout, status } = spawnSync('python3', [...child, '--input-type=module', '-e', SCRIPT], {
    encoding: 'utf8',
    env: { ...inherited, TERM: 'xterm-256color', ...env },
    input: '',
  })
  assert.equal(status, 0)
  return stdout
}

test('log lines on a terminal have colours, and none with NO_COLOR or on a dumb terminal', () => {
  for (const env of [{}, { NO_COLOR: '' }]) assert.ok(onTerminal(env).includes(COLOUR))
  for (const env of [{ NO_COLOR: '1' }, { NO_COLOR: 'anything' }, { TERM: 'dumb' }]) {
    const plain = onTerminal(env)
    assert.match(plain, /^\[\d\d:\d\d:\d\d\.\d{3}\] INFO: hello/m)
    assert.ok(!plain.includes(COLOUR), plain)
  }
})
