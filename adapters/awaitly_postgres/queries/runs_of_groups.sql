-- A page of runs where filters leave many: an index gives those of each pair of status and workflow in order.
WITH RECURSIVE pairs AS (
    (SELECT status, workflow FROM {schema}.runs
    WHERE namespace = %(namespace)s AND version IS NOT NULL ORDER BY status, workflow LIMIT 1)
    UNION ALL
    SELECT following.status, following.workflow FROM pairs, LATERAL (
        SELECT r.status, r.workflow FROM {schema}.runs r
        WHERE r.namespace = %(namespace)s AND r.version IS NOT NULL
            AND (r.status, r.workflow) > (pairs.status, pairs.workflow)
        ORDER BY r.status, r.workflow LIMIT 1
    ) AS following
)
SELECT page.* FROM pairs, LATERAL (
    SELECT r.run_id, r.version, r.workflow, r.status, r.created_at, r.updated_at, r.due_at, r.body, r.lane
    FROM {schema}.runs r
    WHERE r.namespace = %(namespace)s AND r.version IS NOT NULL
        AND r.status = pairs.status AND r.workflow = pairs.workflow
        AND (r.created_at, r.run_id) < (%(created_at)s, %(after_run_id)s)
        AND (%(low)s::text IS NULL OR r.run_id >= %(low)s)
        AND (%(high)s::text IS NULL OR r.run_id < %(high)s)
        AND (%(updated_before)s::bigint IS NULL OR r.updated_at < %(updated_before)s)
    ORDER BY r.created_at DESC, r.run_id DESC LIMIT %(limit)s
) AS page
WHERE (%(workflow)s::text IS NULL OR pairs.workflow = %(workflow)s)
    AND (%(statuses)s::text[] IS NULL OR pairs.status = ANY(%(statuses)s))
ORDER BY page.created_at DESC, page.run_id DESC LIMIT %(limit)s
