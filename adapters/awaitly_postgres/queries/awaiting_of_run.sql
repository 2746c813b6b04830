-- A page of a run's open approvals that wait for any of some names, the most urgent first.
WITH few AS MATERIALIZED (
    SELECT * FROM {schema}.approvals
    WHERE run = (SELECT number FROM {schema}.runs WHERE namespace = %(namespace)s AND run_id = %(run_id)s) AND open
)
SELECT a.run_id, a.key, a.version, a.workflow, a.open, a.ready, a.asked_at, a.deadline, a.body FROM few AS a
WHERE (%(low)s::text IS NULL OR a.run_id >= %(low)s)
    AND (%(high)s::text IS NULL OR a.run_id < %(high)s)
    AND (%(workflow)s::text IS NULL OR a.workflow = %(workflow)s)
    AND (%(asked_before)s::bigint IS NULL OR a.asked_at < %(asked_before)s)
    AND (a.waits_for = ANY(%(names)s::text[]) OR a.crowd AND EXISTS (
        SELECT FROM {schema}.audiences n WHERE n.run = a.run AND n.key = a.key AND n.name = ANY(%(names)s::text[])))
    AND coalesce(a.deadline, 9223372036854775807) <= %(latest)s
    AND (coalesce(a.deadline, 9223372036854775807), a.run_id, a.key)
        > (%(urgency)s::bigint, %(after_run_id)s, %(after_key)s)
ORDER BY coalesce(a.deadline, 9223372036854775807), a.run_id, a.key LIMIT %(limit)s
