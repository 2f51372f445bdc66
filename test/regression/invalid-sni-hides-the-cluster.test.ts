import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { Committer } from '../../src/committer.ts'
import { declarePipelineMetrics } from '../../src/pipeline-metrics.ts'
import { Metrics } from '../../src/telemetry/registry.ts'
import { parseCsv, runCommand } from '../helpers/command.ts'
import {
  EntryType,
  identifierField,
  type TcpEntry,
  tcpEntry,
  tcpMessage,
} from '../helpers/entry-writer.ts'
import { ReceiverLife, sidecarOf, streamId } from '../helpers/receiver-life.ts'
import { ReplayedFile } from '../helpers/replayed-file.ts'
import { SHOP_SIDECAR } from '../helpers/shop-sidecar.ts'

const NOON = Date.UTC(2026, 10, 24, 12)
const EXACT = 'outbound|443||api.vendor.example'
const UPSTREAM = { ip: '203.0.113.10', port: 443 }

const idOf = (i: number) => `00000000-0000-4000-8000-${String(i).padStart(12, '0')}`

function message(entries: readonly Partial<TcpEntry>[], node = SHOP_SIDECAR) {
  const encoded = entries.map((names, i) =>
    tcpEntry({ type: EntryType.tcpConnectionEnd, streamId: idOf(i), startMs: NOON, ...names }),
  )
  return { ms: NOON + 1000, message: tcpMessage(encoded, node) }
}

const NAMES = `SELECT name_source, sni, invalid_sni FROM connections ORDER BY connection_id`

it('an SNI that is no name leaves the next source, and is kept as it was sent', async (t) => {
  const file = new ReplayedFile(t)
  const invalid = [
    ['a b.example', 'a b.example'],
    ['a..b', 'a..b'],
    ['.a.example', '.a.example'],
    ['__other__', '__other__'],
    ['outbound|443||x.example', 'outbound|443||x.example'],
    ['*.example.com', '*.example.com'],
    ['1.2.3.4:443', '1.2.3.4:443'],
    ['bücher.example', 'b\\u{fc}cher.example'],
    ['x\\y\u001b[2J\u202e\n', 'x\\u{5c}y\\u{1b}[2J\\u{202e}\\u{a}'],
    ['=cmd|x', '=cmd|x'],
    ['a'.repeat(254), `${'a'.repeat(253)}...`],
  ] as const
  await file.replay([
    message([
      ...invalid.map(([sni]) => ({ sni, upstreamCluster: EXACT, upload: 1 })),
      { sni: 'a b', upstreamCluster: 'PassthroughCluster', upstreamRemote: UPSTREAM, upload: 10 },
      { sni: 'a b', upstreamCluster: 'PassthroughCluster', upload: 100 },
      { sni: 'ok.example', upstreamCluster: EXACT, upload: 1000 },
    ]),
  ])
  assert.deepEqual(file.rows(NAMES), [
    ...invalid.map(([, text]) => ['cluster', 'api.vendor.example', text]),
    ['address', '203.0.113.10', 'a b'],
    ['sni', '__invalid__', 'a b'],
    ['sni', 'ok.example', ''],
  ])
  assert.deepEqual(
    file.rows('SELECT sni, upload_bytes FROM sni_totals ORDER BY upload_bytes'),
    [
      ['203.0.113.10', 10],
      ['__invalid__', 100],
      ['api.vendor.example', 11],
      ['ok.example', 1000],
    ].toSorted((a, b) => Number(a[1]) - Number(b[1])),
  )
})

it('the command shows the text that was sent, and a table only where there is one', async (t) => {
  const shown = async (sni: string, format: string) => {
    const file = new ReplayedFile(t)
    await file.replay([message([{ sni, upstreamCluster: EXACT, upload: 1 }])])
    return (await runCommand(['connections', '--db', file.path, '--format', format])).stdout
  }
  const [row] = parseCsv(await shown('=cmd|\u001b[2J', 'csv'))
  assert.equal(row?.['sni'], 'api.vendor.example')
  assert.equal(row?.['invalid_sni'], "'=cmd|\\u{1b}[2J")
  assert.match(await shown('a b', 'table'), /INVALID SNI[^]* a b /)
  assert.doesNotMatch(await shown('ok.example', 'table'), /INVALID/)
})

it('an SNI that is no name does not decide before the cluster is known', async (t) => {
  const file = new ReplayedFile(t)
  const begin = { type: EntryType.tcpConnectionStart }
  await file.replay([
    message([
      { sni: 'a b', ...begin },
      { sni: '192.0.2.7', ...begin },
      { sni: 'outbound_.443_._.gateway.example', ...begin },
    ]),
    message(
      ['a b', '192.0.2.7', 'outbound_.443_._.gateway.example'].map((sni) => ({
        sni,
        upstreamCluster: EXACT,
        type: EntryType.tcpUpstreamConnected,
      })),
    ),
    message(
      ['a b', '192.0.2.7', 'outbound_.443_._.gateway.example'].map((sni) => ({
        sni,
        upstreamCluster: EXACT,
        upload: 5,
      })),
    ),
  ])
  assert.deepEqual(file.rows('SELECT sni, upload_bytes, connections FROM sni_totals'), [
    ['api.vendor.example', 15, 3],
  ])
})

