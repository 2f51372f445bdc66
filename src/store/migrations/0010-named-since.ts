/**
 * Nodes that were the unknown source until now, and are known by what they say since: their connections whose
 * ids are no UUIDs have another identity from now on.
 */
export const NAMED_SINCE = `
-- Rows with starts until then may have the identity of before, unix ms; 0 = none has.
ALTER TABLE ledger ADD COLUMN named_since_ms INTEGER NOT NULL DEFAULT 0;
UPDATE ledger SET named_since_ms = max(newest_ms, newest_start_ms);
`
