import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'node:test'
import { HttpServer } from '../../src/http/server.ts'
import type { NodeReport } from '../../src/model/node-report.ts'
import { UNKNOWN_NODE } from '../../src/model/source.ts'
import type { PageAsText } from '../../src/query/page.ts'
import type { QueryRequest } from '../../src/query/query-request.ts'
import { formatAddress } from '../../src/runtime/listen-address.ts'
import { ServiceError } from '../../src/runtime/service-error.ts'
import { Health } from '../../src/telemetry/health.ts'
import { Metrics } from '../../src/telemetry/registry.ts'
import { memoryLogger } from '../telemetry/memory-logger.ts'

const NOW_MS = Date.UTC(2026, 10, 24, 18)

/** A proxy that has sent so many entries. */
const report = (entries: number): NodeReport => ({
  node: { ...UNKNOWN_NODE, id: `sidecar~${entries}`, envoyVersion: '1.40.0' },
  envoyMinor: 1040,
  entries,
  periodic: 1,
  ends: 2,
  longEnds: 0,
  untypedEnds: 0,
  withoutId: 0,
  connections: 2,
  unnamed: 0,
  endedAgain: 0,
  ofOthers: 0,
  disbelieved: 0,
  furthestMs: 0,
  lagMs: entries === 5 ? undefined : 700.4,
  messagesWithEnds: 1,
})

/** A server on a free port whose file answers what a test says. */
async function startServer() {
  const health = new Health()
  const logger = memoryLogger()
  const asked: QueryRequest[] = []
  let answer: () => Promise<string> = () => Promise.resolve('{"columns":[],"rows":[]}')
  const server = new HttpServer(
    { listen: '127.0.0.1:0', allowedHosts: ['snimeter.example', '*.corp.example'] },
    {
      health,
      logger,
      metrics: new Metrics({ process: false, build: { version: '1.2.3' } }),
      status: () => ({ ready: health.ready, entries: 2n ** 60n, streams: 2 }),
      query: (request) => {
        asked.push(request)
        return answer()
      },
      nodes: () => [report(5), report(7)],
      findings: () =>
        Promise.resolve({
          sinceMs: NOW_MS,
          nodes: 3,
          findings: [{ code: 'x' }],
          truncated: true,
          settlingUntilMs: 0,
        }),
      wallMs: () => NOW_MS,
    },
  )
  await server.start()
  const url = `http://${formatAddress(server.address())}`
  return {
    server,
    url,
    health,
    logger,
    asked,
    answerWith(next: () => Promise<string>) {
      answer = next
    },
    async get(path: string, init?: RequestInit) {
      const response = await fetch(url + path, init)
      return {
        status: response.status,
        type: response.headers.get('content-type') ?? '',
        body: await response.text(),
      }
    },
    async [Symbol.asyncDispose]() {
      await server.stop()
    },
  }
}

test('livez is about the process, readyz about whether Envoys should send here', async () => {
  await using http = await startServer()
  for (const [state, status, body] of [
    ['starting', 503, 'starting\n'],
    ['ready', 200, 'ready\n'],
    ['memory', 503, 'memory budget is spent\n'],
    ['stopping', 503, 'stopping\n'],
  ] as const) {
    http.health.set(state)
    const ready = await http.get('/readyz')
    assert.deepEqual([ready.status, ready.body], [status, body])
    for (const path of ['/livez', '/healthz']) {
      const live = await http.get(path)
      assert.deepEqual([live.status, live.body], [200, 'ok\n'])
    }
  }
})

test('metrics are in the text format of Prometheus', async () => {
  await using http = await startServer()
  const { status, type, body } = await http.get('/metrics')
  assert.equal(status, 200)
  assert.equal(type, 'text/plain; version=0.0.4; charset=utf-8')
  assert.match(body, /^snimeter_build_info\{version="1\.2\.3"\} 1$/m)
})

