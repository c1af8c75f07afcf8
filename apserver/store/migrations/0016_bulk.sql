-- A request of many activities counts once, too: what was answered to it is kept with its key.
ALTER TABLE posted ALTER COLUMN activity DROP NOT NULL;
ALTER TABLE posted ADD COLUMN answer bytea;   -- JSON; then there is no activity
