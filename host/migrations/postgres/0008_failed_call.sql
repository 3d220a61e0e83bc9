-- The call after which a run gave its marketplace up, as JSON without secrets: for people who look why.
ALTER TABLE runs ADD COLUMN failed_call TEXT;
