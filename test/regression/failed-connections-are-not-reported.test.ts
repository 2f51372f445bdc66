import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { connect as connectHttp2, type SecureClientSessionOptions } from 'node:http2'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { connect as connectTls } from 'node:tls'
import { AlsSender, sidecarIdentifier } from '../helpers/als-sender.ts'
import { makeCertificate } from '../helpers/certificates.ts'
import { EntryType, tcpEntry, tcpMessage } from '../helpers/entry-writer.ts'
import { databaseIn, metric, type ServeProcess, startServe } from '../helpers/serve.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'
import { until } from '../helpers/until.ts'

const REQUEST = 'GET /metrics HTTP/1.1\r\nHost: snimeter\r\n\r\n'

interface Finding {
  readonly code: string
  readonly severity: string
  readonly wrong: string
  readonly fix: string
}

const closed = (socket: Socket): Promise<void> =>
  new Promise((resolve) => {
    socket
      .on('error', () => undefined)
      .on('close', () => resolve())
      .resume()
  })

/** Begins HTTP/2 at a port that does not take it. */
function begin(t: TestContext, url: string, options: SecureClientSessionOptions = {}): void {
  const session = connectHttp2(url, { rejectUnauthorized: false, ...options })
  session.on('error', () => undefined)
  t.after(() => session.destroy())
}

async function findings(serve: ServeProcess): Promise<Finding[]> {
  const answer = await fetch(`${serve.httpUrl}/api/v1/findings`)
  return ((await answer.json()) as { findings: Finding[] }).findings
}

const count = async (serve: ServeProcess, status: string): Promise<number | undefined> =>
  (await metric(serve, 'snimeter_receiver_other_calls_total')).get(
    `{path="none",status="${status}"}`,
  )

test('TLS and HTTP/1.1 to a plain access log port are counted, logged and named', async (t) => {
  const serve = await startServe(t, { db: databaseIn(temporaryFolder(t)) })
  const at = { port: serve.alsPort, host: '127.0.0.1' }
  // A probe of the port sends nothing, and is nothing.
  const probe = connect(at)
  probe.once('connect', () => probe.end())
  await closed(probe)
  for (let calls = 0; calls < 3; calls++) {
    await closed(connectTls({ ...at, rejectUnauthorized: false, ALPNProtocols: ['h2'] }))
  }
  const old = connect(at)
  old.write(REQUEST)
  await closed(old)
  // A sender that is right, before and after.
  const sender = new AlsSender(serve.alsAddress)
  const entry = tcpEntry({ type: EntryType.tcpConnectionEnd, sni: 'a.example', upload: 1 })
  await sender.send(tcpMessage([entry], sidecarIdentifier('shop', 'cart')))
  await sender.end()
  assert.equal(await count(serve, 'not_http2'), 4)
  const found = (await findings(serve)).filter(({ code }) => code === 'not-http2')
  assert.equal(found.length, 1)
  assert.match(found[0]?.wrong ?? '', /: 4 connections failed/)
  assert.match(found[0]?.fix ?? '', /tls\.mode DISABLE.*http\.listen/)
  assert.equal(serve.log.filter(({ status }) => status === 'not_http2').length, 1)
})

test('plain text and refused certificates at a TLS port are counted and named', async (t) => {
  const folder = temporaryFolder(t)
  const authority = makeCertificate({ commonName: 'ca', isAuthority: true })
  const server = makeCertificate({ commonName: 's', issuer: authority, dns: ['localhost'] })
  const stranger = makeCertificate({ commonName: 'x' })
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text)
    return join(folder, name)
  }
  const serve = await startServe(t, {
    db: databaseIn(folder),
    env: {
      SNIMETER_ALS_TLS_CERT_FILE: file('tls.crt', server.cert),
      SNIMETER_ALS_TLS_KEY_FILE: file('tls.key', server.key),
      SNIMETER_ALS_TLS_CLIENT_CA_FILE: file('ca.crt', authority.cert),
    },
  })
  begin(t, `http://127.0.0.1:${serve.alsPort}`)
  begin(t, `https://localhost:${serve.alsPort}`)
  await until('a first one', async () => (await count(serve, 'tls_failed')) === 1)
  begin(t, `https://localhost:${serve.alsPort}`, { cert: stranger.cert, key: stranger.key })
  await until('all are counted', async () => (await count(serve, 'tls_failed')) === 2)
  await until('plain text is counted', async () => (await count(serve, 'plain_text')) === 1)
  const found = new Map((await findings(serve)).map((one) => [one.code, one]))
  assert.match(found.get('plain-text')?.fix ?? '', /tls\.mode MUTUAL/)
  assert.match(found.get('tls-failed')?.wrong ?? '', /DEPTH_ZERO_SELF_SIGNED_CERT/)
  assert.match(found.get('tls-failed')?.fix ?? '', /client certificate/)
})
