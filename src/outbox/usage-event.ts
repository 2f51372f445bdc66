import { createHash } from 'node:crypto'
import type { Workload } from '../model/source.ts'
import type { CloudEvent, FrozenUsage, UsageCounts } from '../model/usage-event.ts'

/** Type of the event and version of its contract; a breaking change is a new type and a new topic. */
const EVENT_TYPE = 'io.snimeter.usage.v1'
const SCHEMA = 'urn:snimeter:schema:usage:v1'
/** Destinations have no classes yet; the slot is part of the id, so it must not appear later. */
const CLASS = 'unclassified'

/** The key of a workload: what orders its events, and the CloudEvents `subject`. */
export function workloadKey(workload: Workload): string {
  const { cluster, namespace, kind, name } = workload
  return [cluster, namespace, kind, name].map(encodeURIComponent).join('/')
}

/**
 * The event of one revision: a pure function of stored rows. Whoever has the event can compute its id
 * again: SHA-256 (hex) of the JSON array of the fields named in docs/kafka.md.
 */
export function usageEvent(usage: FrozenUsage): CloudEvent {
  const { workload, destination, revision, total, previous } = usage
  const start = second(usage.windowStartMs)
  const end = second(usage.windowStartMs + usage.windowSeconds * 1000)
  const row = [
    usage.ledgerId,
    usage.sink,
    start,
    end,
    workload.cluster,
    workload.namespace,
    workload.kind,
    workload.name,
    destination.name,
    destination.nameSource,
    CLASS,
  ]
  const data = {
    window_start: start,
    window_end: end,
    cluster: workload.cluster,
    namespace: workload.namespace,
    workload_kind: workload.kind,
    workload: workload.name,
    sni: destination.name,
    name_source: destination.nameSource,
    class: CLASS,
    upload_bytes: String(total.uploadBytes),
    download_bytes: String(total.downloadBytes),
    estimated_bytes: String(total.estimatedBytes),
    connections_opened: String(total.connectionsOpened),
    connections_closed: String(total.connectionsClosed),
    ...deltas(total, previous ?? NOTHING),
    revision,
    reason: usage.reason,
    supersedes: revision > 1 ? hash([...row, revision - 1]) : null,
    usage_key: hash(row),
    ledger_id: usage.ledgerId,
    sink: usage.sink,
  }
  const key = workloadKey(workload)
  return {
    id: hash([...row, revision]),
    source: `/snimeter/${usage.instance}`,
    type: EVENT_TYPE,
    subject: key,
    time: start,
    datacontenttype: 'application/json',
    dataschema: SCHEMA,
    partitionkey: key,
    data: JSON.stringify(data),
  }
}

const NOTHING: UsageCounts = {
  uploadBytes: 0n,
  downloadBytes: 0n,
  estimatedBytes: 0n,
  connectionsOpened: 0n,
  connectionsClosed: 0n,
}

function deltas(total: UsageCounts, previous: UsageCounts): Record<string, string> {
  return {
    upload_bytes_delta: String(total.uploadBytes - previous.uploadBytes),
    download_bytes_delta: String(total.downloadBytes - previous.downloadBytes),
    estimated_bytes_delta: String(total.estimatedBytes - previous.estimatedBytes),
    connections_opened_delta: String(total.connectionsOpened - previous.connectionsOpened),
    connections_closed_delta: String(total.connectionsClosed - previous.connectionsClosed),
  }
}

function hash(fields: readonly (string | number)[]): string {
  return createHash('sha256').update(JSON.stringify(fields)).digest('hex')
}

/** ISO 8601 UTC to the second, as the views have it: windows are whole seconds. */
function second(ms: number): string {
  return new Date(ms).toISOString().replace('.000Z', 'Z')
}
