/** Usage per pod and hour, beside usage per workload. Times and counters as in 0001. */
export const PODS = `
-- Pods of workloads: '' is a pod that is not known, '__other__' what was beyond the budget.
CREATE TABLE pod (
  id          INTEGER PRIMARY KEY,
  pod         TEXT    NOT NULL,
  workload_id INTEGER NOT NULL,
  UNIQUE (workload_id, pod)
) STRICT;

-- The same increments as usage_minute, in the hour of their window (or the window, if it is longer).
CREATE TABLE usage_pod (
  window_ms      INTEGER NOT NULL,
  pod_id         INTEGER NOT NULL,
  destination_id INTEGER NOT NULL,
  window_seconds INTEGER NOT NULL,
  upload         INTEGER NOT NULL CHECK (upload >= 0),
  download       INTEGER NOT NULL CHECK (download >= 0),
  opened         INTEGER NOT NULL,
  closed         INTEGER NOT NULL,
  PRIMARY KEY (window_ms, pod_id, destination_id)
) STRICT, WITHOUT ROWID;

-- What a connection is booked to beside its workload; 0 = of before pods were kept.
ALTER TABLE connection ADD COLUMN pod_id INTEGER NOT NULL DEFAULT 0;
`
