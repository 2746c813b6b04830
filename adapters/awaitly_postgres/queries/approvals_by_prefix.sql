-- A page of open approvals where few runs have ids that begin so: an index finds those runs, and what they have is sorted.
WITH few AS MATERIALIZED (
    SELECT number FROM {schema}.runs
    WHERE namespace = %(namespace)s AND run_id >= %(low)s AND run_id < %(high)s
)
SELECT a.run_id, a.key, a.version, a.workflow, a.open, a.ready, a.asked_at, a.deadline, a.body
FROM few CROSS JOIN LATERAL (
    SELECT * FROM {schema}.approvals WHERE run = few.number AND open OFFSET 0
) AS a
WHERE (%(workflow)s::text IS NULL OR a.workflow = %(workflow)s)
    AND (%(deadline_before)s::bigint IS NULL OR a.deadline < %(deadline_before)s)
    AND (%(asked_before)s::bigint IS NULL OR a.asked_at < %(asked_before)s)
    AND (%(alive_at)s::bigint IS NULL OR a.deadline IS NULL OR a.deadline > %(alive_at)s)
    AND (a.asked_at, a.run_id, a.key) > (%(asked_at)s, %(after_run_id)s, %(after_key)s)
ORDER BY a.asked_at, a.run_id, a.key LIMIT %(limit)s
