SELECT due_at FROM {schema}.runs
WHERE namespace = %(namespace)s AND version IS NOT NULL AND due_at > %(now)s ORDER BY due_at LIMIT 1