test('nodes are rows, those that sent most first, a page of them with the totals of all', async () => {
  await using http = await startServer()
  const page = async (path: string) => {
    const { columns, rows, ...rest } = JSON.parse((await http.get(path)).body) as PageAsText
    const shown = ['node', 'entries', 'lag_ms'].map((name) => columns.indexOf(name))
    return { ...rest, rows: rows.map((row) => shown.map((index) => row[index]).join(' ')) }
  }
  const totals = {
    entries: '12',
    periodic_entries: '2',
    ends: '4',
    long_ends: '0',
    untyped_ends: '0',
    ends_again: '0',
    without_id: '0',
    connections: '4',
    unnamed: '0',
  }
  const [seven, five] = ['sidecar~7 7 700', 'sidecar~5 5 ']
  for (const [path, rows, next] of [
    ['', [seven, five], null],
    ['?limit=1', [seven], 1],
    ['?limit=1&offset=1', [five], null],
    ['?offset=1', [five], null],
    ['?offset=9', [], null],
  ] as const) {
    assert.deepEqual(await page(`/api/v1/nodes${path}`), {
      rows,
      total_rows: 2,
      truncated: next !== null,
      next_offset: next,
      totals,
    })
  }
  assert.equal((await http.get('/api/v1/nodes?limit=0')).status, 400)
})

test('findings are JSON that says of when and of how many proxies they are', async () => {
  await using http = await startServer()
  const { status, body } = await http.get('/api/v1/findings')
  assert.equal(status, 200)
  assert.deepEqual(JSON.parse(body), {
    since: '2026-11-24T18:00:00.000Z',
    nodes: 3,
    findings: [{ code: 'x' }],
    truncated: true,
    settling_until: '',
  })
})

test('the status is JSON in which counts beyond doubles are texts', async () => {
  await using http = await startServer()
  const { type, body } = await http.get('/api/v1/status')
  assert.match(type, /^application\/json/)
  assert.equal(body, '{"ready":false,"entries":"1152921504606846976","streams":2}')
})

test('what the file answers is passed on as it is', async () => {
  await using http = await startServer()
  http.answerWith(() => Promise.resolve('{"columns":["sni"],"rows":[["a.example"]]}'))
  const { status, type, body } = await http.get('/api/v1/totals')
  assert.deepEqual(
    [status, type, body],
    [200, 'application/json; charset=utf-8', '{"columns":["sni"],"rows":[["a.example"]]}'],
  )
})

test('the parameters of totals reach the query, with defaults for the others', async () => {
  await using http = await startServer()
  await http.get('/api/v1/totals')
  await http.get(
    '/api/v1/totals?by=workload,sni&order=name&limit=10000&offset=20000&sni=*.example&not_sni=cdn.*&workload=shop%2Fcart&namespace=shop&since=-1h&until=2026-11-25T02:00&tz=asia%2Fshanghai',
  )
  const none = { sni: undefined, notSni: undefined, workload: undefined, namespace: undefined }
  const utc = { zone: undefined }
  const lifetime = { sinceMs: undefined, untilMs: undefined }
  assert.deepEqual(http.asked, [
    {
      kind: 'totals',
      query: {
        by: ['sni'],
        order: 'total',
        descending: true,
        limit: 100,
        offset: 0,
        ...none,
        ...utc,
        ...lifetime,
      },
    },
    {
      kind: 'totals',
      query: {
        by: ['workload', 'sni'],
        order: 'name',
        descending: false,
        limit: 10_000,
        offset: 20_000,
        sni: '*.example',
        notSni: 'cdn.*',
        workload: 'shop/cart',
        namespace: 'shop',
        zone: 'Asia/Shanghai',
        sinceMs: NOW_MS - 3_600_000,
        untilMs: NOW_MS,
      },
    },
  ])
})

test('the parameters of connections reach the query', async () => {
  await using http = await startServer()
  await http.get(
    '/api/v1/connections?state=orphaned&limit=5&sni=a.example&not_sni=b.*&workload=&namespace=n*&order=total&since=today&tz=America/New_York',
  )
  assert.deepEqual(http.asked, [
    {
      kind: 'connections',
      query: {
        limit: 5,
        offset: 0,
        state: 'orphaned',
        sni: 'a.example',
        notSni: 'b.*',
        workload: undefined,
        namespace: 'n*',
        order: 'total',
        sinceMs: Date.UTC(2026, 10, 24, 5),
        zone: 'America/New_York',
      },
    },
  ])
})

