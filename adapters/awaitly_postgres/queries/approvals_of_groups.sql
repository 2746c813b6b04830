-- A page of open approvals where filters leave many: an index gives those of each workflow in order.
WITH RECURSIVE groups AS (
    (SELECT workflow FROM {schema}.approvals
    WHERE namespace = %(namespace)s AND open ORDER BY workflow LIMIT 1)
    UNION ALL
    SELECT following.workflow FROM groups, LATERAL (
        SELECT a.workflow FROM {schema}.approvals a
        WHERE a.namespace = %(namespace)s AND a.open AND a.workflow > groups.workflow
        ORDER BY a.workflow LIMIT 1
    ) AS following
)
SELECT page.* FROM groups, LATERAL (
    SELECT a.run_id, a.key, a.version, a.workflow, a.open, a.ready, a.asked_at, a.deadline, a.body
    FROM {schema}.approvals a
    WHERE a.namespace = %(namespace)s AND a.open AND a.workflow = groups.workflow
        AND (%(low)s::text IS NULL OR a.run_id >= %(low)s)
        AND (%(high)s::text IS NULL OR a.run_id < %(high)s)
        AND (%(deadline_before)s::bigint IS NULL OR a.deadline < %(deadline_before)s)
        AND (a.asked_at, a.run_id, a.key) > (%(asked_at)s, %(after_run_id)s, %(after_key)s)
        AND (%(asked_before)s::bigint IS NULL OR a.asked_at < %(asked_before)s)
        AND (%(alive_at)s::bigint IS NULL OR a.deadline IS NULL OR a.deadline > %(alive_at)s)
    ORDER BY a.asked_at, a.run_id, a.key LIMIT %(limit)s
) AS page
WHERE %(workflow)s::text IS NULL OR groups.workflow = %(workflow)s
ORDER BY page.asked_at, page.run_id, page.key LIMIT %(limit)s
