-- Runs that had nothing to tell: of each task only the last of them are kept.
ALTER TABLE runs ADD COLUMN is_quiet BOOLEAN NOT NULL DEFAULT false;
CREATE INDEX runs_quiet ON runs (tenant, channel, task, id) WHERE is_quiet;
