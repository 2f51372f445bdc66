/** What leaves: per sink its position, revisions, and events that wait. Ids and times as in 0001. */
export const OUTBOX = `
-- Name of the logical instance, stored with the first sink; empty until then.
ALTER TABLE ledger ADD COLUMN instance TEXT NOT NULL DEFAULT '';

-- Windows that start before this were published to sinks that are forgotten.
ALTER TABLE ledger ADD COLUMN published_ms INTEGER NOT NULL DEFAULT 0;

CREATE TABLE sink (
  id             INTEGER PRIMARY KEY,
  name           TEXT    NOT NULL UNIQUE,
  from_ms        INTEGER NOT NULL,  -- windows that start before this are not for it
  -- Its position: rows of usage_minute up to this key have been published when their window closed.
  window_ms      INTEGER NOT NULL,
  workload_id    INTEGER NOT NULL,
  destination_id INTEGER NOT NULL,
  sequence       INTEGER NOT NULL,  -- of its newest event
  events         INTEGER NOT NULL CHECK (events >= 0),  -- rows in outbox
  parked         INTEGER NOT NULL CHECK (parked >= 0)   -- rows in parked
) STRICT;

-- Every revision of a usage row, per sink, for as long as the row is a minute row.
CREATE TABLE publication (
  window_ms      INTEGER NOT NULL,
  workload_id    INTEGER NOT NULL,
  destination_id INTEGER NOT NULL,
  sink_id        INTEGER NOT NULL,
  revision       INTEGER NOT NULL,
  reason         TEXT    NOT NULL,
  frozen_ms      INTEGER NOT NULL,  -- newest moment of the file when it was frozen
  window_seconds INTEGER NOT NULL,
  upload         INTEGER NOT NULL,
  download       INTEGER NOT NULL,
  estimated      INTEGER NOT NULL,
  opened         INTEGER NOT NULL,
  closed         INTEGER NOT NULL,
  PRIMARY KEY (window_ms, workload_id, destination_id, sink_id, revision)
) STRICT, WITHOUT ROWID;

-- Rows behind a sink's position that have changed since their last revision.
CREATE TABLE changed (
  sink_id        INTEGER NOT NULL,
  window_ms      INTEGER NOT NULL,
  workload_id    INTEGER NOT NULL,
  destination_id INTEGER NOT NULL,
  due_ms         INTEGER,  -- NULL while the row's last event is not acknowledged
  PRIMARY KEY (sink_id, window_ms, workload_id, destination_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX changed_due ON changed (sink_id, due_ms);

-- Frozen events that a sink has not acknowledged: one per row at most.
CREATE TABLE outbox (
  sink_id        INTEGER NOT NULL,
  sequence       INTEGER NOT NULL,
  window_ms      INTEGER NOT NULL,
  workload_id    INTEGER NOT NULL,
  destination_id INTEGER NOT NULL,
  revision       INTEGER NOT NULL,
  frozen_ms      INTEGER NOT NULL,
  PRIMARY KEY (sink_id, sequence)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX outbox_row ON outbox (sink_id, window_ms, workload_id, destination_id);

-- Events that a sink has refused: one per row at most, and not at the same time in the outbox.
CREATE TABLE parked (
  sink_id        INTEGER NOT NULL,
  window_ms      INTEGER NOT NULL,
  workload_id    INTEGER NOT NULL,
  destination_id INTEGER NOT NULL,
  revision       INTEGER NOT NULL,
  frozen_ms      INTEGER NOT NULL,
  reason         TEXT    NOT NULL,
  message        TEXT    NOT NULL,
  again          INTEGER NOT NULL,  -- 1: goes back into the outbox when there is room
  PRIMARY KEY (sink_id, window_ms, workload_id, destination_id)
) STRICT, WITHOUT ROWID;
`
