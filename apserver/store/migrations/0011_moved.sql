-- Accounts that move and end.

-- Where an account went on, as it says itself or as its Move did; and when it last moved, or
-- another moved to it: neither moves again for a week (core.rules.move).
ALTER TABLE actor
    ADD COLUMN moved_to text COLLATE "C",
    ADD COLUMN moved_at timestamptz;

-- Servers that got something of an actor of ours, each by one inbox: what it deletes is told them
-- too, at last itself. Those that its followers are on are in follower_inbox, as long as they are.
CREATE TABLE reached (
    actor          uuid NOT NULL,
    bucket         smallint NOT NULL,
    host           text COLLATE "C" NOT NULL,
    inbox          text COLLATE "C" NOT NULL,
    followed_until timestamptz,                 -- when its last follower there left; null: never
    PRIMARY KEY (actor, bucket, host)
);

-- What ends is taken away a batch at a time; until then nobody is shown what is left.
ALTER TABLE actor
    ADD COLUMN ending        boolean NOT NULL DEFAULT false,
    ADD COLUMN missing_since timestamptz,       -- its server says 404 of it, since then
    ADD COLUMN missing_days  smallint NOT NULL DEFAULT 0;  -- on so many days
CREATE INDEX actor_ending ON actor (key) WHERE ending;
