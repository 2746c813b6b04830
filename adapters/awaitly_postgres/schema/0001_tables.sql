-- Times are whole microseconds since 1970 UTC; `body` is JSON text that only awaitly reads, and so is plain text here:
-- jsonb refuses some of it. Names sort by code point in every database, whatever its own collation.

CREATE TABLE {schema}.namespaces (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text COLLATE "C" NOT NULL UNIQUE
);

-- The other tables name a run by its number, so a long run id is written once and everything else stays narrow.
-- A row without a version is no run: it only numbers a run id whose approvals or steps are kept here without it.
-- Whoever changes anything of a run holds the lock of its row, so a run's writers take turns.
CREATE TABLE {schema}.runs (
    number bigint GENERATED ALWAYS AS IDENTITY,
    version bigint,
    created_at bigint,
    updated_at bigint,
    due_at bigint,
    namespace integer NOT NULL,
    run_id text COLLATE "C" NOT NULL,
    workflow text COLLATE "C",
    status text COLLATE "C",
    body text,
    PRIMARY KEY (namespace, run_id)
);

-- Serves every listing: the few pairs of status and workflow are found by skipping, and their streams are merged.
CREATE INDEX runs_listed ON {schema}.runs (namespace, status, workflow, created_at, run_id) WHERE version IS NOT NULL;

CREATE INDEX runs_updated ON {schema}.runs (namespace, updated_at) WHERE version IS NOT NULL;

CREATE INDEX runs_due ON {schema}.runs (namespace, due_at, run_id) WHERE due_at IS NOT NULL;

-- `place` counts up in the order of recording.
CREATE TABLE {schema}.steps (
    run bigint NOT NULL,
    place bigint GENERATED ALWAYS AS IDENTITY,
    key text COLLATE "C" NOT NULL,
    body text NOT NULL,
    PRIMARY KEY (run, key)
);

-- `run_id` stands here once more so that listings sort, filter and page within one index.
CREATE TABLE {schema}.approvals (
    run bigint NOT NULL,
    version bigint NOT NULL,
    asked_at bigint NOT NULL,
    deadline bigint,
    namespace integer NOT NULL,
    open boolean NOT NULL,
    ready boolean NOT NULL,
    key text COLLATE "C" NOT NULL,
    run_id text COLLATE "C" NOT NULL,
    workflow text COLLATE "C" NOT NULL,
    body text NOT NULL,
    PRIMARY KEY (run, key)
);

CREATE INDEX approvals_listed ON {schema}.approvals (namespace, workflow, asked_at, run_id, key) WHERE open;

CREATE INDEX approvals_by_deadline ON {schema}.approvals (namespace, deadline) WHERE open AND deadline IS NOT NULL;

CREATE INDEX approvals_ready ON {schema}.approvals (namespace, run_id) WHERE ready;

-- `hash` is the 32 bytes that its 64 hexadecimal digits mean.
CREATE TABLE {schema}.entries (
    run bigint NOT NULL,
    seq bigint NOT NULL,
    hash bytea NOT NULL,
    body text NOT NULL,
    PRIMARY KEY (run, seq)
);

-- What came of the last batches of each writer, for whoever lost the answer and asks again. An `outcome` that is null:
-- all of the batch was applied.
CREATE TABLE {schema}.batches (
    writer bigint NOT NULL,
    seq bigint NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    outcome text,
    PRIMARY KEY (writer, seq)
);
