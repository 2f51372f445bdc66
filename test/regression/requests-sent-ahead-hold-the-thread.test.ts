import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { test } from 'node:test'
import { Neighbour } from '../helpers/neighbour.ts'
import { databaseIn, metric, startServe } from '../helpers/serve.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'
import { until } from '../helpers/until.ts'

const CONNECTIONS = 100
const REQUESTS = 500

/** Sends requests behind one another, and reads nothing. */
function send(port: number, path: string, count: number): Socket {
  const socket = connect({ port, host: '127.0.0.1', localAddress: '127.0.0.2' })
  socket.on('error', () => undefined).pause()
  socket.write(`GET ${path} HTTP/1.1\r\nhost: localhost\r\n\r\n`.repeat(count))
  return socket
}

// Two addresses that sent 200 requests at a time on 60 connections took 937 MiB and held probes up for 6 s.
for (const path of ['/metrics', '/api/v1/totals?by=sni', '/readyz']) {
  test(`connections that send requests for ${path} ahead of the answers are closed`, async (t) => {
    const db = databaseIn(temporaryFolder(t))
    const serve = await startServe(t, { db })
    const neighbour = await Neighbour.open(serve)
    const port = Number(new URL(serve.httpUrl).port)
    const sockets = Array.from({ length: CONNECTIONS }, () => send(port, path, REQUESTS))
    t.after(() => {
      for (const socket of sockets) socket.destroy()
    })
    await neighbour.send()
    await until('each is closed and counted', async () => {
      const refused = await metric(serve, 'snimeter_connections_refused_total')
      return (refused.get('{port="http",reason="share"}') ?? 0) >= CONNECTIONS
    })
    const answered = await fetch(`${serve.httpUrl}/readyz`)
    assert.equal(answered.status, 200)
    await neighbour.send()
    await neighbour.end()
    assert.equal(await serve.terminate(), 0)
    neighbour.assertExact(db)
  })
}

test('a client that reads each answer before its next request keeps its connection', async (t) => {
  const serve = await startServe(t, { db: databaseIn(temporaryFolder(t)) })
  const socket = connect({ port: Number(new URL(serve.httpUrl).port), host: '127.0.0.1' })
  t.after(() => socket.destroy())
  let answers = ''
  socket.setEncoding('utf8').on('data', (text: string) => {
    answers += text
  })
  for (let i = 1; i <= 50; i++) {
    socket.write('GET /readyz HTTP/1.1\r\nhost: localhost\r\n\r\n')
    await until('the answer is there', () => answers.split('ready\n').length > i)
  }
  assert.equal(socket.destroyed, false)
})
