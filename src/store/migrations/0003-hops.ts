/**
 * Hop bytes: what gateways and sidecars report of connections that another proxy of the mesh is billed
 * for. Rows of before count as billed, which they were.
 */
export const HOPS = `
ALTER TABLE connection ADD COLUMN hop INTEGER NOT NULL DEFAULT 0;  -- 1: billed elsewhere
ALTER TABLE coverage_minute ADD COLUMN hop_bytes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE coverage_hour ADD COLUMN hop_bytes INTEGER NOT NULL DEFAULT 0;

-- Few or none in most meshes: names that only hops have moved bytes to are looked for among these.
CREATE INDEX connection_hop ON connection (destination_id) WHERE hop = 1;
`
