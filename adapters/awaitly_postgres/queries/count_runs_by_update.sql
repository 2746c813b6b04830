-- How many rows a filter leaves, as far as that matters; in the order of an index, so that it is used.
SELECT count(*) FROM (
    SELECT FROM {schema}.runs
    WHERE namespace = %(namespace)s AND version IS NOT NULL AND updated_at < %(updated_before)s
    ORDER BY updated_at LIMIT %(enough)s
) AS seen
