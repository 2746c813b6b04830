-- A lane is the line of work that a run stands in; those from before there were lanes stand in the one without a name.
ALTER TABLE runs ADD COLUMN lane TEXT NOT NULL DEFAULT '';

-- Whoever works off some lanes asks for each by itself; `runs_due` serves those who ask for all runs.
CREATE INDEX runs_due_in_lane ON runs (lane, due_at, run_id) WHERE due_at IS NOT NULL;
