import { createHash } from 'node:crypto'

/** A Kafka record, or a line of a file without key and headers; all texts are UTF-8. */
export interface UsageRecord {
  readonly key?: string
  readonly value: string
  readonly headers: Readonly<Record<string, string>>
}

/** The five counters of a usage row, in the order of `COUNTERS`. */
export type Counts = readonly [
  upload: bigint,
  download: bigint,
  estimated: bigint,
  opened: bigint,
  closed: bigint,
]

/** An event `io.snimeter.usage.v1` whose ids were computed again and found right. */
export interface UsageEvent {
  readonly id: string
  readonly usageKey: string
  readonly revision: number
  readonly windowStart: string
  readonly windowEnd: string
  readonly cluster: string
  readonly namespace: string
  readonly workloadKind: string
  readonly workload: string
  readonly sni: string
  readonly nameSource: string
  readonly totals: Counts
  readonly deltas: Counts
  /** Hash of everything that the event says; the same in structured and binary mode. */
  readonly content: string
}

type Fields = Readonly<Record<string, unknown>>

const TYPE = 'io.snimeter.usage.v1'
const COUNTERS = [
  'upload_bytes',
  'download_bytes',
  'estimated_bytes',
  'connections_opened',
  'connections_closed',
] as const
/** What identifies a row, in the order in which it is hashed (docs/kafka.md, "Ids"). */
const IDENTITY = [
  'ledger_id',
  'sink',
  'window_start',
  'window_end',
  'cluster',
  'namespace',
  'workload_kind',
  'workload',
  'sni',
  'name_source',
  'class',
] as const

/**
 * The usage event in a record, in either mode; undefined for events of other types, which a topic may
 * carry one day. Throws if the record is no event, or one that contradicts itself.
 */
export function readUsageEvent(record: UsageRecord): UsageEvent | undefined {
  const { attributes, data } = isBinary(record) ? binary(record) : structured(record)
  if (attributes['type'] !== TYPE) return undefined
  const id = text(attributes, 'id')
  if (record.key !== undefined && record.key !== attributes['partitionkey']) {
    throw new Error(`event ${id} has the key ${record.key}`)
  }
  const revision = data['revision']
  if (!Number.isSafeInteger(revision)) throw new Error(`event ${id} has no revision`)
  checkIds(id, revision as number, data)
  return {
    id,
    usageKey: text(data, 'usage_key'),
    revision: revision as number,
    windowStart: text(data, 'window_start'),
    windowEnd: text(data, 'window_end'),
    cluster: text(data, 'cluster'),
    namespace: text(data, 'namespace'),
    workloadKind: text(data, 'workload_kind'),
    workload: text(data, 'workload'),
    sni: text(data, 'sni'),
    nameSource: text(data, 'name_source'),
    totals: counts(data, ''),
    deltas: counts(data, '_delta'),
    content: hash([inOrder(attributes), data]),
  }
}

function isBinary({ headers }: UsageRecord): boolean {
  return headers['ce_specversion'] !== undefined
}

function structured({ value }: UsageRecord): { attributes: Fields; data: Fields } {
  const { data, ...attributes } = JSON.parse(value) as { data: Fields }
  return { attributes, data }
}

function binary({ value, headers }: UsageRecord): { attributes: Fields; data: Fields } {
  const attributes: Record<string, string> = {}
  for (const [name, text] of Object.entries(headers)) {
    if (name.startsWith('ce_')) attributes[name.slice(3)] = text
    if (name === 'content-type') attributes['datacontenttype'] = text
  }
  return { attributes, data: JSON.parse(value) as Fields }
}

/** Whoever has an event can compute its ids again: a check that costs a microsecond. */
function checkIds(id: string, revision: number, data: Fields): void {
  const row = IDENTITY.map((name) => text(data, name))
  if (data['usage_key'] !== hash(row)) throw new Error(`event ${id} has a wrong usage_key`)
  if (id !== hash([...row, revision])) throw new Error(`event ${id} has a wrong id`)
  const before = revision > 1 ? hash([...row, revision - 1]) : null
  if (data['supersedes'] !== before) throw new Error(`event ${id} supersedes a wrong id`)
}

/** The modes carry attributes in different orders. */
function inOrder(attributes: Fields): unknown {
  return Object.keys(attributes)
    .sort()
    .map((name) => [name, attributes[name]])
}

function hash(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex')
}

function text(fields: Fields, name: string): string {
  const value = fields[name]
  if (typeof value !== 'string') throw new Error(`${name} is no text`)
  return value
}

/** Byte counts pass 2^53, so they are texts and become bigint, never numbers. */
function counts(data: Fields, suffix: '' | '_delta'): Counts {
  return COUNTERS.map((name) => {
    const value = text(data, name + suffix)
    const count = /^-?\d{1,19}$/.test(value) ? BigInt(value) : undefined
    if (count === undefined || count !== BigInt.asIntN(64, count)) {
      throw new Error(`${name}${suffix} is no 64-bit integer`)
    }
    return count
  }) as unknown as Counts
}
