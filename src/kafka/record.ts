import { type Stamp, stampText } from '../model/stamp.ts'
import type { CloudEvent } from '../model/usage-event.ts'
import { structuredEvent } from '../runtime/structured-event.ts'

/** How an event becomes a record: CloudEvents' Kafka protocol binding 1.0, sections 3.2 and 3.3. */
export type ContentMode = 'structured' | 'binary'

/** An event as Kafka carries it; the same bytes for the same event always. */
export interface EventRecord {
  /** UTF-8 of the event's `partitionkey`. */
  readonly key: Buffer
  readonly value: Buffer
  readonly headers: Map<Buffer, Buffer>
}

/** Header that is no attribute of the event: who sent it, and when (`Stamp`). */
export const STAMP_HEADER = 'snimeter-stamp'
const STAMP = Buffer.from(STAMP_HEADER)
const CONTENT_TYPE = Buffer.from('content-type')
const STRUCTURED_HEADERS = new Map([
  [CONTENT_TYPE, Buffer.from('application/cloudevents+json; charset=UTF-8')],
])

/**
 * The record of an event. Structured: the whole event as JSON, its media type in the header
 * `content-type`. Binary: `data` alone, and every other attribute in a header `ce_<name>`.
 */
export function eventRecord(event: CloudEvent, mode: ContentMode): EventRecord {
  const key = Buffer.from(event.partitionkey)
  if (mode === 'structured') {
    return { key, value: Buffer.from(structuredEvent(event)), headers: STRUCTURED_HEADERS }
  }
  const { data, datacontenttype, ...attributes } = event
  const headers = new Map([
    [CONTENT_TYPE, Buffer.from(datacontenttype)],
    [Buffer.from('ce_specversion'), Buffer.from('1.0')],
  ])
  for (const [name, value] of Object.entries(attributes)) {
    headers.set(Buffer.from(`ce_${name}`), Buffer.from(value))
  }
  return { key, value: Buffer.from(data), headers }
}

/** The headers of a record that is sent now. */
export function stamped(
  headers: ReadonlyMap<Buffer, Buffer>,
  stamp: Stamp | undefined,
): Map<Buffer, Buffer> {
  const all = new Map(headers)
  if (stamp !== undefined) all.set(STAMP, Buffer.from(stampText(stamp)))
  return all
}
