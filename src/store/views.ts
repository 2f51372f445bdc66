import { REJECT_REASONS } from '../model/reject-reason.ts'
import { saturatingSum as sum } from '../runtime/saturating-sum.ts'

const instant = (ms: string): string =>
  `strftime('%Y-%m-%dT%H:%M:%fZ', ${ms} / 1000.0, 'unixepoch')`
const second = (ms: string): string => `strftime('%Y-%m-%dT%H:%M:%SZ', ${ms} / 1000, 'unixepoch')`

/** Usage rows wherever they are: minutes, and hours once minutes have been compacted. */
const ANY_USAGE = 'SELECT * FROM usage_minute UNION ALL SELECT * FROM usage_hour'

const usageView = (name: string, spanMs: number, seconds: number): string => `
CREATE VIEW ${name} AS
SELECT ${second('u.span_ms')} AS window_start,
       ${second('(u.span_ms + u.span_seconds * 1000)')} AS window_end,
       w.cluster AS cluster, w.namespace AS namespace, w.kind AS workload_kind, w.name AS workload,
       d.name AS sni, d.name_source AS name_source,
       u.upload AS upload_bytes, u.download AS download_bytes, u.estimated AS estimated_bytes,
       u.opened AS connections_opened, u.closed AS connections_closed, 0 AS revision
FROM (SELECT window_ms / ${spanMs} * ${spanMs} AS span_ms, max(${seconds}, max(window_seconds)) AS span_seconds,
             workload_id, destination_id, ${sum('upload')} AS upload, ${sum('download')} AS download,
             ${sum('estimated')} AS estimated, sum(opened) AS opened, sum(closed) AS closed
      FROM (${ANY_USAGE})
      GROUP BY window_ms / ${spanMs}, workload_id, destination_id) u
JOIN workload w ON w.id = u.workload_id
JOIN destination d ON d.id = u.destination_id;
`

const coverageRows = `
SELECT window_ms, window_seconds, node_id, entries, seen, closed, orphaned, lost, hop_bytes, ${REJECT_REASONS.join(', ')}
FROM coverage_minute
UNION ALL
SELECT window_ms, window_seconds, node_id, entries, seen, closed, orphaned, lost, hop_bytes, ${REJECT_REASONS.join(', ')}
FROM coverage_hour
UNION ALL
SELECT moment_ms / 60000 * 60000, 60, node_id, 0, 0, 0, 1, lost, 0, ${REJECT_REASONS.map(() => '0').join(', ')}
FROM connection
WHERE state = 3 AND state <> 2`

const CONNECTION_COLUMNS = [
  'connection_id',
  'pod',
  'cluster',
  'namespace',
  'workload_kind',
  'workload',
  'sni',
  'name_source',
  'upstream_address',
  'upstream_cluster',
  'started_at',
  'last_seen_at',
  'state',
  'upload_bytes',
  'download_bytes',
  'hop',
  'invalid_sni',
]

/**
 * The public contract (see docs/sql.md): tables may change, these may only gain columns. Made anew at
 * every open, so that they always fit the tables.
 */
