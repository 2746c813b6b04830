-- Whom an open approval waits for, and entries of the ledger that are redacted.

-- Most approvals wait for one name: it stands in the row, in `waits_for`. Those with `crowd` wait for several, which stand
-- in a table beside it; an index alone costs a commit less than that. Those that are here wait for nobody, until they are
-- written again.
ALTER TABLE {schema}.approvals
    ADD COLUMN waits_for text COLLATE "C",
    ADD COLUMN crowd boolean NOT NULL DEFAULT false;

-- The most urgent first; 9223372036854775807 is the end of time, for what has no deadline.
CREATE INDEX approvals_awaited
    ON {schema}.approvals (namespace, waits_for, (coalesce(deadline, 9223372036854775807)), run_id, key)
    WHERE waits_for IS NOT NULL;

CREATE TABLE {schema}.audiences (
    run bigint NOT NULL,
    urgency bigint NOT NULL,
    namespace integer NOT NULL,
    key text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    run_id text COLLATE "C" NOT NULL,
    PRIMARY KEY (run, key, name)
);

CREATE INDEX audiences_listed ON {schema}.audiences (namespace, name, urgency, run_id, key);

-- Of an approval that is open, `m` is the one name that it waits for, `g` the names where there are several or none.
CREATE OR REPLACE FUNCTION {schema}.add_approvals(
    its_namespace integer, its_number bigint, its_run_id text, new json
) RETURNS void
LANGUAGE plpgsql AS ${body}$
DECLARE
    added bigint;
BEGIN
    INSERT INTO {schema}.approvals
        (run, namespace, run_id, key, version, workflow, open, ready, asked_at, deadline, body, waits_for, crowd)
    SELECT its_number, its_namespace, its_run_id, a.k, 1, a.w, a.o, a.r, a.q, a.d, a.b, a.m,
        coalesce(json_array_length(a.g) > 0, false)
    FROM json_to_recordset(new) AS a(k text, w text, o boolean, r boolean, q bigint, d bigint, b text, m text, g json)
    ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS added = ROW_COUNT;
    IF added <> json_array_length(new) THEN
        PERFORM {schema}.refuse('approval', a.k, p.version, 0) FROM json_to_recordset(new) AS a(k text)
        JOIN {schema}.approvals p ON p.run = its_number AND p.key = a.k;
    END IF;
END
${body}$;

-- Write the names of those approvals that wait for several.
CREATE FUNCTION {schema}.add_audiences(its_number bigint, new json) RETURNS void
LANGUAGE plpgsql AS ${body}$
BEGIN
    INSERT INTO {schema}.audiences (run, urgency, namespace, key, name, run_id)
    SELECT its_number, coalesce(p.deadline, 9223372036854775807), p.namespace, p.key, its_name, p.run_id
    FROM json_to_recordset(new) AS a(k text, g json)
    JOIN {schema}.approvals p ON p.run = its_number AND p.key = a.k
    CROSS JOIN LATERAL json_array_elements_text(a.g) AS its_name
    ON CONFLICT DO NOTHING;
END
${body}$;

-- Swap those approvals that waited for several or are to do so, and give how many there were. What says nothing of whom it
-- waits for and is open, as programs write it that were started before there were audiences, waits for whom it waited.
CREATE FUNCTION {schema}.swap_crowds(its_number bigint, new json) RETURNS bigint
LANGUAGE plpgsql AS ${body}$
DECLARE
    swapped bigint;
BEGIN
    UPDATE {schema}.approvals p SET
        version = a.v, workflow = a.w, open = a.o, ready = a.r, asked_at = a.q, deadline = a.d, body = a.b,
        waits_for = CASE WHEN a.o AND a.m IS NULL AND a.g IS NULL THEN p.waits_for ELSE a.m END,
        crowd = CASE WHEN a.o AND a.m IS NULL AND a.g IS NULL THEN p.crowd
            ELSE coalesce(json_array_length(a.g) > 0, false) END
    FROM json_to_recordset(new)
        AS a(k text, v bigint, w text, o boolean, r boolean, q bigint, d bigint, b text, m text, g json)
    WHERE p.run = its_number AND p.key = a.k AND p.version = a.v - 1;
    GET DIAGNOSTICS swapped = ROW_COUNT;
    DELETE FROM {schema}.audiences n USING json_to_recordset(new) AS a(k text, o boolean, m text, g json)
    WHERE n.run = its_number AND n.key = a.k AND NOT (a.o AND a.m IS NULL AND a.g IS NULL);
    UPDATE {schema}.audiences n SET urgency = coalesce(a.d, 9223372036854775807)
    FROM json_to_recordset(new) AS a(k text, d bigint) WHERE n.run = its_number AND n.key = a.k;
    PERFORM {schema}.add_audiences(its_number, new);
    RETURN swapped;
END
${body}$;

CREATE OR REPLACE FUNCTION {schema}.swap_approvals(its_number bigint, new json) RETURNS void
LANGUAGE plpgsql AS ${body}$
DECLARE
    swapped bigint;
