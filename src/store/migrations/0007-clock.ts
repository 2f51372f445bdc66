/** What it takes to know a wall clock that was set: since when, and which, across restarts. Times as in 0001. */
export const CLOCK = `
-- Since when the moments of the file are of one clock.
ALTER TABLE ledger ADD COLUMN era_from_ms INTEGER NOT NULL DEFAULT 0;

-- Which start of the machine the last batch was cut in, and how long after it; '' and 0 = not known.
ALTER TABLE ledger ADD COLUMN boot_id TEXT NOT NULL DEFAULT '';
ALTER TABLE ledger ADD COLUMN uptime_ms INTEGER NOT NULL DEFAULT 0;

-- First and last start of connections that newest_start_ms leaves out, being more than 8 days ahead.
ALTER TABLE ledger ADD COLUMN far_start_from_ms INTEGER;
ALTER TABLE ledger ADD COLUMN far_start_to_ms INTEGER;
`
