import type { StoreBatch } from '../../src/model/batch.ts'
import { REJECT_REASONS } from '../../src/model/reject-reason.ts'
import { UNKNOWN_NODE } from '../../src/model/source.ts'

/** 2026-11-24T12:00:00Z */
export const NOON = Date.UTC(2026, 10, 24, 12)

export interface UsageIncrement {
  windowMs?: number
  windowSeconds?: number
  workload?: string
  /** A pod of it; '' if not given. */
  pod?: string
  sni?: string
  upload?: number
  download?: number
  estimated?: number
  opened?: number
  closed?: number
  firstMs?: number
  lastMs?: number
}

export interface ConnectionRow {
  /** Last byte of the key. */
  id: number
  sni?: string
  state?: number
  kind?: number
  upload?: number
  download?: number
  startMs?: number
  lastArrivalMs?: number
  lastLedgerMs?: number
  momentMs?: number
  lost?: number
  hop?: boolean
  address?: [number, number, number, number]
  port?: number
}

export interface BatchContent {
  sequence: number
  clock?: Partial<StoreBatch['clock']>
  usage?: UsageIncrement[]
  connections?: ConnectionRow[]
  coverage?: {
    windowMs: number
    entries: number
    hopBytes?: number
    rejected?: Partial<Record<string, number>>
  }[]
}

/** Session ids of names, the same in every batch, defined whenever they are used. */
class Names {
  readonly list: string[] = []
  id(name: string): number {
    const known = this.list.indexOf(name)
    return known >= 0 ? known : this.list.push(name) - 1
  }
}

/** Makes batches as the pipeline would, out of what a test cares about. */
export function makeBatch(content: BatchContent): StoreBatch {
  const workloads = new Names()
  const destinations = new Names()
  const usage = content.usage ?? []
  const connections = content.connections ?? []
  const coverage = content.coverage ?? []
  workloads.id('shop')
  const workloadIds = usage.map((row) => workloads.id(row.workload ?? 'shop'))
  // One pod id for each workload and pod, as 'workload/pod'.
  const pods = new Names()
  const podOf = (workload = 'shop', pod = '') => pods.id(`${workload}/${pod}`)
  podOf()
  const podIds = usage.map((row) => podOf(row.workload, row.pod))
  const destinationIds = usage.map((row) => destinations.id(row.sni ?? 'a.example'))
  const connectionIds = connections.map((row) => destinations.id(row.sni ?? 'a.example'))
  const f64 = (values: number[]) => Float64Array.from(values)
  const i32 = (values: number[]) => Int32Array.from(values)
  const u8 = (values: number[]) => Uint8Array.from(values)
  return {
    sequence: content.sequence,
    clock: { ledgerMs: 0, newestMs: NOON, minutesFromMs: 0, newestStartMs: 0, ...content.clock },
    definitions: {
      workloads: workloads.list.map((name, id) => ({
        id,
        workload: { cluster: 'c1', namespace: 'default', kind: 'Deployment', name },
      })),
      nodes: [
        {
          id: 0,
          node: { ...UNKNOWN_NODE, id: 'sidecar~1', pod: 'pod-1', envoyVersion: '1.40.0' },
          workload: 0,
        },
      ],
      destinations: destinations.list.map((name, id) => ({
        id,
        destination: { name, nameSource: 'sni' as const },
      })),
      pods: pods.list.map((name, id) => {
        const [workload = '', pod = ''] = name.split('/')
        return { id, pod, workload: workloads.id(workload) }
      }),
      clusters: [{ id: 1, text: 'outbound|443||a.example' }],
      released: { workloads: [], nodes: [], destinations: [], pods: [], clusters: [] },
    },
    usage: {
      count: usage.length,
      windowMs: f64(usage.map((row) => row.windowMs ?? NOON)),
      windowSeconds: i32(usage.map((row) => row.windowSeconds ?? 60)),
      workload: i32(workloadIds),
      pod: i32(podIds),
      destination: i32(destinationIds),
      upload: f64(usage.map((row) => row.upload ?? 0)),
      download: f64(usage.map((row) => row.download ?? 0)),
      estimated: f64(usage.map((row) => row.estimated ?? 0)),
      opened: i32(usage.map((row) => row.opened ?? 0)),
      closed: i32(usage.map((row) => row.closed ?? 0)),
      firstMs: f64(usage.map((row) => row.firstMs ?? NOON)),
      lastMs: f64(usage.map((row) => row.lastMs ?? NOON)),
    },
    connections: {
      count: connections.length,
      key: u8(connections.flatMap((row) => [...keyOf(row.id)])),
      kind: u8(connections.map((row) => row.kind ?? 1)),
      identityKind: u8(connections.map(() => 1)),
      meter: u8(connections.map(() => 1)),
      state: u8(connections.map((row) => row.state ?? 1)),
      node: i32(connections.map(() => 0)),
      workload: i32(connections.map(() => 0)),
      pod: i32(connections.map(() => 0)),
      destination: i32(connectionIds),
      cluster: i32(connections.map(() => 1)),
      address: i32(connections.flatMap((row) => row.address ?? [0, 0, 0xffff, 0x0a010203])),
      port: Uint16Array.from(connections.map((row) => row.port ?? 443)),
      startMs: f64(connections.map((row) => row.startMs ?? NOON)),
      momentMs: f64(connections.map((row) => row.momentMs ?? NOON)),
      previousSpanStartMs: f64(connections.map(() => NOON - 1000)),
      previousSpanEndMs: f64(connections.map(() => NOON)),
      lastDeltaBytes: f64(connections.map(() => 7)),
      lastArrivalMs: f64(connections.map((row) => row.lastArrivalMs ?? NOON)),
      lastLedgerMs: f64(connections.map((row) => row.lastLedgerMs ?? 0)),
      upload: f64(connections.map((row) => row.upload ?? 0)),
      download: f64(connections.map((row) => row.download ?? 0)),
      lost: f64(connections.map((row) => row.lost ?? 0)),
      hop: u8(connections.map((row) => (row.hop === true ? 1 : 0))),
    },
    coverage: {
      count: coverage.length,
      windowMs: f64(coverage.map((row) => row.windowMs)),
      windowSeconds: i32(coverage.map(() => 60)),
      node: i32(coverage.map(() => 0)),
      entries: f64(coverage.map((row) => row.entries)),
      seen: i32(coverage.map(() => 0)),
      closed: i32(coverage.map(() => 0)),
      hopBytes: f64(coverage.map((row) => row.hopBytes ?? 0)),
      reasons: REJECT_REASONS,
      rejected: f64(
        coverage.flatMap((row) => REJECT_REASONS.map((reason) => row.rejected?.[reason] ?? 0)),
      ),
    },
  }
}

/** The 16-byte key of a connection row. */
export function keyOf(id: number): Uint8Array {
  const key = new Uint8Array(16)
  new DataView(key.buffer).setUint32(12, id)
  return key
}
