-- A run's approvals, its ledger's head, and the time, as of one moment; the rows are like those of load.sql.
WITH it AS MATERIALIZED (
    SELECT number FROM {schema}.runs WHERE namespace = %(namespace)s AND run_id = %(run_id)s
)
SELECT 2 AS kind, version, asked_at AS first, deadline AS second, NULL::bigint AS third, key, workflow,
    NULL::text AS status, open, ready, NULL::bytea AS hash, body
FROM {schema}.approvals WHERE run = (SELECT number FROM it)
UNION ALL
(SELECT 3, seq, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, hash, body
FROM {schema}.entries WHERE run = (SELECT number FROM it) ORDER BY seq DESC LIMIT 1)
UNION ALL
SELECT 4, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint,
    NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
