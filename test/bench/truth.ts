import { NAME_COUNT, NAMES, WORKLOAD_COUNT, workloadOf } from './corpus.ts'

/** What a workload sent to and got from one name, exactly. */
export interface TruthRow {
  readonly namespace: string
  readonly workload: string
  readonly sni: string
  readonly upload: number
  readonly download: number
  readonly connections: number
}

/** What the load generator has sent: sums per workload and name, all below 2^53. */
export class Truth {
  readonly upload = new Float64Array(WORKLOAD_COUNT * NAME_COUNT)
  readonly download = new Float64Array(WORKLOAD_COUNT * NAME_COUNT)
  readonly connections = new Float64Array(WORKLOAD_COUNT * NAME_COUNT)

  /** Index into the columns. */
  cell(stream: number, rank: number): number {
    return (stream % WORKLOAD_COUNT) * NAME_COUNT + rank
  }

  /** The cells with a connection, sorted by namespace, workload and name. */
  rows(): TruthRow[] {
    const rows: TruthRow[] = []
    for (let cell = 0; cell < this.connections.length; cell++) {
      const connections = this.connections[cell] as number
      if (connections === 0) continue
      const { namespace, name } = workloadOf(Math.floor(cell / NAME_COUNT))
      rows.push({
        namespace,
        workload: name,
        sni: (NAMES[cell % NAME_COUNT] as { sni: string }).sni,
        upload: this.upload[cell] as number,
        download: this.download[cell] as number,
        connections,
      })
    }
    return rows.sort((a, b) => compareText(key(a), key(b)))
  }
}

/** The differences between what was sent and what a server kept; empty = exact. */
export function differences(sent: readonly TruthRow[], kept: readonly TruthRow[]): string[] {
  const keptByKey = new Map(kept.map((row) => [key(row), row]))
  const found: string[] = []
  for (const row of sent) {
    const other = keptByKey.get(key(row))
    keptByKey.delete(key(row))
    const same =
      other?.upload === row.upload &&
      other.download === row.download &&
      other.connections === row.connections
    if (!same) found.push(`sent ${JSON.stringify(row)}, kept ${JSON.stringify(other ?? null)}`)
  }
  for (const row of keptByKey.values()) found.push(`never sent ${JSON.stringify(row)}`)
  return found
}

function key(row: TruthRow): string {
  return `${row.namespace} ${row.workload} ${row.sni}`
}

function compareText(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}
