/**
 * Tables of the first version. Integer ids inside (3.7 times smaller than texts, and twice as fast to
 * update: measured), names through the views. All times are unix ms; all counters are exact integers.
 */
export const LEDGER = `
CREATE TABLE ledger (
  id                  INTEGER PRIMARY KEY CHECK (id = 1),
  ledger_id           TEXT    NOT NULL,
  sequence            INTEGER NOT NULL,  -- number of the last applied batch
  ledger_ms           INTEGER NOT NULL,  -- the clock that connections age by
  newest_ms           INTEGER NOT NULL,  -- newest arrival or tick
  minutes_from_ms     INTEGER NOT NULL,  -- no minute row before this is ever made
  newest_start_ms     INTEGER NOT NULL,  -- newest start among all connection rows
  forgotten_before_ms INTEGER NOT NULL,  -- newest last arrival of any deleted connection row
  saturated           INTEGER NOT NULL   -- totals that reached 2^63-1
) STRICT;

-- Length of the windows that begin at or after from_ms, until the next row's.
CREATE TABLE window_length (
  from_ms INTEGER PRIMARY KEY,
  seconds INTEGER NOT NULL CHECK (seconds > 0)
) STRICT;

CREATE TABLE workload (
  id        INTEGER PRIMARY KEY,
  cluster   TEXT NOT NULL,
  namespace TEXT NOT NULL,
  kind      TEXT NOT NULL,
  name      TEXT NOT NULL,
  UNIQUE (cluster, namespace, kind, name)
) STRICT;

CREATE TABLE node (
  id              INTEGER PRIMARY KEY,
  node            TEXT    NOT NULL,  -- Envoy's node.id
  pod             TEXT    NOT NULL,
  proxy_type      TEXT    NOT NULL,
  service_account TEXT    NOT NULL,
  envoy_version   TEXT    NOT NULL,
  workload_id     INTEGER NOT NULL,
  UNIQUE (node, pod, envoy_version, workload_id, service_account, proxy_type)
) STRICT;

CREATE TABLE destination (
  id          INTEGER PRIMARY KEY,
  name        TEXT NOT NULL,
  name_source TEXT NOT NULL CHECK (name_source IN ('sni', 'cluster', 'authority', 'address', 'none')),
  UNIQUE (name, name_source)
) STRICT;

CREATE TABLE cluster_name (
  id   INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE
) STRICT;

-- Usage per window. Rows move from minute to hour when they are old enough, and are in one of the two.
CREATE TABLE usage_minute (
  window_ms      INTEGER NOT NULL,
  workload_id    INTEGER NOT NULL,
  destination_id INTEGER NOT NULL,
  window_seconds INTEGER NOT NULL,
  upload         INTEGER NOT NULL CHECK (upload >= 0),
  download       INTEGER NOT NULL CHECK (download >= 0),
  estimated      INTEGER NOT NULL CHECK (estimated >= 0),
  opened         INTEGER NOT NULL,
  closed         INTEGER NOT NULL,
  PRIMARY KEY (window_ms, workload_id, destination_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE usage_hour (
  window_ms      INTEGER NOT NULL,
  workload_id    INTEGER NOT NULL,
  destination_id INTEGER NOT NULL,
  window_seconds INTEGER NOT NULL,
  upload         INTEGER NOT NULL CHECK (upload >= 0),
  download       INTEGER NOT NULL CHECK (download >= 0),
  estimated      INTEGER NOT NULL CHECK (estimated >= 0),
  opened         INTEGER NOT NULL,
  closed         INTEGER NOT NULL,
  PRIMARY KEY (window_ms, workload_id, destination_id)
) STRICT, WITHOUT ROWID;

-- Lifetime sums, kept in the same transaction as usage: what the *_totals views read.
CREATE TABLE pair_total (
  workload_id    INTEGER NOT NULL,
  destination_id INTEGER NOT NULL,
  upload         INTEGER NOT NULL CHECK (upload >= 0),
  download       INTEGER NOT NULL CHECK (download >= 0),
  connections    INTEGER NOT NULL,
  closed         INTEGER NOT NULL,
  first_ms       INTEGER NOT NULL,
  last_ms        INTEGER NOT NULL,
  PRIMARY KEY (workload_id, destination_id)
) STRICT, WITHOUT ROWID;

-- Pair totals are the largest sums there are, so they saturate first: counted here.
CREATE TRIGGER pair_total_saturated AFTER UPDATE OF upload, download ON pair_total
WHEN (NEW.upload = 9223372036854775807 AND OLD.upload <> NEW.upload)
  OR (NEW.download = 9223372036854775807 AND OLD.download <> NEW.download)
BEGIN
  UPDATE ledger SET saturated = saturated + 1;
END;

-- Every connection (and request) that spoke in the last days, with the counters already counted.
CREATE TABLE connection (
  key                    BLOB    NOT NULL PRIMARY KEY CHECK (length(key) = 16),
  kind                   INTEGER NOT NULL,  -- 1 connection, 2 request
  identity_kind          INTEGER NOT NULL,  -- 1 UUID, 2 hash
  meter                  INTEGER NOT NULL,  -- 1 wire counters, 2 received and sent
  state                  INTEGER NOT NULL,  -- 1 open, 2 closed, 3 orphaned
  node_id                INTEGER NOT NULL,
  workload_id            INTEGER NOT NULL,
  destination_id         INTEGER NOT NULL,
  cluster_id             INTEGER NOT NULL,  -- 0 = none
  upstream_address       TEXT,              -- ip:port
  start_ms               INTEGER NOT NULL,
  moment_ms              INTEGER NOT NULL,
  previous_span_start_ms INTEGER NOT NULL,
  previous_span_end_ms   INTEGER NOT NULL,
  last_delta             INTEGER NOT NULL,
  last_arrival_ms        INTEGER NOT NULL,
  last_ledger_ms         INTEGER NOT NULL,
  upload                 INTEGER NOT NULL CHECK (upload >= 0),
  download               INTEGER NOT NULL CHECK (download >= 0),
  lost                   INTEGER NOT NULL   -- estimated lost tail while orphaned, never billed
) STRICT, WITHOUT ROWID;

-- Open and orphaned rows only: they are loaded at start and counted in coverage.
CREATE INDEX connection_living ON connection (state) WHERE state <> 2;

CREATE TABLE coverage_minute (
  window_ms           INTEGER NOT NULL,
  node_id             INTEGER NOT NULL,
  window_seconds      INTEGER NOT NULL,
  entries             INTEGER NOT NULL,
  seen                INTEGER NOT NULL,
  closed              INTEGER NOT NULL,
  orphaned            INTEGER NOT NULL,
  lost                INTEGER NOT NULL,
  malformed_message   INTEGER NOT NULL,
  malformed_entry     INTEGER NOT NULL,
  uncounted_type      INTEGER NOT NULL,
  unknown_type        INTEGER NOT NULL,
  no_connection_id    INTEGER NOT NULL,
  request_in_progress INTEGER NOT NULL,
  implausible_counter INTEGER NOT NULL,
  shed                INTEGER NOT NULL,
  no_room             INTEGER NOT NULL,
  final_lost          INTEGER NOT NULL,
  PRIMARY KEY (window_ms, node_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE coverage_hour (
  window_ms           INTEGER NOT NULL,
  node_id             INTEGER NOT NULL,
  window_seconds      INTEGER NOT NULL,
  entries             INTEGER NOT NULL,
  seen                INTEGER NOT NULL,
  closed              INTEGER NOT NULL,
  orphaned            INTEGER NOT NULL,
  lost                INTEGER NOT NULL,
  malformed_message   INTEGER NOT NULL,
  malformed_entry     INTEGER NOT NULL,
  uncounted_type      INTEGER NOT NULL,
  unknown_type        INTEGER NOT NULL,
  no_connection_id    INTEGER NOT NULL,
  request_in_progress INTEGER NOT NULL,
  implausible_counter INTEGER NOT NULL,
  shed                INTEGER NOT NULL,
  no_room             INTEGER NOT NULL,
  final_lost          INTEGER NOT NULL,
  PRIMARY KEY (window_ms, node_id)
) STRICT, WITHOUT ROWID;

-- Rows that could not be stored for their content: set aside, never retried.
CREATE TABLE rejected_row (
  id         INTEGER PRIMARY KEY,
  sequence   INTEGER NOT NULL,
  table_name TEXT    NOT NULL,
  reason     TEXT    NOT NULL,
  row        TEXT    NOT NULL  -- JSON
) STRICT;
`