it('an IP address as SNI is an address, of either family and however it is written', async (t) => {
  const file = new ReplayedFile(t)
  const written = [
    ['192.0.2.7', '192.0.2.7'],
    ['192.0.2.7.', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['::FFFF:c000:207', '192.0.2.7'],
    ['2001:db8::1', '2001:db8::1'],
    ['2001:DB8:0:0::0:1', '2001:db8::1'],
    ['[2001:db8::1]', '2001:db8::1'],
    ['2001:db8::1%eth0', '2001:db8::1'],
    ['2001:0db8::0001.', '2001:db8::1'],
  ] as const
  await file.replay([
    message([
      ...written.map(([sni]) => ({ sni, upstreamRemote: UPSTREAM, upload: 1 })),
      ...written.map(([sni]) => ({ sni, upstreamCluster: EXACT, upload: 1 })),
      // Not addresses to everybody: names, as they were sent.
      ...['1.2.3', '0x7f.1', '010.0.0.1'].map((sni) => ({ sni, upload: 1 })),
    ]),
  ])
  assert.deepEqual(file.rows(NAMES), [
    ...written.map(([, address]) => ['sni', address, '']),
    ...written.map(() => ['cluster', 'api.vendor.example', '']),
    ...['1.2.3', '0x7f.1', '010.0.0.1'].map((name) => ['sni', name, '']),
  ])
})

it('an invalid SNI is counted once a connection, and charged to who sent it', async (t) => {
  const life = new ReceiverLife(t)
  const flood = life.pipeline.openStream('flood')
  const quiet = { sni: 'a b', startMs: NOON - 2000, upload: 0, download: 0 }
  const node = sidecarOf('cart', '10.0.0.1')
  life.hear(node, [{ ...quiet, streamId: streamId(1), type: EntryType.tcpPeriodic }], NOON)
  // Written with a cut in between, in which the connection is not in the file yet.
  life.commit()
  const bytes = { ...quiet, upload: 5, upstreamCluster: EXACT }
  life.hear(node, [{ ...bytes, streamId: streamId(1), type: EntryType.tcpPeriodic }], NOON + 1000)
  life.hear(
    node,
    [{ ...bytes, streamId: streamId(1), type: EntryType.tcpConnectionEnd }],
    NOON + 2000,
  )
  life.hear(node, [{ ...quiet, streamId: streamId(2), type: EntryType.tcpPeriodic }], NOON + 3000)
  const { invalidSnis } = life.pipeline
  assert.equal(invalidSnis.count, 1)
  const metrics = new Metrics()
  declarePipelineMetrics(metrics, life.pipeline, {} as Committer)
  const counted = async (): Promise<string[]> =>
    (await metrics.text()).split('\n').filter((line) => line.startsWith('snimeter_invalid_snis_'))
  assert.deepEqual(await counted(), [
    'snimeter_invalid_snis_total 1',
    'snimeter_invalid_snis_dropped_total 0',
  ])
  const many = Array.from({ length: 5000 }, (_, i) => ({
    ...bytes,
    streamId: streamId(10 + i),
    type: EntryType.tcpConnectionEnd,
  }))
  life.hear(sidecarOf('flood', '10.0.0.2'), many, NOON + 4000, flood)
  assert.equal(invalidSnis.count, 5001)
  assert.equal(invalidSnis.dropped, 0)
  assert.deepEqual(life.rows("SELECT count(*) FROM connections WHERE invalid_sni = 'a b'"), [
    '5001',
  ])
  const more = { ...bytes, type: EntryType.tcpConnectionEnd }
  life.hear(
    sidecarOf('flood', '10.0.0.2'),
    [6001, 6002].map((id) => ({ ...more, streamId: streamId(id) })),
    NOON + 5000,
    flood,
  )
  assert.deepEqual(await counted(), [
    'snimeter_invalid_snis_total 5003',
    'snimeter_invalid_snis_dropped_total 2',
  ])
})

it('an invalid SNI is kept though the name that was known before is as good', async (t) => {
  const file = new ReplayedFile(t)
  const before = { upstreamCluster: EXACT, type: EntryType.tcpUpstreamConnected }
  await file.replay([
    message([before]),
    message([{ sni: 'a b', upstreamCluster: EXACT, upload: 5 }]),
  ])
  assert.deepEqual(file.rows(NAMES), [['cluster', 'api.vendor.example', 'a b']])
})

it('a flood of invalid SNIs is bounded in the file, and leaves others their room', async (t) => {
  const file = new ReplayedFile(t)
  const flood = Array.from({ length: 20_000 }, (_, i) => ({ sni: `flood ${i}`, upload: 1 }))
  const neighbour = identifierField({
    id: 'neighbour',
    cluster: 'neighbour',
    metadata: {},
    envoy: [1, 40, 0],
  })
  await file.replay([
    message(flood),
    message([{ sni: 'n b', upload: 1, streamId: idOf(30_000) }], neighbour),
  ])
  assert.deepEqual(file.rows("SELECT count(*) FROM connections WHERE invalid_sni <> ''"), [[5000]])
  assert.deepEqual(file.rows('SELECT sni, upload_bytes FROM sni_totals'), [['__invalid__', 20_001]])
})
