-- How many rows a filter leaves, as far as that matters; in the order of an index, so that it is used.
SELECT count(*) FROM (
    SELECT FROM {schema}.approvals
    WHERE namespace = %(namespace)s AND open AND deadline < %(deadline_before)s
    ORDER BY deadline LIMIT %(enough)s
) AS seen
