-- A page of what waits for any of some names, the most urgent first: for each name an index gives what waits for it alone
-- in order, another one what waits for others too. Of each as many are taken as fit on the page; who has several of the
-- names is found as often, and counted once.
SELECT a.* FROM (
    SELECT DISTINCT place.urgency, place.run_id, place.key, place.run
    FROM unnest(%(names)s::text[]) AS asked(name), LATERAL (
        (SELECT coalesce(a.deadline, 9223372036854775807) AS urgency, a.run_id, a.key, a.run
        FROM {schema}.approvals a
        WHERE a.namespace = %(namespace)s AND a.waits_for = asked.name
            AND (coalesce(a.deadline, 9223372036854775807), a.run_id, a.key)
                > (%(urgency)s::bigint, %(after_run_id)s, %(after_key)s)
            AND coalesce(a.deadline, 9223372036854775807) <= %(latest)s
            AND (%(low)s::text IS NULL OR a.run_id >= %(low)s)
            AND (%(high)s::text IS NULL OR a.run_id < %(high)s)
            AND (%(workflow)s::text IS NULL OR a.workflow = %(workflow)s)
            AND (%(asked_before)s::bigint IS NULL OR a.asked_at < %(asked_before)s)
        ORDER BY coalesce(a.deadline, 9223372036854775807), a.run_id, a.key LIMIT %(limit)s)
        UNION ALL
        (SELECT n.urgency, n.run_id, n.key, n.run
        FROM {schema}.audiences n, LATERAL (
            SELECT FROM {schema}.approvals a
            WHERE a.run = n.run AND a.key = n.key
                AND (%(workflow)s::text IS NULL OR a.workflow = %(workflow)s)
                AND (%(asked_before)s::bigint IS NULL OR a.asked_at < %(asked_before)s)
            OFFSET 0
        ) AS fitting
        WHERE n.namespace = %(namespace)s AND n.name = asked.name
            AND (n.urgency, n.run_id, n.key) > (%(urgency)s::bigint, %(after_run_id)s, %(after_key)s)
            AND n.urgency <= %(latest)s
            AND (%(low)s::text IS NULL OR n.run_id >= %(low)s)
            AND (%(high)s::text IS NULL OR n.run_id < %(high)s)
        ORDER BY n.urgency, n.run_id, n.key LIMIT %(limit)s)
    ) AS place
    ORDER BY place.urgency, place.run_id, place.key LIMIT %(limit)s
) AS place, LATERAL (
    SELECT a.run_id, a.key, a.version, a.workflow, a.open, a.ready, a.asked_at, a.deadline, a.body
    FROM {schema}.approvals a WHERE a.run = place.run AND a.key = place.key OFFSET 0
) AS a
ORDER BY place.urgency, place.run_id, place.key
