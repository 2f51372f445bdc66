/** Samples of a connection that another node had reported first (`other_node`): refused, counted. */
export const OTHER_NODE = `
ALTER TABLE coverage_minute ADD COLUMN other_node INTEGER NOT NULL DEFAULT 0;
ALTER TABLE coverage_hour ADD COLUMN other_node INTEGER NOT NULL DEFAULT 0;
`
