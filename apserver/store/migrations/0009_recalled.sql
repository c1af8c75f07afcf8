-- What was found in an outbox (1) counts as new once it is delivered too (2): only then does it
-- concern inboxes.
ALTER TABLE activity ADD COLUMN recalled smallint NOT NULL DEFAULT 0;
