-- What people are to be told: written with what it tells of, sent after it, and read by run for each delivery.

-- `run_id` stands here once more so that what is to be sent is found, in order, within one index.
CREATE TABLE {schema}.notices (
    run bigint NOT NULL,
    version bigint NOT NULL,
    due_at bigint,
    namespace integer NOT NULL,
    dead boolean NOT NULL,
    key text COLLATE "C" NOT NULL,
    channel text COLLATE "C" NOT NULL,
    run_id text COLLATE "C" NOT NULL,
    body text NOT NULL,
    PRIMARY KEY (run, key)
);

CREATE INDEX notices_due ON {schema}.notices (namespace, channel, due_at, run_id, key) WHERE due_at IS NOT NULL;

-- Few are ever given up, so that two indexes cost next to nothing.
CREATE INDEX notices_dead ON {schema}.notices (namespace, run_id, key) WHERE dead;

CREATE INDEX notices_dead_by_channel ON {schema}.notices (namespace, channel, run_id, key) WHERE dead;

CREATE FUNCTION {schema}.add_notices(
    its_namespace integer, its_number bigint, its_run_id text, new json
) RETURNS void
LANGUAGE plpgsql AS ${body}$
DECLARE
    added bigint;
BEGIN
    INSERT INTO {schema}.notices (run, namespace, run_id, key, version, channel, due_at, dead, body)
    SELECT its_number, its_namespace, its_run_id, n.k, 1, n.c, n.d, n.x, n.b
    FROM json_to_recordset(new) AS n(k text, c text, d bigint, x boolean, b text)
    ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS added = ROW_COUNT;
    IF added <> json_array_length(new) THEN
        PERFORM {schema}.refuse('notice', n.k, p.version, 0) FROM json_to_recordset(new) AS n(k text)
        JOIN {schema}.notices p ON p.run = its_number AND p.key = n.k
        ORDER BY p.version = 1;  -- those that were added just now come last
    END IF;
END
${body}$;

CREATE FUNCTION {schema}.swap_notices(its_number bigint, new json) RETURNS void
LANGUAGE plpgsql AS ${body}$
DECLARE
    swapped bigint;
BEGIN
    UPDATE {schema}.notices p SET version = n.v, channel = n.c, due_at = n.d, dead = n.x, body = n.b
    FROM json_to_recordset(new) AS n(k text, v bigint, c text, d bigint, x boolean, b text)
    WHERE p.run = its_number AND p.key = n.k AND p.version = n.v - 1;
    GET DIAGNOSTICS swapped = ROW_COUNT;
    IF swapped <> json_array_length(new) THEN
        PERFORM {schema}.refuse('notice', n.k, p.version, n.v - 1)
        FROM json_to_recordset(new) AS n(k text, v bigint)
        LEFT JOIN {schema}.notices p ON p.run = its_number AND p.key = n.k
        ORDER BY p.version IS NOT DISTINCT FROM n.v;  -- those that were swapped just now come last
    END IF;
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
    DELETE FROM {schema}.notices WHERE run = its_number;
    DELETE FROM {schema}.entries WHERE run = its_number;
    DELETE FROM {schema}.runs r WHERE r.namespace = its_namespace AND r.run_id = its_run_id;
END
${body}$;

-- Apply one commit, part after part; `o` are new notices, `p` those that take the place of others. Raises AW001 at the
-- first condition that does not hold.
CREATE OR REPLACE FUNCTION {schema}.apply(its_namespace integer, channel text, changes json) RETURNS void
LANGUAGE plpgsql AS ${body}$
DECLARE
    c record;
    its_number bigint;
    ignored text;
BEGIN
    SELECT * INTO c FROM json_to_record(changes) AS x(
        i text, v bigint, w text, s text, c bigint, u bigint, d bigint, b text, l text,
        h json, x json, t json, n json, g boolean, a json, o json, p json, e json, z json, f bigint, k boolean);
    IF c.v IS NOT NULL THEN
        its_number := {schema}.put_run(its_namespace, c.i, c.v, c.w, c.s, c.c, c.u, c.d, c.b, c.l);
    ELSIF c.t IS NOT NULL OR c.n IS NOT NULL OR c.o IS NOT NULL OR c.e IS NOT NULL THEN
        its_number := {schema}.numbered(its_namespace, c.i);
    ELSIF c.x IS NOT NULL OR c.a IS NOT NULL OR c.p IS NOT NULL OR c.z IS NOT NULL THEN
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
    IF c.o IS NOT NULL THEN
        ignored := {schema}.add_notices(its_namespace, its_number, c.i, c.o);
    END IF;
    IF c.p IS NOT NULL THEN
        ignored := {schema}.swap_notices(its_number, c.p);
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
