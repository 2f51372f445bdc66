import type Database from 'better-sqlite3'
import type { CoverageColumns } from '../model/batch.ts'
import { REJECT_REASONS } from '../model/reject-reason.ts'
import type { RefusedRows } from './refused-rows.ts'
import { saturatingAdd } from './saturating-add.ts'
import type { SessionIds } from './session-ids.ts'

/** Counters of a coverage row, in the order of the tables. */
export const COVERAGE_COUNTERS = [
  'entries',
  'seen',
  'closed',
  'orphaned',
  'lost',
  'hop_bytes',
  ...REJECT_REASONS,
] as const

/** Adds increments to what is known about how complete each node's reports are. */
export class CoverageTable {
  readonly #add

  constructor(database: Database.Database) {
    this.#add = database.prepare(`
      INSERT INTO coverage_minute (window_ms, node_id, window_seconds, ${COVERAGE_COUNTERS.join(', ')})
      VALUES (?, ?, ?, ${COVERAGE_COUNTERS.map(() => '?').join(', ')})
      ON CONFLICT DO UPDATE SET
        ${COVERAGE_COUNTERS.map(saturatingAdd).join(', ')}`)
  }

  add(coverage: CoverageColumns, ids: SessionIds, refused: RefusedRows): void {
    const width = coverage.reasons.length
    for (let i = 0; i < coverage.count; i++) {
      const rejected = coverage.rejected.subarray(i * width, (i + 1) * width)
      const row = [coverage.windowMs[i], coverage.node[i]]
      refused.attempt('coverage', row, () => {
        this.#add.run(
          coverage.windowMs[i],
          ids.node(coverage.node[i] as number),
          coverage.windowSeconds[i],
          coverage.entries[i],
          coverage.seen[i],
          coverage.closed[i],
          0,
          0,
          coverage.hopBytes[i],
          ...rejected,
        )
      })
    }
  }
}
