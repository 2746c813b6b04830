-- A lane is the line of work that a run stands in; those from before there were lanes stand in the one without a name.
ALTER TABLE runs ADD COLUMN lane TEXT NOT NULL DEFAULT '';

-- Whoever asks for all runs asks lane by lane: a second index without lanes would make each commit a third dearer.
DROP INDEX runs_due;

CREATE INDEX runs_due ON runs (lane, due_at, run_id) WHERE due_at IS NOT NULL;

-- `lane` is that of the run, so that what is decided in other lanes need not be passed over.
ALTER TABLE approvals ADD COLUMN lane TEXT NOT NULL DEFAULT '';

DROP INDEX approvals_ready;

CREATE INDEX approvals_ready ON approvals (lane, run_id) WHERE ready = 1;

CREATE TRIGGER runs_change_lane AFTER UPDATE OF lane ON runs WHEN old.lane <> new.lane
BEGIN
    UPDATE approvals SET lane = new.lane WHERE run = new.number;
END;
