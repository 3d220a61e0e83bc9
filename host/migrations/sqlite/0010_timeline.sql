-- expand
-- What a run did, moment by moment, as JSON: for people who look where its time went.
ALTER TABLE runs ADD COLUMN timeline TEXT;
