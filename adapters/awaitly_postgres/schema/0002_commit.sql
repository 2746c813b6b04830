-- How commits are applied: a batch of them by one call, in one round trip and one transaction.
--
-- A commit comes as a JSON object: `i` the run id; `v`, `w`, `s`, `c`, `u`, `d`, `b` the run's row, if it is written;
-- `h` holds, `x` keys of steps to drop, `t` new steps, `n` new approvals, `a` approvals to swap, `e` ledger entries,
-- `f` the version of a run to forget, `k` whether it wakes listeners. What is not there is left out.

-- Raised where a condition does not hold. It never leaves these functions; its text says what was in the way.
CREATE FUNCTION {schema}.refuse(part text, key text, stands bigint, expected bigint) RETURNS void
LANGUAGE plpgsql AS ${body}$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'AW001',
        MESSAGE = json_build_array(part, key, coalesce(stands, 0), expected)::text;
END
${body}$;

-- Lock the row of a run id, and give its number; null where there is none.
CREATE FUNCTION {schema}.locked(its_namespace integer, its_run_id text) RETURNS bigint
LANGUAGE plpgsql AS ${body}$
DECLARE
    its_number bigint;
BEGIN
    SELECT r.number INTO its_number FROM {schema}.runs r
    WHERE r.namespace = its_namespace AND r.run_id = its_run_id FOR NO KEY UPDATE;
    RETURN its_number;
END
${body}$;

-- The same, and a run id that this store has never heard of gets a number first.
CREATE FUNCTION {schema}.numbered(its_namespace integer, its_run_id text) RETURNS bigint
LANGUAGE plpgsql AS ${body}$
DECLARE
    its_number bigint;
BEGIN
    its_number := {schema}.locked(its_namespace, its_run_id);
    WHILE its_number IS NULL LOOP  -- again where another was quicker and its row is gone by now
        INSERT INTO {schema}.runs (namespace, run_id) VALUES (its_namespace, its_run_id)
        ON CONFLICT (namespace, run_id) DO NOTHING RETURNING number INTO its_number;
        its_number := coalesce(its_number, {schema}.locked(its_namespace, its_run_id));
    END LOOP;
    RETURN its_number;
END
${body}$;

-- Write a run's row, and give its number.
CREATE FUNCTION {schema}.put_run(
    its_namespace integer, its_run_id text, new_version bigint, new_workflow text, new_status text,
    new_created_at bigint, new_updated_at bigint, new_due_at bigint, new_body text
) RETURNS bigint
LANGUAGE plpgsql AS ${body}$
DECLARE
    its_number bigint;
BEGIN
    IF new_version = 1 THEN
        INSERT INTO {schema}.runs AS r
            (namespace, run_id, version, workflow, status, created_at, updated_at, due_at, body)
        VALUES (its_namespace, its_run_id, 1, new_workflow, new_status, new_created_at, new_updated_at, new_due_at,
            new_body)
        ON CONFLICT (namespace, run_id) DO UPDATE SET
            version = 1, workflow = new_workflow, status = new_status, created_at = new_created_at,
            updated_at = new_updated_at, due_at = new_due_at, body = new_body
        WHERE r.version IS NULL
        RETURNING r.number INTO its_number;
    ELSE
        UPDATE {schema}.runs r SET
            version = new_version, workflow = new_workflow, status = new_status, created_at = new_created_at,
            updated_at = new_updated_at, due_at = new_due_at, body = new_body
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

-- Check that a run stands at a version, and keep it there until the end; a new `due_at` replaces its own.
CREATE FUNCTION {schema}.hold(its_namespace integer, its_run_id text, held bigint, new_due_at bigint) RETURNS void
LANGUAGE plpgsql AS ${body}$
DECLARE
    found_version bigint;
BEGIN
    SELECT r.version INTO found_version FROM {schema}.runs r
    WHERE r.namespace = its_namespace AND r.run_id = its_run_id FOR NO KEY UPDATE;
    IF found_version IS DISTINCT FROM held THEN
        PERFORM {schema}.refuse('run', '', found_version, held);
    END IF;
    IF new_due_at IS NOT NULL THEN
        UPDATE {schema}.runs r SET due_at = new_due_at WHERE r.namespace = its_namespace AND r.run_id = its_run_id;
    END IF;
END
${body}$;

