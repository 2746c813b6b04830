SELECT run_id, key, version, channel, due_at, dead, body FROM {schema}.notices
WHERE run = (SELECT number FROM {schema}.runs WHERE namespace = %(namespace)s AND run_id = %(run_id)s)
ORDER BY key
