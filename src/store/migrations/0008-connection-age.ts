/**
 * Closed and orphaned connections in the order in which they last reported: those that leave first. An
 * entry is written when a connection closes or falls silent, not with every report.
 */
export const CONNECTION_AGE = `
CREATE INDEX connection_age ON connection (state, last_ledger_ms) WHERE state <> 1;
`
