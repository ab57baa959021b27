-- When a row was buried (0 for not known), and whether a turn of its message had committed something
-- before it failed.

ALTER TABLE inbox ADD COLUMN buried_at INTEGER NOT NULL DEFAULT 0;

ALTER TABLE inbox ADD COLUMN partly_done INTEGER NOT NULL DEFAULT 0;
