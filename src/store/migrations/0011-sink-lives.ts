/** Which processes have sent to a sink: what tells an older copy of the file from the newest one. */
export const SINK_LIVES = `
-- By name: a sink that is forgotten and comes back under its name still knows what it has sent.
CREATE TABLE sink_life (
  sink           TEXT    NOT NULL,
  number         INTEGER NOT NULL,
  token          TEXT    NOT NULL,
  last_sequence  INTEGER,  -- of the sink when the life ended; NULL while the life may go on
  last_window_ms INTEGER,  -- the sink's position then
  PRIMARY KEY (sink, number)
) STRICT, WITHOUT ROWID;

-- The file is an older copy: windows from here on may have been sent by another. NULL: it is not.
ALTER TABLE sink ADD COLUMN restored_ms INTEGER;
`
