import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { loadConfig } from '../../src/config/load.ts'
import { runCommand as snimeter } from '../helpers/command.ts'

const COMMANDS = [
  'serve',
  'replay',
  'query',
  'top',
  'connections',
  'check-config',
  'print-config',
  'print-schema',
  'mesh-config',
  'doctor',
  'healthcheck',
  'version',
  'demo',
]

const folder = mkdtempSync(join(tmpdir(), 'snimeter-cli-'))
after(() => rmSync(folder, { recursive: true }))

function configFile(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

test('every command has help with an example, on stdout, exit 0', async () => {
  for (const command of COMMANDS) {
    const { code, stdout, stderr } = await snimeter([command, '--help'])
    assert.equal(code, 0, command)
    assert.match(stdout, new RegExp(`^Usage: snimeter ${command} [\\s\\S]*\\nExample`))
    assert.equal(stderr, '')
  }
  const { code, stdout } = await snimeter(['--help'])
  assert.equal(code, 0)
  for (const command of COMMANDS) assert.match(stdout, new RegExp(`^ {2}${command} `, 'm'))
  assert.match(stdout, /Exit codes: 0 done, 1 failed, 2 wrong usage or configuration\./)
})

test('wrong usage exits 2 with a message on stderr and nothing on stdout', async () => {
  const wrong: [string[], RegExp][] = [
    [[], /^Usage: snimeter/],
    [['serv'], /unknown command 'serv'\n\(Did you mean serve\?\)/],
    [['serve', '--bogus'], /unknown option '--bogus'/],
    [['serve', 'extra'], /too many arguments/],
    [['replay', '--db', 'x.db'], /missing required argument 'capture'/],
    [['replay', 'x.alscap'], /required option '--db <file>'/],
    [['query', '--format', 'xml'], /Allowed choices are table, csv, json/],
    [['query', '--limit', '0'], /Use a whole number from 1/],
    [['top', '--interval', '5'], /It has no unit: use one like 2s/],
    [['top', '--url', 'localhost:9002'], /is not a URL; use one like/],
    [['connections', '--url', 'http://h', '--db', 'f'], /give --url or --db, not both/],
    [['bogus\u001b[2J'], /unknown command 'bogus\\u\{1b\}\[2J'/],
  ]
  for (const [args, message] of wrong) {
    const { code, stdout, stderr } = await snimeter(args)
    assert.equal(code, 2, args.join(' '))
    assert.match(stderr, message)
    assert.equal(stdout, '')
  }
})

test('check-config tells every problem at once and exits 2, and 0 when there is none', async () => {
  const bad = configFile('bad.yaml', 'als:\n  listen: x\nstore:\n  paht: y\n')
  const { code, stderr, stdout } = await snimeter(['check-config', '--config', bad])
  assert.equal(code, 2)
  assert.equal(stdout, '')
  assert.equal(
    stderr,
    `snimeter: the configuration has 2 problems:
  ${bad}:4: store.paht is not a known key; did you mean store.path?
  ${bad}:2: als.listen: "x" is not an address to listen on; use host:port with a port up to 65535, like 127.0.0.1:9001, 0.0.0.0:9001 or [::1]:9001
`,
  )
  const good = configFile('good.yaml', 'log: { level: warn }\n')
  const valid = await snimeter(['check-config'], { SNIMETER_CONFIG: good })
  assert.deepEqual(valid, { code: 0, stdout: '', stderr: 'the configuration is valid\n' })
})

test('a configuration file that is not there exits 2 and says how to name one', async () => {
  const { code, stderr } = await snimeter(['check-config', '--config', join(folder, 'absent.yaml')])
  assert.equal(code, 2)
  assert.match(
    stderr,
    /cannot be read \(ENOENT.*; give a readable file with --config or SNIMETER_CONFIG\n$/,
  )
})

test('serve with a wrong configuration exits 2 before it touches anything', async () => {
  const { code, stderr } = await snimeter(['serve', '--window', '7m', '--als-listen', 'nowhere'])
  assert.equal(code, 2)
  assert.match(stderr, /--als-listen: als\.listen: "nowhere" is not an address to listen on/)
})

test('print-config prints what reads back to the same configuration', async () => {
  const env = { SNIMETER_STORE_PATH: '/tmp/x.db' }
  for (const args of [['print-config'], ['print-config', '--explain']]) {
    const { code, stdout, stderr } = await snimeter(args, env)
    assert.equal(code, 0)
    assert.equal(stderr, '')
    const again = loadConfig({ file: { name: 'printed', text: stdout } })
    const direct = loadConfig({ env })
    assert.ok('config' in again && 'config' in direct)
    assert.deepEqual(again.config, direct.config)
  }
})

test('a misspelt variable is a warning on stderr', async () => {
  const { code, stderr } = await snimeter(['check-config'], { SNIMETER_LOG_LEVL: 'debug' })
  assert.equal(code, 0)
  assert.match(
    stderr,
    /^snimeter: warning: the variable SNIMETER_LOG_LEVL sets nothing; did you mean SNIMETER_LOG_LEVEL\?\n/,
  )
})

test('version is that of the package', async () => {
  const { code, stdout } = await snimeter(['version'])
  assert.equal(code, 0)
  assert.match(stdout, /^snimeter \d+\.\d+\.\d+ \(node \d+\.\d+\.\d+\)\n$/)
  assert.match((await snimeter(['--version'])).stdout, /^\d+\.\d+\.\d+\n$/)
})
