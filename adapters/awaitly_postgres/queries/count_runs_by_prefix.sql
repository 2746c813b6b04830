-- How many rows a filter leaves, as far as that matters; in the order of an index, so that it is used.
SELECT count(*) FROM (
    SELECT FROM {schema}.runs
    WHERE namespace = %(namespace)s AND run_id >= %(low)s AND run_id < %(high)s
    ORDER BY run_id LIMIT %(enough)s
) AS seen
