import type Database from 'better-sqlite3'
import { saturatingSum } from '../runtime/saturating-sum.ts'

/** A sidecar and a gateway tell the same bytes at most a flush interval apart; this is far more, ms. */
const APART_MS = 10 * 60_000
const APART_FLUSHES = 4
/** The other proxy's end of a connection arrives within its buffer's second of this one's, ms. */
const ENDED_MS = 5000
/** … and of an open one it has spoken by then, ms, or after two flush intervals if they are longer. */
const OPEN_MS = 120_000
const MOST_NAMES = 100

/**
 * Names that hops have moved bytes to for which nobody was billed: the other proxy does not report them,
 * though it has had the time to, as of `nowMs` (of the receiver's clock). Names of SNIs, and hosts of
 * clusters (a gateway on the mesh's own TLS) but for services of the mesh: those are what ingress gateways
 * lead to, and no sidecar bills them. Connections of
 * before ADR 10 bear the SNI of a gateway's own mutual TLS (`outbound_.443_._.host`), which is no app's
 * name and left out.
 */
export function queryHiddenHops(
  database: Database.Database,
  nowMs: number,
  flushIntervalMs: number,
): {
  columns: string[]
  rows: (string | bigint)[][]
} {
  const columns = ['sni', 'hop_bytes']
  // Most meshes have no hops: then this is all that is asked.
  if (database.prepare('SELECT 1 FROM connection WHERE hop = 1 LIMIT 1').get() === undefined) {
    return { columns, rows: [] }
  }
  const rows = database
    .prepare(`
      WITH hops AS (
        SELECT d.name AS sni, ${saturatingSum('c.upload + c.download')} AS hop_bytes,
               max(c.previous_span_end_ms) AS moved_ms
        FROM connection c JOIN destination d ON d.id = c.destination_id
        WHERE c.hop = 1 AND c.upload + c.download > 0
          AND (c.start_ms <= :now - :open OR (c.state = 2 AND c.last_arrival_ms <= :now - ${ENDED_MS}))
          AND ((d.name_source = 'sni'
                AND substr(d.name, 1, 10) <> 'outbound_.' AND substr(d.name, 1, 2) <> '__')
            OR (d.name_source = 'cluster' AND instr(d.name, '.') > 0 AND instr(d.name, '.svc.') = 0))
        GROUP BY d.name),
      billed AS (
        SELECT d.name AS sni, max(t.last_ms) AS last_ms
        FROM pair_total t JOIN destination d ON d.id = t.destination_id
        WHERE t.upload > 0 OR t.download > 0
        GROUP BY d.name)
      SELECT h.sni, h.hop_bytes FROM hops h LEFT JOIN billed b ON b.sni = h.sni
      WHERE b.sni IS NULL OR b.last_ms < h.moved_ms - :apart
      ORDER BY h.hop_bytes DESC, h.sni LIMIT ${MOST_NAMES}`)
    .raw()
    .all({
      now: nowMs,
      open: Math.max(OPEN_MS, 2 * flushIntervalMs),
      apart: Math.max(APART_MS, APART_FLUSHES * flushIntervalMs),
    })
  return { columns, rows: rows as (string | bigint)[][] }
}
