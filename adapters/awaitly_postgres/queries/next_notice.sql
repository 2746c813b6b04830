SELECT due_at FROM {schema}.notices
WHERE namespace = %(namespace)s AND channel = %(channel)s AND due_at > %(now)s ORDER BY due_at LIMIT 1