CREATE FUNCTION {schema}.add_steps(its_number bigint, new json) RETURNS void
LANGUAGE plpgsql AS ${body}$
DECLARE
    added bigint;
BEGIN
    INSERT INTO {schema}.steps (run, key, body)
    SELECT its_number, s.k, s.b FROM json_to_recordset(new) AS s(k text, b text) ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS added = ROW_COUNT;
    IF added <> json_array_length(new) THEN
        PERFORM {schema}.refuse('step', (SELECT string_agg(s.k, ', ') FROM json_to_recordset(new) AS s(k text)), 1, 0);
    END IF;
END
${body}$;

CREATE FUNCTION {schema}.add_approvals(its_namespace integer, its_number bigint, its_run_id text, new json) RETURNS void
LANGUAGE plpgsql AS ${body}$
DECLARE
    added bigint;
BEGIN
    INSERT INTO {schema}.approvals
        (run, namespace, run_id, key, version, workflow, open, ready, asked_at, deadline, body)
    SELECT its_number, its_namespace, its_run_id, a.k, 1, a.w, a.o, a.r, a.q, a.d, a.b
    FROM json_to_recordset(new) AS a(k text, w text, o boolean, r boolean, q bigint, d bigint, b text)
    ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS added = ROW_COUNT;
    IF added <> json_array_length(new) THEN
        PERFORM {schema}.refuse('approval', a.k, p.version, 0) FROM json_to_recordset(new) AS a(k text)
        JOIN {schema}.approvals p ON p.run = its_number AND p.key = a.k;
    END IF;
END
${body}$;

CREATE FUNCTION {schema}.swap_approvals(its_number bigint, new json) RETURNS void
LANGUAGE plpgsql AS ${body}$
DECLARE
    swapped bigint;
BEGIN
    UPDATE {schema}.approvals p SET
        version = a.v, workflow = a.w, open = a.o, ready = a.r, asked_at = a.q, deadline = a.d, body = a.b
    FROM json_to_recordset(new) AS a(k text, v bigint, w text, o boolean, r boolean, q bigint, d bigint, b text)
    WHERE p.run = its_number AND p.key = a.k AND p.version = a.v - 1;
    GET DIAGNOSTICS swapped = ROW_COUNT;
    IF swapped <> json_array_length(new) THEN
        PERFORM {schema}.refuse('approval', a.k, p.version, a.v - 1)
        FROM json_to_recordset(new) AS a(k text, v bigint)
        LEFT JOIN {schema}.approvals p ON p.run = its_number AND p.key = a.k
        ORDER BY p.version IS NOT DISTINCT FROM a.v;  -- those that were swapped just now come last
    END IF;
END
${body}$;

CREATE FUNCTION {schema}.add_entries(its_number bigint, new json) RETURNS void
LANGUAGE plpgsql AS ${body}$
DECLARE
    added bigint;
BEGIN
    INSERT INTO {schema}.entries (run, seq, hash, body)
    SELECT its_number, e.s, decode(e.h, 'hex'), e.b
    FROM json_to_recordset(new) AS e(s bigint, h text, b text) ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS added = ROW_COUNT;
    IF added <> json_array_length(new) THEN
        PERFORM {schema}.refuse('entry',
            (SELECT string_agg(e.s::text, ', ') FROM json_to_recordset(new) AS e(s bigint)), 1, 0);
    END IF;
END
${body}$;

-- Delete all that is kept under a run id; version 0 means that there is no such run.
CREATE FUNCTION {schema}.forget(its_namespace integer, its_run_id text, held bigint) RETURNS void
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
    DELETE FROM {schema}.entries WHERE run = its_number;
    DELETE FROM {schema}.runs r WHERE r.namespace = its_namespace AND r.run_id = its_run_id;
END
${body}$;

-- Apply one commit, part after part. Raises AW001 at the first condition that does not hold.
CREATE FUNCTION {schema}.apply(its_namespace integer, channel text, changes json) RETURNS void
LANGUAGE plpgsql AS ${body}$
DECLARE
    c record;
    its_number bigint;
    ignored text;
BEGIN
    SELECT * INTO c FROM json_to_record(changes) AS x(
        i text, v bigint, w text, s text, c bigint, u bigint, d bigint, b text,
        h json, x json, t json, n json, a json, e json, f bigint, k boolean);
    IF c.v IS NOT NULL THEN
        its_number := {schema}.put_run(its_namespace, c.i, c.v, c.w, c.s, c.c, c.u, c.d, c.b);
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

