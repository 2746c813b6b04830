-- The earliest time after now in any of some lanes, by one look into each.
SELECT following.due_at FROM unnest(%(lanes)s::text[]) AS named(lane)
CROSS JOIN LATERAL (
    SELECT due_at FROM {schema}.runs
    WHERE namespace = %(namespace)s AND lane = named.lane COLLATE "C" AND due_at > %(now)s
    ORDER BY due_at LIMIT 1
) AS following
ORDER BY following.due_at LIMIT 1