export const VIEWS: Readonly<Record<string, string>> = {
  sni_totals: `
CREATE VIEW sni_totals AS
SELECT d.name AS sni, ${sum('t.upload')} AS upload_bytes, ${sum('t.download')} AS download_bytes,
       sum(t.connections) AS connections, count(DISTINCT t.workload_id) AS workloads,
       ${instant('min(t.first_ms)')} AS first_seen, ${instant('max(t.last_ms)')} AS last_seen
FROM pair_total t JOIN destination d ON d.id = t.destination_id
GROUP BY d.name;
`,
  workload_sni_totals: `
CREATE VIEW workload_sni_totals AS
SELECT w.cluster AS cluster, w.namespace AS namespace, w.kind AS workload_kind, w.name AS workload,
       d.name AS sni, ${sum('t.upload')} AS upload_bytes, ${sum('t.download')} AS download_bytes,
       sum(t.connections) AS connections,
       ${instant('min(t.first_ms)')} AS first_seen, ${instant('max(t.last_ms)')} AS last_seen
FROM pair_total t
JOIN workload w ON w.id = t.workload_id
JOIN destination d ON d.id = t.destination_id
GROUP BY t.workload_id, d.name;
`,
  workload_totals: `
CREATE VIEW workload_totals AS
SELECT w.cluster AS cluster, w.namespace AS namespace, w.kind AS workload_kind, w.name AS workload,
       ${sum('t.upload')} AS upload_bytes, ${sum('t.download')} AS download_bytes,
       count(DISTINCT d.name) AS destinations, sum(t.connections) AS connections,
       ${instant('min(t.first_ms)')} AS first_seen, ${instant('max(t.last_ms)')} AS last_seen
FROM pair_total t
JOIN workload w ON w.id = t.workload_id
JOIN destination d ON d.id = t.destination_id
GROUP BY t.workload_id;
`,
  usage: `
CREATE VIEW usage AS
SELECT ${second('u.window_ms')} AS window_start,
       ${second('(u.window_ms + u.window_seconds * 1000)')} AS window_end,
       w.cluster AS cluster, w.namespace AS namespace, w.kind AS workload_kind, w.name AS workload,
       d.name AS sni, d.name_source AS name_source,
       u.upload AS upload_bytes, u.download AS download_bytes, u.estimated AS estimated_bytes,
       u.opened AS connections_opened, u.closed AS connections_closed,
       coalesce((SELECT max(p.revision) FROM publication p
                 WHERE p.window_ms = u.window_ms AND p.workload_id = u.workload_id
                   AND p.destination_id = u.destination_id), 0) AS revision
FROM (${ANY_USAGE}) u
JOIN workload w ON w.id = u.workload_id
JOIN destination d ON d.id = u.destination_id;
`,
  usage_hourly: usageView('usage_hourly', 3_600_000, 3600),
  usage_daily: usageView('usage_daily', 86_400_000, 86_400),
  usage_by_pod: `
CREATE VIEW usage_by_pod AS
SELECT ${second('u.window_ms')} AS window_start,
       ${second('(u.window_ms + u.window_seconds * 1000)')} AS window_end,
       w.cluster AS cluster, w.namespace AS namespace, w.kind AS workload_kind, w.name AS workload,
       p.pod AS pod, d.name AS sni, d.name_source AS name_source,
       u.upload AS upload_bytes, u.download AS download_bytes,
       u.opened AS connections_opened, u.closed AS connections_closed
FROM usage_pod u
JOIN pod p ON p.id = u.pod_id
JOIN workload w ON w.id = p.workload_id
JOIN destination d ON d.id = u.destination_id;
`,
  publications: `
CREATE VIEW publications AS
SELECT s.name AS sink,
       ${second('p.window_ms')} AS window_start,
       ${second('(p.window_ms + p.window_seconds * 1000)')} AS window_end,
       w.cluster AS cluster, w.namespace AS namespace, w.kind AS workload_kind, w.name AS workload,
       d.name AS sni, d.name_source AS name_source, p.revision AS revision, p.reason AS reason,
       p.upload AS upload_bytes, p.download AS download_bytes, p.estimated AS estimated_bytes,
       p.opened AS connections_opened, p.closed AS connections_closed,
       CASE WHEN o.sequence IS NOT NULL THEN 'waiting' WHEN k.revision IS NOT NULL THEN 'parked'
            ELSE 'acknowledged' END AS state,
       k.reason AS refusal, k.message AS refusal_message
FROM publication p
JOIN sink s ON s.id = p.sink_id
JOIN workload w ON w.id = p.workload_id
JOIN destination d ON d.id = p.destination_id
LEFT JOIN outbox o ON o.sink_id = p.sink_id AND o.window_ms = p.window_ms
  AND o.workload_id = p.workload_id AND o.destination_id = p.destination_id AND o.revision = p.revision
LEFT JOIN parked k ON k.sink_id = p.sink_id AND k.window_ms = p.window_ms
  AND k.workload_id = p.workload_id AND k.destination_id = p.destination_id AND k.revision = p.revision;
`,
  sinks: `
CREATE VIEW sinks AS
SELECT s.name AS sink, s.events AS waiting, s.parked AS parked,
       (SELECT count(*) FROM changed c WHERE c.sink_id = s.id) AS changed,
       ${second('s.from_ms')} AS published_from, ${second('s.window_ms')} AS published_to,
       ${second('s.restored_ms')} AS restored_from
FROM sink s;
`,
  connections: `
CREATE VIEW connections AS
SELECT ${CONNECTION_COLUMNS.join(', ')}
FROM connection_detail
WHERE kind = 1;
`,
  receiver_gaps: `
CREATE VIEW receiver_gaps AS
SELECT ${instant('from_ms')} AS gap_start, ${instant('to_ms')} AS gap_end,
       (to_ms - from_ms) / 1000.0 AS seconds, reason AS reason,
       nodes_before AS nodes_before, lossy_nodes AS lossy_nodes_before, nodes_after AS nodes_after,
       connections AS open_connections
FROM receiver_gap;
`,
  coverage: `
CREATE VIEW coverage AS
SELECT ${second('r.window_ms')} AS window_start,
       ${second('(r.window_ms + r.window_seconds * 1000)')} AS window_end,
       n.node AS node, n.pod AS pod, w.cluster AS cluster, w.namespace AS namespace,
       w.kind AS workload_kind, w.name AS workload,
       r.entries AS entries, r.seen AS connections_seen, r.closed AS connections_closed,
       r.orphaned AS connections_orphaned, r.lost AS estimated_lost_bytes,
       (SELECT json_group_object(reason, count)
        FROM (${REJECT_REASONS.map((reason) => `SELECT '${reason}' AS reason, r.${reason} AS count`).join(' UNION ALL ')})
        WHERE count > 0) AS rejected,
       r.shed AS shed, r.hop_bytes AS hop_bytes
FROM (SELECT window_ms, max(window_seconds) AS window_seconds, node_id,
             sum(entries) AS entries, sum(seen) AS seen, sum(closed) AS closed,
             sum(orphaned) AS orphaned, ${sum('lost')} AS lost,
             ${sum('hop_bytes')} AS hop_bytes,
             ${REJECT_REASONS.map((reason) => `sum(${reason}) AS ${reason}`).join(', ')}
      FROM (${coverageRows})
      GROUP BY window_ms, node_id) r
JOIN node n ON n.id = r.node_id
JOIN workload w ON w.id = n.workload_id;
`,
}

