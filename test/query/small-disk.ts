/**
 * Run by query-service.test.ts on a small disk of its own: a sort that does not fit, one that does, and a
 * commit after that.
 */
import { statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { QueryService } from '../../src/query/query-service.ts'
import { makeYearFile } from '../helpers/year-file.ts'

const path = join(process.argv[2] ?? '', 'file.db')
makeYearFile(path, { hours: 100, perHour: 1000 })
const database = new Database(path)
// Rows that no query sums up in order of the key: about 20 bytes each in a sort.
database.exec(`
  WITH RECURSIVE r (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM r LIMIT 1000000)
  INSERT INTO usage_minute SELECT 1800000000000 + n * 60000, 1 + n % 1000, 1 + n * 7919 % 300000, 60, 1, 1, 0, 1, 1 FROM r`)
database.pragma('wal_checkpoint(TRUNCATE)')
// What is left is just more than what sorts leave free.
const folder = process.argv[2] ?? ''
const { bavail, bsize, blocks } = statfsSync(folder)
writeFileSync(
  join(folder, 'rest'),
  Buffer.alloc(bavail * bsize - Math.floor(0.1 * blocks * bsize) - 2 ** 23),
)
const queries = new QueryService({ path })
const outcome = (sni: string): Promise<string> =>
  queries
    .run({
      kind: 'totals',
      query: { by: ['workload', 'sni', 'hour'], order: 'total', descending: true, limit: 100, sni },
    })
    .then(
      ({ rows }) => `${rows.length} rows`,
      ({ code }: { code: string }) => code,
    )
const outcomes = [await outcome('*'), await outcome('bucket-1*7.oss*')]
await queries.stop()
database.exec("UPDATE workload SET name = 'other-' || name")
process.stdout.write([...outcomes, 'commits'].join(', '))
