import { openDatabase } from '../../src/store/database.ts'

/** 2026-01-01T00:00:00Z */
const FIRST_MS = Date.UTC(2026, 0, 1)
const WORKLOADS = 1000
const NAMES = 300
const PAIRS = WORKLOADS * NAMES

/**
 * A file of a year of 1,000 workloads with 300 names each: every pair has lifetime totals, and `hours`
 * hours of the year have `perHour` rows each, which walk through the pairs.
 */
export function makeYearFile(path: string, { hours, perHour }: { hours: number; perHour: number }) {
  const database = openDatabase(path)
  database.pragma('synchronous = OFF')
  const counter = (name: string, count: number): string =>
    `${name} (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM ${name} LIMIT ${count})`
  const workload = `p / ${NAMES} + 1`
  database.exec(`
    BEGIN;
    WITH RECURSIVE ${counter('w', WORKLOADS)} INSERT INTO workload
    SELECT n + 1, 'Kubernetes', 'namespace-' || (n % 40), 'Deployment', 'workload-' || n FROM w;
    WITH RECURSIVE ${counter('d', PAIRS)} INSERT INTO destination
    SELECT n + 1, 'bucket-' || n || '.oss-cn-shanghai.aliyuncs.com', 'sni' FROM d;
    WITH RECURSIVE ${counter('pairs', PAIRS)} INSERT INTO pair_total
    SELECT n / ${NAMES} + 1, n + 1, 1000 + n, 2000 + n, 3, 3, ${FIRST_MS}, ${FIRST_MS} FROM pairs;
    INSERT INTO node VALUES (1, 'sidecar', 'pod', 'sidecar', '', '1.40.0', 1);
    WITH RECURSIVE ${counter('c', 300_000)} INSERT INTO connection
      (key, kind, identity_kind, meter, state, node_id, workload_id, destination_id, cluster_id, start_ms,
       moment_ms, previous_span_start_ms, previous_span_end_ms, last_delta, last_arrival_ms, last_ledger_ms,
       upload, download, lost)
    SELECT CAST(printf('%016d', n) AS BLOB), 1, 1, 1, 2, 1, n / ${NAMES} + 1, n + 1, 0, ${FIRST_MS},
      ${FIRST_MS}, 0, 0, 0, ${FIRST_MS} + n, 0, 5, 6, 0 FROM c;
    WITH RECURSIVE ${counter('h', hours)}, ${counter('r', perHour)} INSERT INTO usage_hour
    SELECT w, ${workload}, p + 1, 3600, 100 + r, 200 + r, 0, 1, 1
    FROM (SELECT ${FIRST_MS} + h.n * 3600000 AS w, r.n AS r,
                 (r.n * ${Math.floor(PAIRS / perHour)} + h.n * 7919) % ${PAIRS} AS p
          FROM h, r)
    ORDER BY 1, 2, 3;
    COMMIT;`)
  database.close()
  // Every row of an hour is another pair, and the r-th has 100 + r and 200 + r bytes.
  const sum = (first: number): bigint =>
    BigInt(hours) * BigInt(perHour * first + (perHour * (perHour - 1)) / 2)
  return { upload: sum(100), download: sum(200), rows: hours * perHour }
}
