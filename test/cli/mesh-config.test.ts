import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { parseAllDocuments } from 'yaml'
import { runCommand as snimeter } from '../helpers/command.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'

test('mesh-config prints one YAML stream for the hosts, notes on stderr', async () => {
  const { code, stdout, stderr } = await snimeter([
    'mesh-config',
    '--host',
    '*.b.example.com',
    '--host',
    '*.example.com',
    '--port',
    '8443',
    '--port',
    '443',
    '--flush',
    '10s',
    '--provider',
    'egress',
    '--namespace',
    'outside',
    '--root-namespace',
    'mesh',
    '--receiver',
    'meters/bytes:4317',
  ])
  assert.equal(code, 0)
  assert.match(stderr, /^snimeter: note: \*\.example\.com does not match example\.com itself/)
  const documents = parseAllDocuments(stdout).map((document) => document.toJS())
  assert.deepEqual(
    documents.map(({ kind, metadata }) => [kind, metadata.namespace, metadata.name]),
    [
      ['ServiceEntry', 'outside', 'wildcard'],
      ['Telemetry', 'mesh', 'mesh-default'],
      ['EnvoyFilter', 'mesh', 'snimeter-flush'],
    ],
  )
  const [entry, telemetry, filter] = documents
  assert.deepEqual(entry.spec, {
    hosts: ['*.example.com', '*.b.example.com'],
    location: 'MESH_EXTERNAL',
    ports: [
      { name: 'tls', number: 443, protocol: 'TLS' },
      { name: 'tls-8443', number: 8443, protocol: 'TLS' },
    ],
    resolution: 'NONE',
  })
  assert.deepEqual(telemetry.spec.accessLogging[0].providers, [{ name: 'egress' }])
  assert.deepEqual(
    filter.spec.configPatches.map((one: PortPatch) => [
      one.match.listener.portNumber,
      one.patch.value.typed_config.access_log_options.access_log_flush_interval,
    ]),
    [
      [443, '10s'],
      [8443, '10s'],
    ],
  )
  assert.match(stdout, /service: meters\/bytes\.meters\.svc\.cluster\.local\n# +port: 4317/)
})

interface PortPatch {
  readonly match: { readonly listener: { readonly portNumber: number } }
  readonly patch: {
    readonly value: {
      readonly typed_config: {
        readonly access_log_options: { readonly access_log_flush_interval: string }
      }
    }
  }
}

test('what is refused exits 2 with every reason on a line and nothing on stdout', async () => {
  const { code, stdout, stderr } = await snimeter([
    'mesh-config',
    '--host',
    '*',
    '--host',
    'x\u001b[2J',
    '--variant',
    'both',
  ])
  assert.equal(code, 2)
  assert.equal(stdout, '')
  const lines = stderr.trimEnd().split('\n')
  assert.equal(lines.length, 4)
  assert.equal(lines[0], 'snimeter: mesh-config refuses this:')
  assert.match(lines[1] ?? '', /^ {2}--variant both: is not a variant; use one of telemetry, /)
  assert.match(lines[2] ?? '', /^ {2}--host \*: is every name there is; .+; name the domains/)
  assert.match(lines[3] ?? '', /^ {2}--host x\\u\{1b\}\[2J: /)
})

test('without hosts nothing is printed but on request', async () => {
  const none = await snimeter(['mesh-config', '--form', 'helm'])
  assert.deepEqual([none.code, none.stdout], [2, ''])
  assert.match(none.stderr, /^ {2}--host: is not given; .*--host '\*\.example\.com', or --example/m)
  const both = await snimeter(['mesh-config', '--example', '--host', '*.example.com'])
  assert.deepEqual([both.code, both.stdout], [2, ''])
  const example = await snimeter(['mesh-config', '--example'])
  assert.equal(example.code, 0)
  assert.match(example.stderr, /^snimeter: note: The hosts are those of an example/m)
  assert.match(example.stdout, /aliyuncs\.com/)
})

test('the flush interval has to agree with the configuration of the receiver', async (t) => {
  const config = join(temporaryFolder(t), 'snimeter.yaml')
  writeFileSync(config, 'ledger: { flush_interval: 60s }\n')
  const host = ['mesh-config', '--host', '*.example.com']
  const long = await snimeter([...host, '--flush', '1m'])
  assert.equal(long.code, 2)
  assert.match(long.stderr, /--flush 60s: is longer than the receiver expects/)
  const agreed = await snimeter([...host, '--flush', '1m', '--config', config])
  assert.equal(agreed.code, 0)
  assert.match(agreed.stdout, /access_log_flush_interval: 60s/)
  const wrong = await snimeter([...host, '--flush', '15'])
  assert.equal(wrong.code, 2)
  assert.match(wrong.stderr, /It has no unit: use one like 15s/)
})
