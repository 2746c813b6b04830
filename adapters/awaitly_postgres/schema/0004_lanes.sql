-- A run stands in a lane, and whoever works can ask for what is due in some lanes alone. Those that are here stand in ''.

ALTER TABLE {schema}.runs ADD COLUMN lane text COLLATE "C" NOT NULL DEFAULT '';

CREATE INDEX runs_due_in_lane ON {schema}.runs (namespace, lane, due_at, run_id) WHERE due_at IS NOT NULL;

-- What has a time has a version. It is said here so that no question about a lane, which leaves it out, is ever served
-- by this index: that would look at the runs of all lanes.
DROP INDEX {schema}.runs_due;

CREATE INDEX runs_due ON {schema}.runs (namespace, due_at, run_id) WHERE version IS NOT NULL AND due_at IS NOT NULL;

DROP FUNCTION {schema}.put_run(integer, text, bigint, text, text, bigint, bigint, bigint, text);

-- Write a run's row, and give its number. Without a lane, as programs write it that were started before there were any,
-- the run stays in its own.
CREATE FUNCTION {schema}.put_run(
    its_namespace integer, its_run_id text, new_version bigint, new_workflow text, new_status text,
    new_created_at bigint, new_updated_at bigint, new_due_at bigint, new_body text, new_lane text
) RETURNS bigint
LANGUAGE plpgsql AS ${body}$
DECLARE
    its_number bigint;
BEGIN
    IF new_version = 1 THEN
        INSERT INTO {schema}.runs AS r
            (namespace, run_id, version, workflow, status, created_at, updated_at, due_at, body, lane)
        VALUES (its_namespace, its_run_id, 1, new_workflow, new_status, new_created_at, new_updated_at, new_due_at,
            new_body, coalesce(new_lane, ''))
        ON CONFLICT (namespace, run_id) DO UPDATE SET
            version = 1, workflow = new_workflow, status = new_status, created_at = new_created_at,
            updated_at = new_updated_at, due_at = new_due_at, body = new_body, lane = coalesce(new_lane, '')
        WHERE r.version IS NULL
        RETURNING r.number INTO its_number;
    ELSE
        UPDATE {schema}.runs r SET
            version = new_version, workflow = new_workflow, status = new_status, created_at = new_created_at,
            updated_at = new_updated_at, due_at = new_due_at, body = new_body, lane = coalesce(new_lane, r.lane)
        WHERE r.namespace = its_namespace AND r.run_id = its_run_id AND r.version = new_version - 1
        RETURNING r.number INTO its_number;
    END IF;
    IF its_number IS NULL THEN
        PERFORM {schema}.refuse('run', '',
            (SELECT r.version FROM {schema}.runs r WHERE r.namespace = its_namespace AND r.run_id = its_run_id),
            new_version - 1);
    END IF;
    RETURN its_number;
END
${body}$;

-- Apply one commit, part after part; `l` is the lane of the run's row, if it is written. Raises AW001 at the
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
        h json, x json, t json, n json, a json, e json, f bigint, k boolean);
    IF c.v IS NOT NULL THEN
        its_number := {schema}.put_run(its_namespace, c.i, c.v, c.w, c.s, c.c, c.u, c.d, c.b, c.l);
    ELSIF c.t IS NOT NULL OR c.n IS NOT NULL OR c.e IS NOT NULL THEN
        its_number := {schema}.numbered(its_namespace, c.i);
    ELSIF c.x IS NOT NULL OR c.a IS NOT NULL THEN
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
    IF c.a IS NOT NULL THEN
        ignored := {schema}.swap_approvals(its_number, c.a);
    END IF;
    IF c.e IS NOT NULL THEN
        ignored := {schema}.add_entries(its_number, c.e);
    END IF;
    IF c.f IS NOT NULL THEN
        ignored := {schema}.forget(its_namespace, c.i, c.f);
    END IF;
    IF c.k THEN
        ignored := pg_notify(channel, c.i);
    END IF;
END
${body}$;
