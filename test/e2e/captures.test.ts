import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type CaptureTruth,
  capturePath,
  captureTruth,
  type LoggedConnection,
  loggedConnections,
} from '../helpers/captures.ts'
import { runCommand } from '../helpers/command.ts'
import { databaseIn } from '../helpers/serve.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'
import { integrity, select, totalsByName } from '../helpers/totals.ts'

interface Scenario {
  readonly files: readonly string[]
  /** Connections whose last word is in the capture and that had a socket at the server. */
  readonly joined: number
  /** Whether bytes per name must be the server's. */
  readonly total: boolean
  /** The name that the server's connections without SNI are booked to. */
  readonly nameless?: string
  /** What the name is where the sidecar saw none, though the server did. */
  readonly renamed?: Readonly<Record<string, string>>
  /** Names of connections that never reached the server: 0 bytes, but counted. */
  readonly unreached?: Readonly<Record<string, number>>
  /** Names that end in an abort, where sockets and entries differ by what lay in between. */
  readonly aborted?: RegExp
}

const OSS = 'oss-cn-shanghai.aliyuncs.com'
const INTERNAL = 'oss-cn-shanghai-internal.aliyuncs.com'

const SCENARIOS: Readonly<Record<string, Scenario>> = {
  'short-connections': whole('1.40.0/short-connections', 60),
  'short-connections of 1.36.2': whole('1.36.2/short-connections', 60),
  'long-lived-periodic': whole('1.40.0/long-lived-periodic', 4),
  'long-lived-periodic of 1.36.2': whole('1.36.2/long-lived-periodic', 4),
  'receiver-cycle': whole('1.40.0/receiver-cycle', 104),
  'all-types': {
    ...whole('1.40.0/all-types', 3),
    nameless: '127.0.0.1',
    unreached: { [`refused.${INTERNAL}`]: 1 },
  },
  'all-types of 1.36.2': {
    ...whole('1.36.2/all-types', 3),
    nameless: '127.0.0.1',
    unreached: { [`refused.${INTERNAL}`]: 1 },
  },
  'no-sni': { ...whole('1.40.0/no-sni', 5), nameless: '127.0.0.1' },
  'plaintext-on-443': { ...whole('1.40.0/plaintext-on-443', 3), nameless: '127.0.0.1' },
  'uppercase-sni': whole('1.40.0/uppercase-sni', 3),
  'vip-no-sni': {
    ...whole('1.40.0/vip-no-sni', 4),
    renamed: { 'www.baidu.com': 'baidu.com' },
  },
  'server-half-close': whole('1.40.0/server-half-close', 2),
  'duplicate-listener-log': {
    ...whole('1.40.0/duplicate-listener-log', 4),
    nameless: '127.0.0.1',
  },
  'two-loggers': whole('1.40.0/two-loggers', 4),
  'refused-upstream': {
    ...whole('1.40.0/refused-upstream', 1),
    unreached: { [`bucket-0.${INTERNAL}`]: 3, [`bucket-1.${INTERNAL}`]: 2 },
  },
  'no-healthy-upstream': {
    ...whole('1.40.0/no-healthy-upstream', 0),
    unreached: Object.fromEntries([0, 1, 2].map((i) => [`bucket-${i}.${INTERNAL}`, 1])),
  },
  'client-abort': {
    ...whole('1.40.0/client-abort', 9),
    total: false,
    aborted: /^(up|down|slowdown|server)-/,
  },
  'receiver-restart': {
    files: ['1.40.0/receiver-restart.1', '1.40.0/receiver-restart.2'],
    joined: 74,
    total: false,
  },
  'receiver-restart of 1.36.2': {
    files: ['1.36.2/receiver-restart.1', '1.36.2/receiver-restart.2'],
    joined: 84,
    total: false,
  },
  'envoy-restart': { ...whole('1.40.0/envoy-restart', 18), total: false },
}

function whole(file: string, joined: number): Scenario {
  return { files: [file], joined, total: true }
}

for (const [name, scenario] of Object.entries(SCENARIOS)) {
  test(`${name}: totals are the server's, per name and per connection`, async (t) => {
    const db = databaseIn(temporaryFolder(t))
    await replay(db, scenario.files)
    const logged = loggedConnections(scenario.files)

    // Per connection, as the entries say when another decoder reads them.
    assert.deepEqual(countedConnections(db), expectedConnections(logged))

    const truth = captureTruth(scenario.files[0] ?? '')
    const pairs = joinWithServer(logged, truth).filter(({ connection }) => connection.final)
    assert.equal(pairs.length, scenario.joined)
    for (const { connection, server } of pairs) {
      if (scenario.aborted?.test(connection.sni) === true) continue
      const { upload, download } = connection
      assert.deepEqual(
        { upload, download },
        { upload: BigInt(server.received), download: BigInt(server.written) },
      )
    }

    if (scenario.total) assert.deepEqual(totalsByName(db), expectedTotals(truth, scenario))
    await assertReplayAddsNothing(db, scenario.files)
  })
}

