-- How many rows of idempotency a scope has, so that nobody has to count them.

ALTER TABLE scope ADD COLUMN requests INTEGER NOT NULL DEFAULT 0;

UPDATE scope SET requests = counted.requests
  FROM (SELECT scope_no, count(*) AS requests FROM idempotency GROUP BY scope_no) AS counted
  WHERE counted.scope_no = scope.scope_no;
