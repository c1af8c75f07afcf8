-- What is told to moderators, and how people react to things.

-- Reports (core/rules/flag.py), by other servers and by actors of ours.
CREATE TABLE report (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,  -- how commands name it
    activity     uuid NOT NULL UNIQUE,          -- the Flag: activity_key(reporter, its id)
    activity_id  text COLLATE "C",              -- of the Flag, if it has one
    reporter     text COLLATE "C",              -- who sent it; null: one of ours, since deleted
    source       text COLLATE "C" NOT NULL,     -- of which only so many are taken; '': see above
    subjects     text[] COLLATE "C" NOT NULL,   -- who is reported
    posts        text[] COLLATE "C" NOT NULL,   -- and what of theirs
    evidence     bytea NOT NULL,                -- a JSON array: what it looked like then
    content      text NOT NULL,                 -- what the reporter says, plain
    forwarded_to text[] COLLATE "C" NOT NULL,   -- actors elsewhere whose servers were told
    reported_at  timestamptz NOT NULL DEFAULT now(),
    closed_at    timestamptz,                   -- null: it is open
    taken_back   boolean NOT NULL DEFAULT false,  -- by who reported: it was closed by nobody here
    note         text NOT NULL DEFAULT ''       -- of whoever closed it
);
-- What moderators have to look at; and of whom there is too much of it.
CREATE INDEX report_open ON report (source) WHERE closed_at IS NULL OR taken_back;
CREATE INDEX report_closed ON report (closed_at, id) WHERE closed_at IS NOT NULL;
CREATE INDEX report_reporter ON report (reporter) WHERE reporter IS NOT NULL;

-- Reactions by an emoji (core/reactions.py): of one actor to one thing, one for each emoji. That the
-- actor likes it is in `relation` besides.
CREATE TABLE reaction (
    object      uuid NOT NULL,
    actor       uuid NOT NULL,
    emoji       text COLLATE "C" NOT NULL,
    activity_id text COLLATE "C" NOT NULL,      -- the Like that says so
    reacted_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (object, actor, emoji)
);
CREATE INDEX reaction_actor ON reaction (actor);
