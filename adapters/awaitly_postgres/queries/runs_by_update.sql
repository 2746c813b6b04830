-- A page of runs where few were last written before some time: an index finds all of those, and they are sorted.
WITH few AS MATERIALIZED (
    SELECT run_id, version, workflow, status, created_at, updated_at, due_at, body, lane FROM {schema}.runs
    WHERE namespace = %(namespace)s AND version IS NOT NULL AND updated_at < %(updated_before)s
)
SELECT run_id, version, workflow, status, created_at, updated_at, due_at, body, lane FROM few
WHERE (%(low)s::text IS NULL OR run_id >= %(low)s)
    AND (%(high)s::text IS NULL OR run_id < %(high)s)
    AND (%(workflow)s::text IS NULL OR workflow = %(workflow)s)
    AND (%(statuses)s::text[] IS NULL OR status = ANY(%(statuses)s))
    AND (created_at, run_id) < (%(created_at)s, %(after_run_id)s)
ORDER BY created_at DESC, run_id DESC LIMIT %(limit)s
