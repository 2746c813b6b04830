-- A page of notices that were given up.
SELECT run_id, key, version, channel, due_at, dead, body FROM {schema}.notices
WHERE namespace = %(namespace)s AND dead AND (run_id, key) > (%(after_run_id)s, %(after_key)s)
ORDER BY run_id, key LIMIT %(limit)s
