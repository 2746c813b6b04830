-- What due.sql names, of some lanes: all of the first, then all of the next.
WITH timely AS MATERIALIZED (
    SELECT named.place, r.due_at, r.run_id
    FROM unnest(%(lanes)s::text[]) WITH ORDINALITY AS named(lane, place)
    CROSS JOIN LATERAL (
        SELECT due_at, run_id FROM {schema}.runs
        WHERE namespace = %(namespace)s AND lane = named.lane COLLATE "C" AND due_at <= %(now)s
        ORDER BY due_at, run_id LIMIT %(limit)s
    ) AS r
), ready AS MATERIALIZED (
    SELECT DISTINCT array_position(%(lanes)s::text[], its_run.lane) AS place, a.run_id
    FROM {schema}.approvals a
    CROSS JOIN LATERAL (
        SELECT r.lane FROM {schema}.runs r
        WHERE r.namespace = %(namespace)s AND r.run_id = a.run_id
            AND r.version IS NOT NULL AND (r.due_at IS NULL OR r.due_at > %(now)s)
        LIMIT 1
    ) AS its_run
    WHERE a.namespace = %(namespace)s AND a.ready
)
SELECT run_id FROM (
    SELECT place, due_at, run_id FROM timely
    UNION ALL
    SELECT place, NULL, run_id FROM ready WHERE place IS NOT NULL
) AS found
ORDER BY place, due_at NULLS LAST, run_id LIMIT %(limit)s
