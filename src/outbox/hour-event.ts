import { createHash } from 'node:crypto'
import type { HourMark } from '../model/hour-mark.ts'
import type { CloudEvent } from '../model/usage-event.ts'

/** Type of the event and version of its contract. */
const EVENT_TYPE = 'io.snimeter.hour-closed.v1'
const SCHEMA = 'urn:snimeter:schema:hour-closed:v1'
const HOUR_MS = 3_600_000

/** The event of a mark: a pure function of stored rows, with an id that can be computed again (docs/kafka.md). */
export function hourEvent(mark: HourMark): CloudEvent {
  const { ledgerId, sink, revision, rows, total } = mark
  const start = second(mark.hourStartMs)
  const end = second(mark.hourStartMs + HOUR_MS)
  const hour = [ledgerId, sink, start, end]
  const data = {
    hour_start: start,
    hour_end: end,
    rows: String(rows),
    upload_bytes: String(total.uploadBytes),
    download_bytes: String(total.downloadBytes),
    estimated_bytes: String(total.estimatedBytes),
    connections_opened: String(total.connectionsOpened),
    connections_closed: String(total.connectionsClosed),
    revision,
    reason: revision === 1 ? 'hour_closed' : 'late',
    supersedes: revision > 1 ? hash([...hour, revision - 1]) : null,
    hour_key: hash(hour),
    ledger_id: ledgerId,
    sink,
  }
  return {
    id: hash([...hour, revision]),
    source: `/snimeter/${mark.instance}`,
    type: EVENT_TYPE,
    subject: ledgerId,
    time: start,
    datacontenttype: 'application/json',
    dataschema: SCHEMA,
    partitionkey: ledgerId,
    data: JSON.stringify(data),
  }
}

function hash(fields: readonly (string | number)[]): string {
  return createHash('sha256').update(JSON.stringify(fields)).digest('hex')
}

function second(ms: number): string {
  return new Date(ms).toISOString().replace('.000Z', 'Z')
}