test('the two lives of a receiver, replayed one after the other, give what both at once give', async (t) => {
  const files = ['1.40.0/receiver-restart.1', '1.40.0/receiver-restart.2']
  const folder = temporaryFolder(t)
  const together = `${folder}/together.db`
  const apart = `${folder}/apart.db`
  await replay(together, files)
  for (const file of files) await replay(apart, [file])
  assert.deepEqual(countedConnections(apart), countedConnections(together))
  assert.deepEqual(totalsByName(apart), totalsByName(together))
})

for (const file of [
  '1.40.0/tls-origination-http',
  '1.40.0/tcp-als-on-hcm',
  '1.36.2/tls-origination-http',
] as const) {
  test(`${file}: requests count once, by host, with the bytes of their entries`, async (t) => {
    const db = databaseIn(temporaryFolder(t))
    await replay(db, [file])
    const totals = totalsByName(db)
    assert.deepEqual(Object.keys(totals), [OSS])
    const { upload, download } = totals[OSS] ?? {}
    // What Envoy wrote before its own TLS; the sockets saw 0.6 to 0.9 % more.
    assert.deepEqual({ upload, download }, { upload: 306_349n, download: 611_112n })
    await assertReplayAddsNothing(db, [file])
  })
}

async function replay(db: string, files: readonly string[]): Promise<void> {
  const result = await runCommand(['replay', '--db', db, ...files.map(capturePath)])
  assert.equal(result.code, 0, result.stderr)
}

async function assertReplayAddsNothing(db: string, files: readonly string[]): Promise<void> {
  const content = () => ({
    usage: select(db, 'SELECT * FROM usage ORDER BY 1, 3, 4, 5, 6, 7'),
    totals: select(db, 'SELECT * FROM workload_sni_totals ORDER BY 1, 2, 3, 4, 5'),
    connections: select(
      db,
      'SELECT connection_id, sni, upload_bytes, download_bytes, state FROM connections ORDER BY 1',
    ),
  })
  const before = content()
  await replay(db, files)
  assert.deepEqual(content(), before)
  assert.equal(integrity(db), 'ok')
}

interface Counted {
  readonly upload: bigint
  readonly download: bigint
  readonly closed: boolean
}

function countedConnections(db: string): Record<string, Counted> {
  const rows = select(
    db,
    'SELECT connection_id, upload_bytes, download_bytes, state FROM connections ORDER BY 1',
  )
  return Object.fromEntries(
    rows.map((row) => [
      String(row['connection_id']),
      {
        upload: row['upload_bytes'] as bigint,
        download: row['download_bytes'] as bigint,
        closed: row['state'] === 'closed',
      },
    ]),
  )
}

function expectedConnections(
  logged: ReadonlyMap<string, LoggedConnection>,
): Record<string, Counted> {
  return Object.fromEntries(
    [...logged.values()].map(({ streamId, upload, download, final }) => [
      streamId,
      { upload, download, closed: final },
    ]),
  )
}

/** Ports are used again within a run: of several connections with one, the nearest in time it is. */
function joinWithServer(
  logged: ReadonlyMap<string, LoggedConnection>,
  truth: CaptureTruth,
): { connection: LoggedConnection; server: { received: number; written: number } }[] {
  const servers = [
    ...truth.connections.flatMap(({ server }) => (server === null ? [] : [server])),
    ...truth.server_connections_without_id,
  ]
  return [...logged.values()].flatMap((connection) => {
    const [nearest] = servers
      .filter(({ peer }) => peer === connection.upstreamLocal)
      .sort((a, b) => distance(a.opened, connection) - distance(b.opened, connection))
    return nearest === undefined ? [] : [{ connection, server: nearest }]
  })
}

function distance(openedSeconds: number, { startSeconds }: LoggedConnection): number {
  return Math.abs(openedSeconds - startSeconds)
}

function expectedTotals(
  truth: CaptureTruth,
  { nameless, renamed = {}, unreached = {} }: Scenario,
): ReturnType<typeof totalsByName> {
  const served = Object.entries(truth.totals_by_sni).map(([sni, total]) => [
    sni === '' ? nameless : (renamed[sni] ?? sni),
    {
      upload: BigInt(total.client_to_server),
      download: BigInt(total.server_to_client),
      connections: BigInt(total.connections),
    },
  ])
  const refused = Object.entries(unreached).map(([name, connections]) => [
    name,
    { upload: 0n, download: 0n, connections: BigInt(connections) },
  ])
  return Object.fromEntries([...served, ...refused]) as ReturnType<typeof totalsByName>
}
