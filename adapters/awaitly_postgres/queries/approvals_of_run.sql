-- A page of a run's open approvals.
WITH few AS MATERIALIZED (
    SELECT run_id, key, version, workflow, open, ready, asked_at, deadline, body FROM {schema}.approvals
    WHERE run = (SELECT number FROM {schema}.runs WHERE namespace = %(namespace)s AND run_id = %(run_id)s) AND open
)
SELECT run_id, key, version, workflow, open, ready, asked_at, deadline, body FROM few
WHERE (%(low)s::text IS NULL OR run_id >= %(low)s)
    AND (%(high)s::text IS NULL OR run_id < %(high)s)
    AND (%(workflow)s::text IS NULL OR workflow = %(workflow)s)
    AND (%(deadline_before)s::bigint IS NULL OR deadline < %(deadline_before)s)
    AND (%(asked_before)s::bigint IS NULL OR asked_at < %(asked_before)s)
    AND (%(alive_at)s::bigint IS NULL OR deadline IS NULL OR deadline > %(alive_at)s)
    AND (asked_at, run_id, key) > (%(asked_at)s, %(after_run_id)s, %(after_key)s)
ORDER BY asked_at, run_id, key LIMIT %(limit)s
