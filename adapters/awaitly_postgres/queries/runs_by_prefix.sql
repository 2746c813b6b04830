-- A page of runs where few are left because their ids begin alike: an index finds all of those, and they are sorted.
WITH few AS MATERIALIZED (
    SELECT run_id, version, workflow, status, created_at, updated_at, due_at, body, lane FROM {schema}.runs
    WHERE namespace = %(namespace)s AND run_id >= %(low)s AND run_id < %(high)s
)
SELECT run_id, version, workflow, status, created_at, updated_at, due_at, body, lane FROM few
WHERE version IS NOT NULL
    AND (%(updated_before)s::bigint IS NULL OR updated_at < %(updated_before)s)
    AND (%(workflow)s::text IS NULL OR workflow = %(workflow)s)
    AND (%(statuses)s::text[] IS NULL OR status = ANY(%(statuses)s))
    AND (created_at, run_id) < (%(created_at)s, %(after_run_id)s)
ORDER BY created_at DESC, run_id DESC LIMIT %(limit)s
