import {
  delimitedField,
  EntryType,
  mapEntry,
  type NodeDescription,
  numberField,
  type TcpEntry,
  textField,
} from '../helpers/entry-writer.ts'

/**
 * The two sizes of entries that occur: `plain` as a sidecar sends them (about 280 B, 58 to a message of
 * 16 KiB), `rich` with filter state, metadata and tags (about 600 B, 27 to a message).
 */
export type EntrySize = 'plain' | 'rich'

export const ENTRIES_PER_MESSAGE: Readonly<Record<EntrySize, number>> = { plain: 58, rich: 27 }

export const NAME_COUNT = 200
export const WORKLOAD_COUNT = 100

export interface Name {
  readonly sni: string
  readonly cluster: string
}

/** The names that workloads ask for; index = rank, the first is asked for most. */
export const NAMES: readonly Name[] = Array.from({ length: NAME_COUNT }, (_, rank) => nameOf(rank))

/** Numbers 0 … 1 that are the same in every run (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

/** A rank of `NAMES`, skewed: rank r about 1 / (r + 1) as often as the first (Zipf). */
export function skewedRank(random: () => number): number {
  return Math.floor((NAME_COUNT + 1) ** random()) - 1
}

/** The workload of the n-th stream: `WORKLOAD_COUNT` of them, several pods each. */
export function workloadOf(stream: number): {
  readonly namespace: string
  readonly name: string
} {
  const workload = stream % WORKLOAD_COUNT
  return { namespace: `team-${workload % 10}`, name: `service-${workload}` }
}

/** The node of the n-th stream, with as many extensions and as much metadata as a real sidecar. */
export function nodeOf(stream: number): NodeDescription {
  const { namespace, name } = workloadOf(stream)
  const pod = `${name}-ff5ff68d6-${stream.toString(36).padStart(5, '0')}`
  const ip = ipOf(stream)
  return {
    id: `sidecar~${ip}~${pod}.${namespace}~${namespace}.svc.cluster.local`,
    cluster: `${name}.${namespace}`,
    metadata: {
      NAME: pod,
      NAMESPACE: namespace,
      WORKLOAD_NAME: name,
      OWNER: `kubernetes://apis/apps/v1/namespaces/${namespace}/deployments/${name}`,
      CLUSTER_ID: 'Kubernetes',
      SERVICE_ACCOUNT: name,
      MESH_ID: 'cluster.local',
      ISTIO_VERSION: '1.31.0',
      INSTANCE_IPS: ip,
      INTERCEPTION_MODE: 'REDIRECT',
      NODE_NAME: `worker-${stream % 30}`,
      LABELS: {
        app: name,
        version: 'v1',
        'pod-template-hash': 'ff5ff68d6',
        'security.istio.io/tlsMode': 'istio',
        'service.istio.io/canonical-name': name,
        'service.istio.io/canonical-revision': 'v1',
      },
    },
    envoy: [1, 40, 0],
    extensions: 516,
  }
}

/** A connection of a stream's workload: everything but its counters, which the caller sets. */
export interface CorpusConnection {
  readonly rank: number
  readonly streamId: string
  readonly startMs: number
}

export function connectionOf(random: () => number, nowMs: number): CorpusConnection {
  return {
    rank: skewedRank(random),
    streamId: uuid(random),
    // Envoy's clock has microseconds.
    startMs: nowMs - Math.floor(random() * 600_000_000) / 1000,
  }
}

/** The entry of a connection; `type` periodic or end. */
export function entryOf(
  size: EntrySize,
  type: number,
  connection: CorpusConnection,
  stream: number,
  counters: { readonly upload: number; readonly download: number },
  random: () => number,
): TcpEntry {
  const { sni, cluster } = NAMES[connection.rank] as Name
  const ip = ipOf(stream)
  const upstream = `47.101.${connection.rank}.${1 + Math.floor(random() * 250)}`
  return {
    streamId: connection.streamId,
    type,
    sni,
    upstreamCluster: cluster,
    startMs: connection.startMs,
    ...(type === EntryType.tcpConnectionEnd
      ? { durationMs: 1 + Math.floor(random() * 30_000) }
      : {}),
    ...counters,
    downstreamRemote: { ip, port: 32_768 + Math.floor(random() * 28_000) },
    downstreamLocal: { ip: upstream, port: 443 },
    upstreamRemote: { ip: upstream, port: 443 },
    upstreamLocal: { ip, port: 32_768 + Math.floor(random() * 28_000) },
    extra: size === 'rich' ? richFields(stream, random) : [],
  }
}

/** Response flags on 3 %, dynamic metadata, filter state and custom tags: fields 16, 17, 21, 22. */
function richFields(stream: number, random: () => number): Buffer[] {
  const { namespace, name } = workloadOf(stream)
  const flags = random() < 0.03 ? [delimitedField(16, numberField(15, 1))] : []
  const principal = `spiffe://cluster.local/ns/${namespace}/sa/${name}`
  const state = delimitedField(
    2,
    textField(1, 'type.googleapis.com/google.protobuf.StringValue'),
    delimitedField(2, textField(1, principal)),
  )
  const tag = (key: string, value: string): Buffer => mapEntry(22, key, textField(2, value))
  return [
    ...flags,
    mapEntry(21, 'io.istio.local_principal', state),
    tag('istio.mesh_id', 'cluster.local'),
    tag('istio.namespace', namespace),
    tag('istio.canonical_service', name),
    tag('istio.canonical_revision', 'v1'),
    tag('istio.cluster_id', 'Kubernetes'),
  ]
}

function nameOf(rank: number): Name {
  const region = ['shanghai', 'hangzhou', 'beijing', 'shenzhen'][rank % 4] as string
  const scope = rank % 3 === 0 ? '-internal' : ''
  const host = `oss-cn-${region}${scope}.aliyuncs.com`
  return { sni: `bucket-${rank}.${host}`, cluster: `outbound|443||*.${host}` }
}

function ipOf(stream: number): string {
  return `10.${1 + (stream >> 16)}.${(stream >> 8) & 255}.${stream & 255}`
}

function uuid(random: () => number): string {
  const hex = Array.from({ length: 4 }, () =>
    Math.floor(random() * 2 ** 32)
      .toString(16)
      .padStart(8, '0'),
  ).join('')
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `4${hex.slice(13, 16)}`,
    `8${hex.slice(17, 20)}`,
    hex.slice(20),
  ].join('-')
}