BEGIN
    UPDATE {schema}.approvals p SET
        version = a.v, workflow = a.w, open = a.o, ready = a.r, asked_at = a.q, deadline = a.d, body = a.b,
        waits_for = CASE WHEN a.o AND a.m IS NULL AND a.g IS NULL THEN p.waits_for ELSE a.m END
    FROM json_to_recordset(new)
        AS a(k text, v bigint, w text, o boolean, r boolean, q bigint, d bigint, b text, m text, g json)
    WHERE p.run = its_number AND p.key = a.k AND p.version = a.v - 1
        AND NOT p.crowd AND (a.g IS NULL OR json_array_length(a.g) = 0);
    GET DIAGNOSTICS swapped = ROW_COUNT;
    IF swapped <> json_array_length(new) THEN
        swapped := swapped + {schema}.swap_crowds(its_number, new);
    END IF;
    IF swapped <> json_array_length(new) THEN
        PERFORM {schema}.refuse('approval', a.k, p.version, a.v - 1)
        FROM json_to_recordset(new) AS a(k text, v bigint)
        LEFT JOIN {schema}.approvals p ON p.run = its_number AND p.key = a.k
        ORDER BY p.version IS NOT DISTINCT FROM a.v;  -- those that were swapped just now come last
    END IF;
END
${body}$;

-- Put the bodies of entries in the place of those that stand there, one after the other.
CREATE FUNCTION {schema}.redact_entries(its_number bigint, redacted json) RETURNS void
LANGUAGE plpgsql AS ${body}$
DECLARE
    r record;
BEGIN
    FOR r IN SELECT * FROM json_to_recordset(redacted) AS x(s bigint, h text, b text) LOOP
        UPDATE {schema}.entries e SET body = r.b
        WHERE e.run = its_number AND e.seq = r.s AND e.hash = decode(r.h, 'hex');
        IF NOT FOUND THEN
            PERFORM {schema}.refuse('redacted', r.s::text, 0, 0);
        END IF;
    END LOOP;
END
${body}$;

-- Delete all that is kept under a run id; version 0 means that there is no such run.
CREATE OR REPLACE FUNCTION {schema}.forget(its_namespace integer, its_run_id text, held bigint) RETURNS void
LANGUAGE plpgsql AS ${body}$
DECLARE
    its_number bigint;
    found_version bigint;
BEGIN
    SELECT r.number, r.version INTO its_number, found_version FROM {schema}.runs r
    WHERE r.namespace = its_namespace AND r.run_id = its_run_id FOR UPDATE;
    IF coalesce(found_version, 0) <> held THEN
        PERFORM {schema}.refuse('run', '', found_version, held);
    END IF;
    DELETE FROM {schema}.steps WHERE run = its_number;
    DELETE FROM {schema}.approvals WHERE run = its_number;
    DELETE FROM {schema}.audiences WHERE run = its_number;
    DELETE FROM {schema}.entries WHERE run = its_number;
    DELETE FROM {schema}.runs r WHERE r.namespace = its_namespace AND r.run_id = its_run_id;
END
${body}$;

-- Apply one commit, part after part; `g` says that a new approval waits for several, `z` are entries to redact. Raises
-- AW001 at the first condition that does not hold.
CREATE OR REPLACE FUNCTION {schema}.apply(its_namespace integer, channel text, changes json) RETURNS void
LANGUAGE plpgsql AS ${body}$
DECLARE
    c record;
    its_number bigint;
    ignored text;
BEGIN
    SELECT * INTO c FROM json_to_record(changes) AS x(
        i text, v bigint, w text, s text, c bigint, u bigint, d bigint, b text, l text,
        h json, x json, t json, n json, g boolean, a json, e json, z json, f bigint, k boolean);
    IF c.v IS NOT NULL THEN
        its_number := {schema}.put_run(its_namespace, c.i, c.v, c.w, c.s, c.c, c.u, c.d, c.b, c.l);
    ELSIF c.t IS NOT NULL OR c.n IS NOT NULL OR c.e IS NOT NULL THEN
        its_number := {schema}.numbered(its_namespace, c.i);
    ELSIF c.x IS NOT NULL OR c.a IS NOT NULL OR c.z IS NOT NULL THEN
        its_number := {schema}.locked(its_namespace, c.i);
    END IF;
    IF c.h IS NOT NULL THEN
        PERFORM {schema}.hold(its_namespace, c.i, h.v, h.d) FROM json_to_recordset(c.h) AS h(v bigint, d bigint);
    END IF;
    IF c.x IS NOT NULL THEN
        DELETE FROM {schema}.steps WHERE run = its_number AND key IN (SELECT json_array_elements_text(c.x));
    END IF;
    IF c.t IS NOT NULL THEN
        ignored := {schema}.add_steps(its_number, c.t);
    END IF;
    IF c.n IS NOT NULL THEN
        ignored := {schema}.add_approvals(its_namespace, its_number, c.i, c.n);
    END IF;
    IF c.g THEN
        ignored := {schema}.add_audiences(its_number, c.n);
    END IF;
    IF c.a IS NOT NULL THEN
        ignored := {schema}.swap_approvals(its_number, c.a);
    END IF;
    IF c.e IS NOT NULL THEN
        ignored := {schema}.add_entries(its_number, c.e);
    END IF;
    IF c.z IS NOT NULL THEN
        ignored := {schema}.redact_entries(its_number, c.z);
    END IF;
    IF c.f IS NOT NULL THEN
        ignored := {schema}.forget(its_namespace, c.i, c.f);
    END IF;
    IF c.k THEN
        ignored := pg_notify(channel, c.i);
    END IF;
END
${body}$;
