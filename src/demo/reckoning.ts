import { groupedCount } from '../cli/amount.ts'
import { openReader, queryTotals } from '../query/totals.ts'
import type { Mesh } from './mesh.ts'

/** Bytes and connections in all. */
export interface Reckoning {
  readonly upload: bigint
  readonly download: bigint
  readonly connections: bigint
}

/** What the servers' sockets saw. */
export function served(mesh: Mesh): Reckoning {
  const connections = mesh.pods.flatMap((pod) => pod.served)
  return {
    upload: BigInt(connections.reduce((sum, { received }) => sum + received, 0)),
    download: BigInt(connections.reduce((sum, { sent }) => sum + sent, 0)),
    connections: BigInt(connections.length),
  }
}

/** What the file says. */
export function counted(db: string): Reckoning {
  const database = openReader(db)
  try {
    const { rows } = queryTotals(database, { by: [], order: 'total', descending: true })
    const [upload, download, connections] = (rows[0] ?? []).map((cell) => BigInt(cell ?? 0))
    return { upload: upload ?? 0n, download: download ?? 0n, connections: connections ?? 0n }
  } finally {
    database.close()
  }
}

/** The two beside each other, and whether they are the same. */
export function comparisonLines(truth: Reckoning, total: Reckoning): string[] {
  const width = Math.max(...[truth, total].flatMap((one) => cells(one).map((cell) => cell.length)))
  const line = (what: string, one: Reckoning) => {
    const [upload, download, connections] = cells(one).map((cell) => cell.padStart(width))
    return `${what}  upload ${upload}  download ${download}  connections ${connections}`
  }
  const equal =
    truth.upload === total.upload &&
    truth.download === total.download &&
    truth.connections === total.connections
  return [
    '',
    line("at the TLS servers' sockets:", truth),
    line('counted from the access log:', total),
    equal ? 'equal to the byte' : `not equal: ${difference(truth, total)}`,
  ]
}

function cells({ upload, download, connections }: Reckoning): string[] {
  return [upload, download, connections].map(groupedCount)
}

function difference(truth: Reckoning, total: Reckoning): string {
  const upload = total.upload - truth.upload
  const download = total.download - truth.download
  const connections = total.connections - truth.connections
  return `upload ${upload}, download ${download}, connections ${connections}`
}
