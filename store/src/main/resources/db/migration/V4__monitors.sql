-- Monitors that durable actors hold: found by their target when it exits. The target is in the scope
-- of its watcher and named, not numbered: most are not durable, and no row of theirs shall stay.

CREATE TABLE monitor (
  monitor_no  INTEGER PRIMARY KEY,
  watcher_no  INTEGER NOT NULL,
  scope_no    INTEGER NOT NULL,
  monitor_id  TEXT NOT NULL,
  target_type TEXT NOT NULL,
  target_key  TEXT NOT NULL,
  UNIQUE (watcher_no, monitor_id)
);

CREATE INDEX monitor_target ON monitor (target_type, scope_no, target_key);
