import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client, credentials } from '@grpc/grpc-js'
import { AlsSender, sidecarIdentifier } from '../helpers/als-sender.ts'
import { cleanEnvironment, PROJECT, runCommand } from '../helpers/command.ts'
import { EntryType, tcpEntry, tcpMessage } from '../helpers/entry-writer.ts'
import { Random } from '../helpers/random.ts'
import { databaseIn, metricSum, ServeProcess, spawnServe, startServe } from '../helpers/serve.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'
import { integrity, select, totalsByWorkloadAndName } from '../helpers/totals.ts'
import { until } from '../helpers/until.ts'

const random = new Random(7)

function entry(upload: number): Buffer {
  return tcpEntry({
    streamId: random.uuid(),
    type: EntryType.tcpConnectionEnd,
    sni: 'photos.example.com',
    startMs: Date.now() - 20,
    durationMs: 20,
    upload,
    download: 10 * upload,
  })
}

const identifier = sidecarIdentifier('shop', 'checkout')

test('serve says where it listens and where the data is, and is ready', async (t) => {
  const folder = temporaryFolder(t)
  const db = `${folder}/made/on/the/way/snimeter.db`
  const serve = await startServe(t, { db })
  assert.match(serve.alsAddress, /^127\.0\.0\.1:\d+$/)
  const line = serve.log.find(({ msg }) => msg === 'keeping usage in SQLite')
  assert.equal(line?.['path'], db)
  assert.ok(existsSync(db))
  for (const path of ['/livez', '/readyz', '/metrics']) {
    assert.equal((await fetch(serve.httpUrl + path)).status, 200, path)
  }
  assert.equal(await grpcHealth(serve.alsAddress), SERVING)
  const healthcheck = await runCommand(['healthcheck', '--url', serve.httpUrl])
  assert.equal(healthcheck.code, 0, healthcheck.stderr)
})

const SERVING = 1

/** grpc.health.v1.Health/Check of the whole server; the answer's only field is an enum. */
function grpcHealth(address: string): Promise<number | undefined> {
  const client = new Client(address, credentials.createInsecure())
  const asIs = (bytes: Buffer): Buffer => bytes
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      '/grpc.health.v1.Health/Check',
      asIs,
      asIs,
      Buffer.alloc(0),
      (error, answer) => {
        client.close()
        if (error) reject(error)
        else resolve(answer?.[1])
      },
    )
  })
}

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`${signal} ends streams gracefully, commits everything and exits with 0`, async (t) => {
    const db = databaseIn(temporaryFolder(t))
    // Only the last commit can bring it into the file.
    const serve = await startServe(t, { db, env: { SNIMETER_STORE_COMMIT_INTERVAL: '60s' } })
    const sender = new AlsSender(serve.alsAddress)
    assert.ok(await sender.send(tcpMessage([entry(100), entry(200)], identifier)))
    await until('the entries are received', async () => {
      return (await metricSum(serve, 'snimeter_entries_received_total')) === 2
    })
    assert.equal(await serve.terminate(signal), 0, serve.stderr)
    assert.equal(await sender.ended, 0)
    assert.deepEqual(totalsByWorkloadAndName(db), {
      'shop/checkout photos.example.com': { upload: 300n, download: 3000n, connections: 2n },
    })
    assert.equal(integrity(db), 'ok')
    assert.equal(serve.log.at(-1)?.msg, 'stopped, everything is committed')
  })
}

test('a second signal, later than a moment, exits at once', async (t) => {
  const db = databaseIn(temporaryFolder(t))
  const serve = await startServe(t, {
    db,
    env: { SNIMETER_SHUTDOWN_PROPAGATION_DELAY: '60s', SNIMETER_SHUTDOWN_DEADLINE: '120s' },
  })
  serve.child.kill('SIGTERM')
  await until('it is unready', async () => (await fetch(`${serve.httpUrl}/readyz`)).status === 503)
  assert.equal((await fetch(`${serve.httpUrl}/livez`)).status, 200)
  // What comes within a second of the first is the same signal, twice delivered.
  serve.child.kill('SIGTERM')
  await sleep(1100)
  assert.equal(serve.hasExited, false)
  assert.equal(await serve.terminate(), 1)
})

test('a second writer on the same file is refused with exit code 1 and a reason', async (t) => {
  const db = databaseIn(temporaryFolder(t))
  const first = await startServe(t, { db })
  const second = spawnServe({ db })
  t.after(() => second.kill())
  assert.equal(await second.exited, 1)
  assert.match(second.stderr, /snimeter\.db/)
  assert.doesNotMatch(second.stderr, /\n\s+at /, 'an expected failure has no stack')
  const replay = await runCommand([
    'replay',
    '--db',
    db,
    'test/fixtures/captures/1.40.0/short-connections.alscap',
  ])
  assert.equal(replay.code, 1)
  assert.match(replay.stderr, /snimeter\.db/)
  // The first one goes on.
  const sender = new AlsSender(first.alsAddress)
  assert.ok(await sender.send(tcpMessage([entry(5)], identifier)))
  assert.equal(await sender.end(), 0)
  assert.equal(await first.terminate(), 0)
  assert.equal(select(db, 'SELECT * FROM sni_totals').length, 1)
})

test('an address in use is refused with exit code 1 and a reason', async (t) => {
  const folder = temporaryFolder(t)
  const first = await startServe(t, { db: `${folder}/a.db` })
  const second = spawnServe({ db: `${folder}/b.db`, alsListen: first.alsAddress })
  t.after(() => second.kill())
  assert.equal(await second.exited, 1)
  assert.ok(second.stderr.includes(first.alsAddress), second.stderr)
})

test('npm start listens, and stops on the signal that npm gets', async (t) => {
  const db = databaseIn(temporaryFolder(t))
  const arguments_ = ['--db', db, '--als-listen', '127.0.0.1:0', '--http-listen', '127.0.0.1:0']
  const npm = spawn('npm', ['start', '-s', '--', ...arguments_, '--log-format', 'json'], {
    cwd: PROJECT,
    env: cleanEnvironment(),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const serve = new ServeProcess(npm)
  t.after(() => serve.kill())
  await until('it receives', () => serve.log.some(({ msg }) => msg === 'keeping usage in SQLite'))
  assert.equal(await serve.terminate(), 0, serve.stderr)
  assert.equal(serve.log.at(-1)?.msg, 'stopped, everything is committed')
})