-- Apply commits one after the other, each all or nothing, and say which were refused: null for none, or a JSON array of
-- pairs of place and refusal. All of them together are tried first: that takes one subtransaction, and not one for each.
CREATE FUNCTION {schema}.apply_each(its_namespace integer, channel text, batch json) RETURNS json
LANGUAGE plpgsql AS ${body}$
DECLARE
    one json;
    place bigint;
    refusals json[];
    ignored text;
BEGIN
    BEGIN
        FOR one IN SELECT value FROM json_array_elements(batch) LOOP
            ignored := {schema}.apply(its_namespace, channel, one);
        END LOOP;
        RETURN NULL;
    EXCEPTION WHEN SQLSTATE 'AW001' THEN
        IF json_array_length(batch) = 1 THEN
            RETURN json_build_array(json_build_array(0, SQLERRM::json));
        END IF;
    END;
    FOR one, place IN SELECT value, ordinality - 1 FROM json_array_elements(batch) WITH ORDINALITY LOOP
        BEGIN
            ignored := {schema}.apply(its_namespace, channel, one);
        EXCEPTION WHEN SQLSTATE 'AW001' THEN
            refusals := refusals || json_build_array(place, SQLERRM::json);
        END;
    END LOOP;
    RETURN array_to_json(refusals);
END
${body}$;

-- Apply a batch once, however often it is sent: its writer numbers its batches, and what came of one is kept until it
-- has made 256 others. The commits come in the order of their run ids, so batches never wait for each other in a circle.
-- Plans are kept for long: none may be made as for a table that is still small.
CREATE FUNCTION {schema}.commit_batch(
    its_namespace integer, channel text, its_writer bigint, its_seq bigint, patience text, flushed boolean, batch json
) RETURNS text
LANGUAGE plpgsql SET enable_seqscan = off AS ${body}$
DECLARE
    its_outcome text;
    ignored text;
BEGIN
    ignored := set_config('lock_timeout', patience, true);
    INSERT INTO {schema}.batches (writer, seq) VALUES (its_writer, its_seq) ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN  -- written once more, so that this answer waits for disks and replicas as the first did
        UPDATE {schema}.batches b SET at = clock_timestamp() WHERE b.writer = its_writer AND b.seq = its_seq
        RETURNING b.outcome INTO its_outcome;
        RETURN its_outcome;
    END IF;
    IF EXISTS (SELECT FROM {schema}.batches b WHERE b.writer = its_writer AND b.seq > its_seq) THEN
        RAISE EXCEPTION USING ERRCODE = 'AW002', MESSAGE = 'this batch comes after later ones of its writer';
    END IF;
    IF NOT flushed THEN
        ignored := set_config('synchronous_commit', 'off', true);
    ELSIF current_setting('synchronous_commit') = 'off' THEN
        ignored := set_config('synchronous_commit', 'on', true);
    END IF;
    its_outcome := {schema}.apply_each(its_namespace, channel, batch)::text;
    IF its_outcome IS NOT NULL THEN
        UPDATE {schema}.batches b SET outcome = its_outcome WHERE b.writer = its_writer AND b.seq = its_seq;
    END IF;
    IF its_seq % 256 = 0 THEN
        DELETE FROM {schema}.batches b WHERE b.writer = its_writer AND b.seq BETWEEN its_seq - 511 AND its_seq - 256;
    END IF;
    RETURN its_outcome;
END
${body}$;

-- Apply one commit within the caller's transaction. Where that transaction sees the store as it was earlier, what was
-- changed since is a refusal too: nothing here may spoil the caller's transaction.
CREATE FUNCTION {schema}.commit_joined(its_namespace integer, channel text, changes json) RETURNS text
LANGUAGE plpgsql SET enable_seqscan = off AS ${body}$
BEGIN
    PERFORM {schema}.apply(its_namespace, channel, changes);
    RETURN NULL;
EXCEPTION
    WHEN SQLSTATE 'AW001' THEN
        RETURN SQLERRM;
    WHEN serialization_failure OR unique_violation THEN
        RETURN '["snapshot", "", 0, 0]';
END
${body}$;
