-- Runs whose time has come, then those that only a ready approval makes due.
WITH timely AS MATERIALIZED (
    SELECT run_id, due_at FROM {schema}.runs
    WHERE namespace = %(namespace)s AND version IS NOT NULL AND due_at <= %(now)s
    ORDER BY due_at, run_id LIMIT %(limit)s
), ready AS MATERIALIZED (
    SELECT DISTINCT a.run_id FROM {schema}.approvals a
    CROSS JOIN LATERAL (
        SELECT FROM {schema}.runs r
        WHERE r.namespace = %(namespace)s AND r.run_id = a.run_id
            AND r.version IS NOT NULL AND (r.due_at IS NULL OR r.due_at > %(now)s)
        LIMIT 1
    ) AS its_run
    WHERE a.namespace = %(namespace)s AND a.ready
    ORDER BY a.run_id LIMIT %(limit)s
)
SELECT run_id FROM (
    SELECT run_id, due_at FROM timely UNION ALL SELECT run_id, NULL FROM ready
) AS found
ORDER BY due_at NULLS LAST, run_id LIMIT %(limit)s
