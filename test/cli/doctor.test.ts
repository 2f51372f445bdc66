import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { MAIN, PROJECT, runCommand as snimeter } from '../helpers/command.ts'

const FIXTURES = 'test/fixtures/doctor'

test('doctor mesh: findings on stdout, one a line with its code, the sum on stderr, exit 1', async () => {
  const file = `${FIXTURES}/mistakes/provider-undefined.yaml`
  const { code, stdout, stderr } = await snimeter(['doctor', 'mesh', '-f', file])
  assert.equal(code, 1)
  assert.equal(
    stdout.split('\n')[0],
    'error    Telemetry istio-system/mesh-default: names provider snimetr, which MeshConfig does not define: istiod skips it; did you mean snimeter? [provider-undefined]',
  )
  assert.match(stdout, /^note {5}ServiceEntry external\/wildcard: .* \[wildcard-apex\]\n$/m)
  assert.equal(stderr, 'snimeter: 1 error and 0 warnings in 8 objects\n')
})

test('doctor mesh: nothing wrong is exit 0, whatever the notes', async () => {
  const file = `${FIXTURES}/correct/telemetry.yaml`
  const { code, stdout, stderr } = await snimeter(['doctor', 'mesh', '-f', file, '--istio', '1.29'])
  assert.equal(code, 0)
  assert.match(stdout, /^note .*\n$/)
  assert.equal(stderr, 'nothing wrong in 8 objects\n')
})

test('doctor mesh reads stdin and several files together, and prints JSON', async () => {
  const file = `${FIXTURES}/correct/envoyfilter-only.yaml`
  const args = ['doctor', 'mesh', '-f', '-', file, '--output', 'json']
  const child = spawn(process.execPath, [MAIN, ...args], { cwd: PROJECT })
  child.stdin.end(readFileSync(`${PROJECT}/${FIXTURES}/correct/telemetry.yaml`))
  const [stdout, [code]] = await Promise.all([text(child.stdout), once(child, 'close')])
  assert.equal(code, 1)
  const { findings } = JSON.parse(stdout) as { findings: Record<string, string>[] }
  const twice = findings.find((finding) => finding['code'] === 'logged-twice')
  assert.equal(twice?.['severity'], 'error')
  assert.equal(twice?.['subject'], 'EnvoyFilter istio-system/snimeter patch 1')
})

test('doctor: wrong usage and files that cannot be read exit 2 with the reason', async () => {
  const wrong: [string[], RegExp][] = [
    [['mesh'], /give files with -f; - is stdin/],
    [['mesh', '-f', 'no-such.yaml'], /no-such\.yaml can't be read: ENOENT/],
    [['mesh', '-f', 'package.json', '--receiver', 'snimeter'], /Use namespace\/name:port/],
    [['mesh', '-f', 'package.json', '--istio', '2'], /It is not an Istio release/],
    [['mesh', '-f', 'LICENSE'], /LICENSE: document 1 is not/],
    [['mesh', '-f', 'package.json', '--output', 'xml'], /Allowed choices are text, json/],
    [['proxy', '-f', 'package.json'], /package\.json: has no listeners and no clusters/],
    [['proxy', '--url', 'http://10.0.0.1:15000'], /is not on this machine/],
    [['moon'], /unknown command 'moon'/],
  ]
  for (const [args, message] of wrong) {
    const { code, stdout, stderr } = await snimeter(['doctor', ...args])
    assert.equal(code, 2, `${args.join(' ')}: ${stderr}`)
    assert.match(stderr, message)
    assert.equal(stdout, '')
  }
})

test("doctor proxy asks Envoy's admin port on this machine", async (t) => {
  const dump = readFileSync(`${PROJECT}/${FIXTURES}/proxies/sidecar.json`)
  const server = createServer(({ url }, response) => {
    response.statusCode = url === '/config_dump' ? 200 : 404
    response.end(dump)
  }).listen(0, '127.0.0.1')
  t.after(() => server.close())
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const right = await snimeter(['doctor', 'proxy', '--url', url])
  assert.equal(right.code, 0)
  assert.equal(right.stdout.split('\n').length, 3)
  assert.equal(right.stderr, 'nothing wrong in this proxy\n')
  server.close()
  await once(server, 'close')
  const gone = await snimeter(['doctor', 'proxy', '--url', url])
  assert.equal(gone.code, 3)
  assert.match(gone.stderr, /\/config_dump does not answer/)
})
