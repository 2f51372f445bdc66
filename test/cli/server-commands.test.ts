import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import type { Surroundings } from '../../src/cli/surroundings.ts'
import { runTop } from '../../src/cli/top.ts'
import { runCommand as snimeter } from '../helpers/command.ts'
import { fakeServer } from './fake-server.ts'

const COLUMNS = [
  'cluster',
  'namespace',
  'workload_kind',
  'workload',
  'sni',
  'upload_bytes',
  'download_bytes',
  'connections',
]

const totals = (upload: string) => ({
  columns: COLUMNS,
  rows: [
    ['c', 'shop', 'Deployment', 'checkout', 'a.example', upload, '0', '3'],
    ['c', 'ml', 'Job', 'trainer', 'b\u001b[2J.example', '9223372036854775807', '2048', '1'],
  ],
  total_rows: 5,
  truncated: true,
  next_offset: 2,
  totals: { upload_bytes: '9223372036854775807', download_bytes: '1073741824', connections: '9' },
})

const STATUS = { ready: true, uptime_seconds: 61, streams: 2, open_connections: 1234, findings: 3 }

test('top --once looks twice and prints header and table, with control characters escaped', async () => {
  await using server = await fakeServer({
    '/api/v1/totals': totals('1024'),
    '/api/v1/status': STATUS,
  })
  const { code, stdout, stderr } = await snimeter([
    'top',
    '--once',
    '--interval',
    '100ms',
    '--url',
    server.url,
  ])
  assert.equal(stderr, '')
  assert.equal(code, 0)
  const lines = stdout.split('\n')
  assert.equal(
    lines[0],
    `snimeter ${server.url} · ready · up 1m 1s · 2 streams · 1,234 open connections · 3 findings: snimeter doctor live`,
  )
  assert.match(
    lines[1] ?? '',
    /^upload 7\.9 EiB \(0 B\/s\) · download 1\.0 GiB \(0 B\/s\) · 5 rows, the 2 largest watched$/,
  )
  assert.match(
    lines[3] ?? '',
    /^WORKLOAD +SNI +UPLOAD\/S +DOWNLOAD\/S +UPLOAD +DOWNLOAD +CONNECTIONS$/,
  )
  assert.match(
    lines[4] ?? '',
    /^ml\/trainer +b\\u\{1b\}\[2J\.example +0 B\/s +0 B\/s +7\.9 EiB +2\.0 KiB +1$/,
  )
  assert.match(lines[5] ?? '', /^shop\/checkout +a\.example +0 B\/s +0 B\/s +1\.0 KiB +0 B +3$/)
  assert.equal(server.asked.length, 4)
})

test('top, connections and healthcheck exit 1 with one line when nobody answers', async () => {
  const gone = await fakeServer({})
  await gone[Symbol.asyncDispose]()
  for (const command of ['top', 'connections', 'healthcheck']) {
    const { code, stdout, stderr } = await snimeter([command, '--url', gone.url])
    assert.equal(code, 1)
    assert.equal(stdout, '')
    assert.match(
      stderr,
      /^snimeter: no snimeter answers at http:.*ECONNREFUSED.*; is serve running there\? see --url\n$/,
    )
  }
})

test('an error of the server is told in its own words', async () => {
  const body = { error: { code: 'busy', message: 'too many queries' } }
  await using server = await fakeServer({ '/api/v1/connections': { status: 503, body } })
  const { code, stderr } = await snimeter(['connections', '--url', server.url])
  assert.equal(code, 1)
  assert.equal(stderr, `snimeter: ${server.url} answered: too many queries\n`)
})

test('an answer without rows is not taken for an empty one', async () => {
  await using server = await fakeServer({ '/api/v1/connections': { hello: 'world' } })
  const { code, stderr } = await snimeter(['connections', '--url', server.url])
  assert.equal(code, 1)
  assert.match(stderr, /answered without rows/)
})

test('rows without what all of them come to are of another version, not of everything', async () => {
  for (const extent of [{}, { total_rows: 1, totals: { upload_bytes: 'many' } }]) {
    const answer = { columns: ['sni'], rows: [['a.example']], ...extent }
    await using server = await fakeServer({ '/api/v1/connections': answer })
    const { code, stderr } = await snimeter(['connections', '--url', server.url])
    assert.equal(code, 1)
    assert.match(stderr, /answered without total_rows and totals; is it a snimeter of this version/)
  }
})

test('connections asks for what was asked of it and prints it exactly', async () => {
  const columns = ['connection_id', 'pod', 'sni', 'state', 'upload_bytes', 'download_bytes']
  const rows = [
    ['11111111-2222-3333-4444-555555555555', 'p-1', 'a.example', 'open', '1048576', '7'],
  ]
  const extent = {
    total_rows: 250,
    totals: { upload_bytes: '2097152', download_bytes: '8', hop_bytes: '9000' },
  }
  await using server = await fakeServer({ '/api/v1/connections': { columns, rows, ...extent } })
  const ask = (...more: string[]) =>
    snimeter(['connections', '--url', server.url, '--state', 'open', '--sni', '*.example', ...more])
  assert.equal(
    (await ask('--format', 'csv')).stdout,
    'connection_id,pod,sni,state,upload_bytes,download_bytes\n11111111-2222-3333-4444-555555555555,p-1,a.example,open,1048576,7\n',
  )
  assert.equal(
    server.asked[0],
    '/api/v1/connections?limit=100&offset=0&order=last_seen&state=open&sni=*.example',
  )
  assert.match(
    (await ask()).stdout,
    /^STATE +POD +SNI +UPLOAD +DOWNLOAD +CONNECTION ID\nopen +p-1 +a\.example +1\.0 MiB +7 B +1{8}-[^]*\n +1 row shown +1\.0 MiB +7 B\n +all 250 rows +2\.0 MiB +8 B\n$/,
  )
  assert.equal(
    (await ask('--format', 'csv', '--offset', '20')).stderr,
    'snimeter: 1 of 250 rows (--limit, --offset); all of them: upload_bytes 2,097,152, download_bytes 8, hop_bytes 9,000\n' +
      'snimeter: 9,000 of all these bytes are billed at another proxy (hop = 1)\n',
  )
  assert.match(server.asked.at(-1) ?? '', /limit=100&offset=20&/)
  assert.match((await ask('--exact')).stdout, / 1,048,576 +7 +1{8}-/)
})

test('healthcheck exits 0 when ready, 1 with the reason when not, and finds the server by the configuration', async () => {
  await using server = await fakeServer({
    '/readyz': { status: 503, body: { status: 'unready', reason: 'memory' } },
    '/livez': { status: 200, body: 'ok' },
  })
  const env = { SNIMETER_HTTP_LISTEN: server.url.replace('http://127.0.0.1', '0.0.0.0') }
  const notReady = await snimeter(['healthcheck'], env)
  assert.deepEqual(notReady, { code: 1, stdout: '', stderr: 'snimeter: not ready: memory\n' })
  assert.deepEqual(await snimeter(['healthcheck', '--live'], env), {
    code: 0,
    stdout: 'ok\n',
    stderr: '',
  })
})

/** A terminal of 120 columns and 10 rows, made of streams. */
function terminal() {
  const stdout = Object.assign(new PassThrough(), { isTTY: true, columns: 120, rows: 10 })
  const raw: boolean[] = []
  const stdin = Object.assign(new PassThrough(), {
    isTTY: true,
    setRawMode: (on: boolean) => raw.push(on),
  })
  let written = ''
  stdout.on('data', (bytes: Buffer) => (written += bytes.toString()))
  const surroundings: Surroundings = {
    env: {},
    stdin,
    stdout,
    stderr: new PassThrough(),
    wallMs: () => Date.now(),
    monotonicMs: () => performance.now(),
  }
  const shows = async (pattern: RegExp) => {
    const untilMs = performance.now() + 15_000
    while (!pattern.test(written)) {
      assert.ok(performance.now() < untilMs, `${pattern} is not in ${written.slice(-2000)}`)
      await setTimeout(5)
    }
  }
  return { surroundings, stdin, raw, shows, written: () => written }
}

test('live top draws rates, outlives a restart of the server, and restores the terminal on q', {
  timeout: 20_000,
}, async () => {
  await using server = await fakeServer({
    '/api/v1/totals': totals('1024'),
    '/api/v1/status': STATUS,
  })
  const { surroundings, stdin, raw, shows, written } = terminal()
  const done = runTop(
    { url: server.url, intervalMs: 20, overMs: 60_000, once: false },
    surroundings,
  )
  await shows(/a\.example/)
  server.answers = { ...server.answers, '/api/v1/totals': totals('1073741824') }
  await shows(/shop\/checkout +a\.example +[\d.]+ [KMG]iB\/s +0 B\/s +1\.0 GiB/)
  const whole = server.answers
  server.answers = {}
  await shows(/answered: status 404/)
  server.answers = whole
  stdin.write('q')
  await done
  assert.deepEqual(raw, [true, false])
  assert.ok(written().startsWith('\u001b[?1049h\u001b[?25l'))
  assert.ok(written().endsWith('\u001b[?25h\u001b[?1049l'))
  assert.equal(process.listenerCount('SIGTERM'), 0)
  const rows = written().split('\u001b[H').at(-1)?.split('\r\n') ?? []
  assert.ok(rows.length <= 10)
})

test('live top ends by its signal, and tells on the ordinary screen when nobody answers', async () => {
  await using server = await fakeServer({ '/api/v1/totals': totals('1'), '/api/v1/status': STATUS })
  const { surroundings, shows, raw } = terminal()
  const quit = new AbortController()
  const options = { intervalMs: 60_000, overMs: 1000, once: false, signal: quit.signal }
  const done = runTop({ ...options, url: server.url }, surroundings)
  await shows(/a\.example/)
  quit.abort()
  await done
  assert.deepEqual(raw, [true, false])
  const other = terminal()
  await assert.rejects(
    runTop(
      { intervalMs: 100, overMs: 1000, once: false, url: 'http://127.0.0.1:9' },
      other.surroundings,
    ),
    /no snimeter answers/,
  )
  assert.equal(other.written(), '')
})
