import assert from 'node:assert/strict'
import {
  copyFileSync,
  mkdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { credentials, status } from '@grpc/grpc-js'
import { type TlsConfig, TlsFiles } from '../../src/receiver/tls-files.ts'
import { SampledLogger } from '../../src/telemetry/sampled-logger.ts'
import { AccessLogClient } from '../helpers/access-log-client.ts'
import { makeCertificate } from '../helpers/certificates.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'
import { until } from '../helpers/until.ts'
import { startReceiver } from './receiver-fixture.ts'

const HOUR = 3_600_000

const fixture = (name: string): string =>
  fileURLToPath(new URL(`../fixtures/tls/${name}`, import.meta.url))
const pem = (name: string): Buffer => readFileSync(fixture(name))

/**
 * A volume of certificates as Kubernetes makes it: the files are links into a folder that a renewal
 * replaces in one step.
 */
class Volume {
  readonly #folder: string
  #versions = 0

  constructor(t: TestContext) {
    this.#folder = temporaryFolder(t)
    this.write('')
    for (const name of ['tls.crt', 'tls.key', 'ca.crt']) {
      symlinkSync(join('..data', name), join(this.#folder, name))
    }
  }

  get config(): TlsConfig {
    const [certFile = '', keyFile = '', clientCaFile = ''] = ['tls.crt', 'tls.key', 'ca.crt'].map(
      (name) => join(this.#folder, name),
    )
    return { certFile, keyFile, clientCaFile }
  }

  write(prefix: string, key = `${prefix}server.key`): void {
    const version = `..v${++this.#versions}`
    const folder = join(this.#folder, version)
    mkdirSync(folder)
    copyFileSync(fixture(`${prefix}server.pem`), join(folder, 'tls.crt'))
    copyFileSync(fixture(key), join(folder, 'tls.key'))
    copyFileSync(fixture(`${prefix}ca.pem`), join(folder, 'ca.crt'))
    symlinkSync(version, join(this.#folder, '..data_tmp'))
    renameSync(join(this.#folder, '..data_tmp'), join(this.#folder, '..data'))
  }
}

const silent = new SampledLogger(
  { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined },
  { monotonicMs: () => 0 },
)

/** Sends one message on a new connection; gives the status. */
async function send(address: string, set: '' | 'renewed-', by = set): Promise<number> {
  const own = credentials.createSsl(
    pem(`${set}ca.pem`),
    pem(`${by}client.key`),
    pem(`${by}client.pem`),
  )
  using client = new AccessLogClient(address, { credentials: own })
  const stream = client.open()
  await stream.send(Buffer.from('x')).catch(() => undefined)
  return (await stream.end()).code
}

test('renewed certificate, key and client CA are served without a restart; open streams go on', async (t) => {
  const volume = new Volume(t)
  await using receiver = await startReceiver({ tls: volume.config, tlsLookEveryMs: 20 })
  using old = new AccessLogClient(receiver.address, {
    credentials: credentials.createSsl(pem('ca.pem'), pem('client.key'), pem('client.pem')),
  })
  const stream = old.open()
  await stream.send(Buffer.from('before'))
  assert.equal(await send(receiver.address, 'renewed-'), status.UNAVAILABLE)

  volume.write('renewed-')
  await until('the renewed certificate is served', async () => {
    return (await send(receiver.address, 'renewed-')) === 0
  })
  // Neither the old server certificate nor a client of the old CA works any more.
  assert.equal(await send(receiver.address, ''), status.UNAVAILABLE)
  assert.equal(await send(receiver.address, 'renewed-', ''), status.UNAVAILABLE)
  await stream.send(Buffer.from('after'))
  assert.equal((await stream.end()).code, status.OK)
  assert.deepEqual(receiver.streams[0]?.messages, ['before', 'after'])
  const [server] = receiver.receiver.certificates()
  assert.equal(server?.broken, '')
})

test('a set that does not work together is not served: the one from before is', async (t) => {
  const volume = new Volume(t)
  const files = new TlsFiles(volume.config, silent)
  volume.write('renewed-', 'server.key')
  await files.look()
  assert.deepEqual([files.failures, files.report()[0]?.broken], [0, ''], 'it may be half written')
  await files.look()
  assert.equal(files.failures, 1)
  assert.match(files.report()[0]?.broken ?? '', /do not work: .*key values mismatch/)

  volume.write('renewed-')
  await files.look()
  assert.deepEqual([files.renewals, files.failures, files.report()[0]?.broken], [1, 1, ''])
})

test('a file that is missing or holds no certificate keeps the last good set', async (t) => {
  const volume = new Volume(t)
  const { config } = volume
  const files = new TlsFiles(config, silent)
  renameSync(config.clientCaFile, `${config.clientCaFile}.away`)
  await files.look()
  await files.look()
  assert.match(files.report()[1]?.broken ?? '', /^cannot read als\.tls\.client_ca_file: ENOENT/)
  writeFileSync(config.clientCaFile, 'nothing')
  await files.look()
  assert.equal(files.renewals, 0)
  assert.equal(files.failures, 2)
})

test('a certificate that is over never replaces one that is served', async (t) => {
  const config = {
    certFile: join(temporaryFolder(t), 'tls.crt'),
    keyFile: join(temporaryFolder(t), 'tls.key'),
    clientCaFile: '',
  }
  const write = (fromMs: number, toMs: number): void => {
    const made = makeCertificate({
      commonName: 'receiver',
      notBefore: new Date(Date.now() + fromMs),
      notAfter: new Date(Date.now() + toMs),
    })
    writeFileSync(config.certFile, made.cert)
    writeFileSync(config.keyFile, made.key)
  }
  write(-HOUR, HOUR)
  const files = new TlsFiles(config, silent)
  const [served] = files.report()
  write(-3 * HOUR, -HOUR)
  await files.look()
  await files.look()
  const [kept] = files.report()
  assert.deepEqual([files.renewals, files.failures], [0, 1])
  assert.equal(kept?.notAfterMs, served?.notAfterMs)
  assert.match(kept?.broken ?? '', /^the certificate of als\.tls\.cert_file expired at /)
  // A receiver whose clock is ahead takes up a newer one, which it believes to be over.
  write(-3 * HOUR, -2 * HOUR)
  const ahead = new TlsFiles(config, silent)
  write(-2 * HOUR, -HOUR)
  await ahead.look()
  assert.equal(ahead.renewals, 1)
})

test('it knows until when: the chain by its first certificate, CAs by the last that is valid', async (t) => {
  const folder = temporaryFolder(t)
  const bundle = join(folder, 'ca.pem')
  writeFileSync(bundle, Buffer.concat([pem('ca.pem'), pem('renewed-ca.pem')]))
  const files = new TlsFiles(
    { certFile: fixture('server.pem'), keyFile: fixture('server.key'), clientCaFile: bundle },
    silent,
  )
  const only = (ca: string): number =>
    new TlsFiles(
      {
        certFile: fixture('server.pem'),
        keyFile: fixture('server.key'),
        clientCaFile: fixture(ca),
      },
      silent,
    ).report()[1]?.notAfterMs ?? 0
  const [server, clients] = files.report()
  assert.ok((server?.notAfterMs ?? 0) > Date.UTC(2100, 0))
  assert.equal(clients?.notAfterMs, Math.max(only('ca.pem'), only('renewed-ca.pem')))
})
