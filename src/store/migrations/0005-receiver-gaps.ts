/** Times in which no receiver ran on the file. Times are unix ms. */
export const RECEIVER_GAPS = `
-- When the receiver stopped in an orderly way; 0 while one runs, and after a crash.
ALTER TABLE ledger ADD COLUMN stopped_ms INTEGER NOT NULL DEFAULT 0;

CREATE TABLE receiver_gap (
  id           INTEGER PRIMARY KEY,
  from_ms      INTEGER NOT NULL,
  to_ms        INTEGER NOT NULL,
  reason       TEXT    NOT NULL CHECK (reason IN ('stopped', 'crashed')),
  nodes_before INTEGER NOT NULL,  -- nodes that reported shortly before it
  lossy_nodes  INTEGER NOT NULL,  -- of those, nodes that lose the ends of connections meanwhile
  connections  INTEGER NOT NULL,  -- connections that were open at its begin
  nodes_after  INTEGER            -- nodes that reported soon after it; NULL until that is known
) STRICT;
`
