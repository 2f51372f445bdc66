/** What the topic of a sink was like when it was last looked at. */
export const SINK_TOPIC = `
CREATE TABLE sink_topic (
  sink_id     INTEGER PRIMARY KEY,
  topic       TEXT    NOT NULL,
  cluster_id  TEXT    NOT NULL,  -- empty: the brokers do not say
  topic_id    TEXT    NOT NULL,  -- empty: the brokers do not say
  partitions  INTEGER NOT NULL,
  end_offsets TEXT    NOT NULL,  -- JSON: by partition the offset after the newest event, or null
  changes     TEXT    NOT NULL   -- JSON: changes that are reported until somebody has acted
) STRICT;
`
