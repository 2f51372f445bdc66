import assert from 'node:assert/strict'
import { request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { databaseIn, metric, type ServeProcess, startServe } from '../helpers/serve.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'
import { until } from '../helpers/until.ts'

interface Reply {
  readonly status: number
  readonly body: string
}

/** One request on a connection of its own, as a probe makes it. */
function get(
  { httpUrl }: ServeProcess,
  path: string,
  options: { readonly from?: string; readonly host?: string } = {},
): Promise<Reply> {
  const { from = '127.0.0.1', host } = options
  return new Promise((resolve, reject) => {
    const sent = request(
      `${httpUrl}${path}`,
      { agent: false, localAddress: from, ...(host === undefined ? {} : { headers: { host } }) },
      (response) => {
        let body = ''
        response.setEncoding('utf8').on('data', (text: string) => {
          body += text
        })
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body }))
        response.on('error', reject)
      },
    )
    sent.on('error', reject).end()
  })
}

/** Connections that begin a request, and send a byte of it now and then. */
class SlowRequests {
  readonly sockets: Socket[] = []
  closed = 0
  readonly #drip: NodeJS.Timeout

  constructor(t: TestContext) {
    this.#drip = setInterval(() => {
      for (const socket of this.sockets) if (socket.writable) socket.write('x')
    }, 500)
    t.after(() => this.end())
  }

  async open(port: number, count: number, addressOf: (index: number) => string): Promise<void> {
    for (let at = 0; at < count; at += 50) {
      const batch = Array.from({ length: Math.min(50, count - at) }, (_, index) =>
        this.#one(port, addressOf(at + index)),
      )
      await Promise.all(batch)
    }
  }

  end(): void {
    clearInterval(this.#drip)
    for (const socket of this.sockets) socket.destroy()
  }

  #one(port: number, localAddress: string): Promise<void> {
    const socket = connect({ host: '127.0.0.1', port, localAddress })
    this.sockets.push(socket)
    socket.on('error', () => undefined).once('close', () => this.closed++)
    socket.resume()
    socket.write('GET /livez HTTP/1.1\r\nhost: localhost\r\nx-slow: ')
    return new Promise((resolve) => {
      socket.once('connect', resolve).once('close', () => resolve())
    })
  }
}

const portOf = ({ httpUrl }: ServeProcess): number => Number(new URL(httpUrl).port)

for (const [who, addressOf] of [
  ['the address of the probe', () => '127.0.0.1'],
  ['one other address', () => '127.0.0.2'],
  ['as many addresses', (index: number) => `127.0.${1 + (index >> 7)}.${1 + (index & 127)}`],
] as const) {
  test(`600 slow requests from ${who} keep no probe out`, async (t) => {
    const serve = await startServe(t, { db: databaseIn(temporaryFolder(t)) })
    const slow = new SlowRequests(t)
    await slow.open(portOf(serve), 600, addressOf)
    for (let i = 0; i < 20; i++) {
      assert.deepEqual(await get(serve, '/livez'), { status: 200, body: 'ok\n' })
      assert.equal((await get(serve, '/readyz')).status, 200)
    }
    const open = await metric(serve, 'snimeter_connections')
    assert.ok((open.get('{port="http"}') ?? 1000) <= 256)
    const left = await metric(serve, 'snimeter_connections_refused_total')
    const counted = [...left].filter(([labels]) => labels.includes('port="http"'))
    assert.ok(counted.reduce((sum, [, count]) => sum + count, 0) >= 600 - 256)
    await until('all slow ones are closed, although each sends on', () => slow.closed === 600)
    await until('none is left', async () => {
      const now = await metric(serve, 'snimeter_connections')
      return (now.get('{port="http"}') ?? 1000) <= 2
    })
  })
}

test('a page of another site that has its name point here gets nothing', async (t) => {
  const serve = await startServe(t, {
    db: databaseIn(temporaryFolder(t)),
    env: { SNIMETER_HTTP_ALLOWED_HOSTS: 'snimeter.example' },
  })
  for (const path of ['/api/v1/status', '/api/v1/connections', '/metrics', '/nothing']) {
    const { status, body } = await get(serve, path, { host: 'attacker.example:9002' })
    assert.equal(status, 421)
    assert.match(body, /"host_not_allowed".*attacker\.example:9002.*http\.allowed_hosts/)
  }
  for (const host of ['snimeter.example', '10.0.0.1:9002', 'snimeter.metering.svc:9002']) {
    assert.equal((await get(serve, '/api/v1/status', { host })).status, 200)
  }
  assert.equal((await get(serve, '/readyz', { host: 'attacker.example' })).status, 200)
})
