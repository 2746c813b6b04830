SELECT seq, hash, body FROM {schema}.entries
WHERE run = (SELECT number FROM {schema}.runs WHERE namespace = %(namespace)s AND run_id = %(run_id)s)
ORDER BY seq
