-- What load.sql reads, of several runs at once: `asker` is the place of a run's id in the list, from 1 on. Each part is
-- looked up run by run, whatever the planner believes of the tables' sizes: that is what OFFSET 0 is for.
WITH it AS MATERIALIZED (
    SELECT asked.place::integer AS asker, r.number, r.version, r.workflow, r.status, r.created_at, r.updated_at,
        r.due_at, r.body, r.lane
    FROM unnest(%(run_ids)s::text[]) WITH ORDINALITY AS asked(run_id, place)
    CROSS JOIN LATERAL (
        SELECT * FROM {schema}.runs
        WHERE namespace = %(namespace)s AND run_id = asked.run_id COLLATE "C" OFFSET 0
    ) AS r
)
SELECT asker, 0 AS kind, version AS version, created_at AS first, updated_at AS second, due_at AS third,
    lane AS key, workflow, status, false AS open, false AS ready, NULL::bytea AS hash, body
FROM it WHERE version IS NOT NULL
UNION ALL
SELECT it.asker, 1, NULL, s.place, NULL, NULL, s.key, NULL, NULL, NULL, NULL, NULL, s.body
FROM it CROSS JOIN LATERAL (SELECT * FROM {schema}.steps WHERE run = it.number OFFSET 0) AS s
UNION ALL
SELECT it.asker, 2, a.version, a.asked_at, a.deadline, NULL, a.key, a.workflow, NULL, a.open, a.ready, NULL, a.body
FROM it CROSS JOIN LATERAL (SELECT * FROM {schema}.approvals WHERE run = it.number OFFSET 0) AS a
UNION ALL
SELECT it.asker, 3, e.seq, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, e.hash, e.body
FROM it CROSS JOIN LATERAL (
    SELECT * FROM {schema}.entries WHERE run = it.number ORDER BY seq DESC LIMIT 1
) AS e
UNION ALL
SELECT 0, 4, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint,
    NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
