-- All that there is of a run, and the time, as of one moment. Each row says what it is: 0 the run, 1 a step, 2 an
-- approval, 3 the ledger's head, 4 the time. The `key` of a run is its lane.
WITH it AS MATERIALIZED (
    SELECT number, version, workflow, status, created_at, updated_at, due_at, body, lane
    FROM {schema}.runs WHERE namespace = %(namespace)s AND run_id = %(run_id)s
)
SELECT 0 AS kind, version AS version, created_at AS first, updated_at AS second, due_at AS third,
    lane AS key, workflow, status, false AS open, false AS ready, NULL::bytea AS hash, body
FROM it WHERE version IS NOT NULL
UNION ALL
SELECT 1, NULL, place, NULL, NULL, key, NULL, NULL, NULL, NULL, NULL, body
FROM {schema}.steps WHERE run = (SELECT number FROM it)
UNION ALL
SELECT 2, version, asked_at, deadline, NULL, key, workflow, NULL, open, ready, NULL, body
FROM {schema}.approvals WHERE run = (SELECT number FROM it)
UNION ALL
(SELECT 3, seq, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, hash, body
FROM {schema}.entries WHERE run = (SELECT number FROM it) ORDER BY seq DESC LIMIT 1)
UNION ALL
SELECT 4, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint,
    NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