/** Views for the program's own use, which are no contract: rows by key, behind their texts. */
export const INTERNAL_VIEWS: Readonly<Record<string, string>> = {
  connection_detail: `
CREATE VIEW connection_detail AS
SELECT c.key AS key, c.kind AS kind, c.last_arrival_ms AS last_arrival_ms,
       CASE c.identity_kind
         WHEN 1 THEN lower(substr(hex(c.key), 1, 8) || '-' || substr(hex(c.key), 9, 4) || '-' ||
                           substr(hex(c.key), 13, 4) || '-' || substr(hex(c.key), 17, 4) || '-' ||
                           substr(hex(c.key), 21))
         ELSE lower(hex(c.key))
       END AS connection_id,
       n.pod AS pod, w.cluster AS cluster, w.namespace AS namespace, w.kind AS workload_kind,
       w.name AS workload, d.name AS sni, d.name_source AS name_source,
       coalesce(c.upstream_address, '') AS upstream_address, coalesce(u.name, '') AS upstream_cluster,
       ${instant('c.start_ms')} AS started_at, ${instant('c.last_arrival_ms')} AS last_seen_at,
       CASE c.state WHEN 1 THEN 'open' WHEN 2 THEN 'closed' ELSE 'orphaned' END AS state,
       c.upload AS upload_bytes, c.download AS download_bytes, c.hop AS hop,
       coalesce(c.invalid_sni, '') AS invalid_sni
FROM connection c
JOIN node n ON n.id = c.node_id
JOIN workload w ON w.id = c.workload_id
JOIN destination d ON d.id = c.destination_id
LEFT JOIN cluster_name u ON u.id = c.cluster_id;
`,
}
