-- What a channel is to send, those that wait longest first.
SELECT run_id, key, version, channel, due_at, dead, body FROM {schema}.notices
WHERE namespace = %(namespace)s AND channel = %(channel)s AND due_at <= %(now)s
ORDER BY due_at, run_id, key LIMIT %(limit)s
