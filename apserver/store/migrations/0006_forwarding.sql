-- Forwarding from the inbox (ActivityPub 7.1.2).

-- When it was forwarded: once, whatever comes after.
ALTER TABLE activity ADD COLUMN forwarded_at timestamptz;

-- The host of who brought it, when that was not its actor: nothing is forwarded back there.
ALTER TABLE raw ADD COLUMN carrier text COLLATE "C";
