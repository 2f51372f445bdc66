/** What each sink has acknowledged per hour, and the marks that say so. */
export const HOURS = `
-- Start of the first hour that is summed up for the sink, and of the first one without a mark; NULL: no marks.
ALTER TABLE sink ADD COLUMN hours_begin_ms INTEGER;
ALTER TABLE sink ADD COLUMN hours_from_ms INTEGER;

CREATE TABLE hour_sum (
  sink_id  INTEGER NOT NULL,
  hour_ms  INTEGER NOT NULL,
  rows     INTEGER NOT NULL,  -- usage rows of which a revision is acknowledged
  upload   INTEGER NOT NULL,
  download INTEGER NOT NULL,
  estimated INTEGER NOT NULL,
  opened   INTEGER NOT NULL,
  closed   INTEGER NOT NULL,
  dirty    INTEGER NOT NULL,  -- 1: has changed since its last mark
  PRIMARY KEY (sink_id, hour_ms)
) STRICT, WITHOUT ROWID;

CREATE INDEX hour_sum_dirty ON hour_sum (sink_id, hour_ms) WHERE dirty = 1;

CREATE TABLE hour_mark (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT,
  sink_id  INTEGER NOT NULL,
  hour_ms  INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  rows     INTEGER NOT NULL,
  upload   INTEGER NOT NULL,
  download INTEGER NOT NULL,
  estimated INTEGER NOT NULL,
  opened   INTEGER NOT NULL,
  closed   INTEGER NOT NULL,
  waiting  INTEGER NOT NULL,  -- 0: acknowledged
  UNIQUE (sink_id, hour_ms, revision)
) STRICT;

CREATE INDEX hour_mark_waiting ON hour_mark (sink_id, sequence) WHERE waiting = 1;
`