test('a request that cannot be meant is refused with what is wrong, and asks nothing', async () => {
  await using http = await startServer()
  for (const [path, message] of [
    ['totals?by=colour', /^by has "colour"; use some of sni, /],
    ['totals?by=sni,sni', /^by names a column twice$/],
    ['totals?order=size', /^order is "size"; use one of total, /],
    ['totals?limit=0', /^limit is not a number from 1 to 10000$/],
    ['totals?limit=10001', /^limit is not a number from 1 to 10000$/],
    ['totals?offset=-1', /^offset is not a number from 0 to 999999999$/],
    ['totals?tz=Mars/Olympus', /^tz: "Mars\/Olympus" is no time zone; /],
    ['connections?order=size', /^order is "size"; use one of last_seen, started, total, /],
    ['totals?since=soon', /^since: "soon" is no time; /],
    ['totals?name=x', /^there is no parameter "name"; use some of by, /],
    ['totals?sni=a&sni=b', /^sni is given more than once$/],
    [`totals?sni=${'x'.repeat(601)}`, /^sni is longer than 600 characters$/],
    ['connections?state=dead', /^state is "dead"; use one of open, closed, orphaned$/],
  ] as const) {
    const { status, body } = await http.get(`/api/v1/${path}`)
    const { error } = JSON.parse(body) as { error: { code: string; message: string } }
    assert.equal(status, 400)
    assert.equal(error.code, 'bad_request')
    assert.match(error.message, message)
  }
  assert.deepEqual(http.asked, [])
})

test('failures have a code and a message; what was not expected stays in the log', async () => {
  await using http = await startServer()
  for (const [error, status, code, message] of [
    [new ServiceError('too_many_queries', 'ask again'), 503, 'too_many_queries', 'ask again'],
    [new ServiceError('query_timeout', 'no answer'), 504, 'query_timeout', 'no answer'],
    [
      new ServiceError('query_failed', '/secret/path'),
      500,
      'internal',
      'the request failed; see the log',
    ],
    [new Error('/secret/path'), 500, 'internal', 'the request failed; see the log'],
  ] as const) {
    http.answerWith(() => Promise.reject(error))
    const answer = await http.get('/api/v1/totals')
    assert.equal(answer.status, status)
    assert.deepEqual(JSON.parse(answer.body), { error: { code, message } })
  }
  assert.deepEqual(
    http.logger.lines.map(({ message }) => message),
    ['an HTTP request failed'],
  )
})

test('other paths, other methods and bodies are refused in the same form', async () => {
  await using http = await startServer()
  for (const [path, init, status] of [
    ['/', {}, 404],
    ['/%ff', {}, 400],
    ['/api/v1/totals', { method: 'POST', body: '{}' }, 404],
    ['/api/v1/totals', { method: 'DELETE' }, 404],
  ] as const) {
    const answer = await http.get(path, init)
    assert.equal(answer.status, status)
    assert.equal(
      typeof (JSON.parse(answer.body) as { error: { code: string } }).error.code,
      'string',
    )
  }
})

test('bytes that are no request are answered and cut off; the next request is fine', async () => {
  await using http = await startServer()
  const send = async (bytes: string): Promise<string> => {
    const { port } = http.server.address()
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => undefined)
    let answer = ''
    socket.setEncoding('utf8').on('data', (text: string) => {
      answer += text
    })
    socket.write(bytes)
    await once(socket, 'close')
    return answer
  }
  assert.match(await send('garbage\r\n\r\n'), /^HTTP\/1\.1 400 [^]*"the request is malformed"/)
  assert.match(
    await send(`GET / HTTP/1.1\r\nx: ${'x'.repeat(20_000)}\r\n\r\n`),
    /^HTTP\/1\.1 431 [^]*"the request is too large"/,
  )
  assert.equal((await http.get('/livez')).status, 200)
})

test('a port that is taken is refused with what the system said', async () => {
  await using http = await startServer()
  const second = new HttpServer(
    { listen: formatAddress(http.server.address()), allowedHosts: [] },
    {
      health: http.health,
      logger: http.logger,
      metrics: new Metrics({ process: false }),
      status: () => ({}),
      query: () => Promise.reject(new Error('not asked')),
      nodes: () => [],
      findings: () => Promise.reject(new Error('not asked')),
    },
  )
  await assert.rejects(second.start(), {
    code: 'listen_failed',
    message: /^cannot listen on 127\.0\.0\.1:\d+ for HTTP \(.*EADDRINUSE/,
  })
  await second.stop()
})

test('stop is safe twice and without start, and does not wait for idle connections', async () => {
  const http = await startServer()
  await http.get('/livez')
  const idle = connect(http.server.address().port, '127.0.0.1')
  await once(idle, 'connect')
  await http.server.stop()
  await http.server.stop()
  await once(idle, 'close')
})
