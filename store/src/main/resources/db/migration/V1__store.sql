-- One file holds everything a commit may touch. Source: spec/turns section 9.
-- Every row a tenant owns names its scope; an actor_no belongs to one scope for ever.

CREATE TABLE meta (
  name  TEXT PRIMARY KEY,
  value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE scope (
  scope_no  INTEGER PRIMARY KEY,
  tenant    TEXT NOT NULL,
  namespace TEXT NOT NULL,
  UNIQUE (tenant, namespace)
);

-- epoch fences a former owner; seq numbers commits, chain is the checksum of the last log row.
CREATE TABLE "partition" (
  id            INTEGER PRIMARY KEY,
  epoch         INTEGER NOT NULL,
  seq           INTEGER NOT NULL,
  chain         INTEGER NOT NULL,
  inbox_seq     INTEGER NOT NULL,
  folded_seq    INTEGER NOT NULL,
  folded_chain  INTEGER NOT NULL,
  history_no    INTEGER NOT NULL,
  history_bytes INTEGER NOT NULL
);

INSERT INTO "partition" VALUES (0, 0, 0, 0, 0, 0, 0, 0, 0);

-- incarnation rises with every purge; the row itself is the tombstone.
CREATE TABLE actor (
  actor_no    INTEGER PRIMARY KEY,
  scope_no    INTEGER NOT NULL,
  type        TEXT NOT NULL,
  "key"       TEXT NOT NULL,
  incarnation INTEGER NOT NULL,
  UNIQUE (scope_no, type, "key")
);

-- The commits of one transaction, append-only, without a secondary index. seq is the last one's.
CREATE TABLE log (
  seq     INTEGER PRIMARY KEY,
  commits INTEGER NOT NULL,
  frames  BLOB NOT NULL,
  chain   INTEGER NOT NULL
);

-- Folded. pos: -2 the actor's progress (field ''), -1 "was cleared", 0 a value or map entry,
-- from 1 the chunks of a list in order.
CREATE TABLE state (
  actor_no INTEGER NOT NULL,
  field    TEXT NOT NULL,
  pos      INTEGER NOT NULL,
  chunk    TEXT NOT NULL,
  scope_no INTEGER NOT NULL,
  data     BLOB NOT NULL,
  PRIMARY KEY (actor_no, field, pos, chunk)
) WITHOUT ROWID;

-- Folded: the commits of open turns.
CREATE TABLE step (
  actor_no INTEGER NOT NULL,
  seq      INTEGER NOT NULL,
  scope_no INTEGER NOT NULL,
  record   BLOB NOT NULL,
  results  BLOB,
  PRIMARY KEY (actor_no, seq)
) WITHOUT ROWID;

-- Folded: in order of time, so that writing appends and retention cuts the front off. The rows of
-- an actor are linked backwards from its progress.
CREATE TABLE history (
  history_no INTEGER PRIMARY KEY,
  actor_no   INTEGER NOT NULL,
  scope_no   INTEGER NOT NULL,
  previous   INTEGER NOT NULL,
  at         INTEGER NOT NULL,
  records    BLOB NOT NULL
);

-- Folded.
CREATE TABLE idempotency (
  actor_no  INTEGER NOT NULL,
  key_hash  BLOB NOT NULL,
  scope_no  INTEGER NOT NULL,
  body_hash BLOB NOT NULL,
  reply     BLOB,
  expires   INTEGER NOT NULL,
  PRIMARY KEY (actor_no, key_hash)
) WITHOUT ROWID;

CREATE INDEX idempotency_expires ON idempotency (expires);

CREATE TABLE inbox (
  to_no      INTEGER NOT NULL,
  seq        INTEGER NOT NULL,
  scope_no   INTEGER NOT NULL,
  message_id TEXT NOT NULL,
  due_at     INTEGER NOT NULL,
  attempts   INTEGER NOT NULL,
  buried     INTEGER NOT NULL,
  reason     TEXT NOT NULL,
  body       BLOB NOT NULL,
  PRIMARY KEY (to_no, seq)
) WITHOUT ROWID;

CREATE UNIQUE INDEX inbox_message ON inbox (to_no, message_id);

CREATE INDEX inbox_buried ON inbox (scope_no, seq) WHERE buried = 1;

-- A deleted key keeps its version for a while: value is null, expires says since when.
CREATE TABLE kv (
  scope_no INTEGER NOT NULL,
  "key"    TEXT NOT NULL,
  version  INTEGER NOT NULL,
  expires  INTEGER NOT NULL,
  value    BLOB,
  PRIMARY KEY (scope_no, "key")
) WITHOUT ROWID;

CREATE INDEX kv_expires ON kv (expires) WHERE expires > 0;
