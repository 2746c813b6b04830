-- What people are to be told: written with what it tells of, sent after it, and read by run for each delivery. Their
-- bodies are short. `run_id` stands here once more so that what is to be sent is found, in order, within one index.
CREATE TABLE notices (
    run INTEGER NOT NULL,
    key TEXT NOT NULL,
    run_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    channel TEXT NOT NULL,
    due_at INTEGER,
    dead INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (run, key)
) WITHOUT ROWID;

CREATE INDEX notices_due ON notices (channel, due_at, run_id, key) WHERE due_at IS NOT NULL;

-- Few are ever given up, so that two indexes cost next to nothing.
CREATE INDEX notices_dead ON notices (run_id, key) WHERE dead = 1;

CREATE INDEX notices_dead_by_channel ON notices (channel, run_id, key) WHERE dead = 1;
