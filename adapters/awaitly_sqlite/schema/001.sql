-- Times are whole microseconds since 1970 UTC; `body` is JSON text that only awaitly reads.

-- Tables with a body have rowids: in a WITHOUT ROWID table a row above about 1,000 bytes spills to a page of its own.
-- The other tables name a run by its number, so a long run id is written once and everything else is appended in order.
-- A row without a version is no run: it only numbers a run id whose approvals or steps are kept here without it.
CREATE TABLE runs (
    number INTEGER PRIMARY KEY,
    run_id TEXT NOT NULL,
    version INTEGER,
    workflow TEXT,
    status TEXT,
    created_at INTEGER,
    updated_at INTEGER,
    due_at INTEGER,
    body TEXT
);

CREATE UNIQUE INDEX runs_named ON runs (run_id);

-- Serves every listing: the few pairs of status and workflow are found by skipping, and their streams are merged.
-- The last column lets rows be filtered without a look at the table.
CREATE INDEX runs_listed ON runs (status, workflow, created_at, run_id, updated_at);

CREATE INDEX runs_updated ON runs (updated_at);

CREATE INDEX runs_due ON runs (due_at, run_id) WHERE due_at IS NOT NULL;

-- Steps are read in the order of their rowids, which is that of their recording.
CREATE TABLE steps (
    run INTEGER NOT NULL,
    key TEXT NOT NULL,
    body TEXT NOT NULL
);

CREATE UNIQUE INDEX steps_keyed ON steps (run, key);

-- `run_id` stands here once more so that listings sort, filter and page within one index.
CREATE TABLE approvals (
    run INTEGER NOT NULL,
    key TEXT NOT NULL,
    run_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    workflow TEXT NOT NULL,
    open INTEGER NOT NULL,
    ready INTEGER NOT NULL,
    asked_at INTEGER NOT NULL,
    deadline INTEGER,
    body TEXT NOT NULL
);

CREATE UNIQUE INDEX approvals_keyed ON approvals (run, key);

CREATE INDEX approvals_listed ON approvals (workflow, asked_at, run_id, key, deadline) WHERE open = 1;

CREATE INDEX approvals_by_deadline ON approvals (deadline) WHERE open = 1 AND deadline IS NOT NULL;

CREATE INDEX approvals_ready ON approvals (run) WHERE ready = 1;

-- `hash` is the 32 bytes that its 64 hexadecimal digits mean.
CREATE TABLE entries (
    run INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    hash BLOB NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (run, seq)
) WITHOUT ROWID;
