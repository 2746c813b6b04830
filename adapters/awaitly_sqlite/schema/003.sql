-- Whom an open approval waits for. Most wait for one name: it stands in the row, in `waits_for`. Those that wait for
-- several have as many as `crowd` says, in a table beside it; an index alone costs a commit less than that. Those from
-- before there were audiences wait for nobody, until they are written again.
ALTER TABLE approvals ADD COLUMN waits_for TEXT;

ALTER TABLE approvals ADD COLUMN crowd INTEGER NOT NULL DEFAULT 0;

-- The deadline of one that waits for somebody; where it has none, the end of time, which sorts last.
ALTER TABLE approvals ADD COLUMN urgency INTEGER;

CREATE INDEX approvals_awaited ON approvals (waits_for, urgency, run_id, key) WHERE waits_for IS NOT NULL;

CREATE TABLE audiences (
    run INTEGER NOT NULL,
    key TEXT NOT NULL,
    name TEXT NOT NULL,
    urgency INTEGER NOT NULL,
    run_id TEXT NOT NULL,
    PRIMARY KEY (run, key, name)
) WITHOUT ROWID;

CREATE INDEX audiences_listed ON audiences (name, urgency, run_id, key);
