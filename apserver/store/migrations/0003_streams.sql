-- Streams, follows with flags, and the things of sites (docs/decisions/0013).

-- What an activity is called and carries, and where it stands in streams.
ALTER TABLE activity
    ADD COLUMN verb       text COLLATE "C",     -- verbPhrase, when it has one
    ADD COLUMN data       jsonb,                -- actionData, when it has any
    ADD COLUMN sort_at    timestamptz,          -- its place in streams; null: it is in none
    ADD COLUMN deleted_at timestamptz;          -- ours only: the envelope is a Tombstone

-- The role index: who and what takes part in which activity, newest last. A row for each role of
-- each participant, and one for each type among the participants.
CREATE TABLE role (
    thing      uuid NOT NULL,                   -- key_of(id) of the participant, or of the type
    role       smallint NOT NULL,               -- core.roles.Role: actor, object, target, type
    sort_at    timestamptz NOT NULL,            -- activity.sort_at
    activity   uuid NOT NULL,
    visibility smallint NOT NULL,
    PRIMARY KEY (thing, role, sort_at, activity) INCLUDE (visibility)
);
-- All that happened, in order: the public stream, and the home of who follows much.
CREATE INDEX role_time ON role (sort_at, activity) INCLUDE (thing, role, visibility) WHERE role < 3;
-- With the one above it finds the rows of an activity, for what streams are filtered by and to
-- remove them.
CREATE INDEX role_type ON role (sort_at, activity) INCLUDE (thing) WHERE role = 3;

-- What somebody wants of what they follow: one row for each flag, '' without one. Whether the
-- follow stands is in `relation`; a flag that mutes stands by itself.
CREATE TABLE follow (
    subject     uuid NOT NULL,
    flag        text COLLATE "C" NOT NULL,
    object      uuid NOT NULL,
    object_id   text COLLATE "C" NOT NULL,
    actor_only  boolean NOT NULL,               -- false: what happens to it too
    mutes       boolean NOT NULL,
    activity_id text COLLATE "C",               -- of the Follow
    started_at  timestamptz NOT NULL,
    PRIMARY KEY (subject, object, flag)
);
CREATE INDEX follow_object ON follow (object, started_at, subject, flag);
CREATE INDEX follow_started ON follow (subject, started_at, object, flag);

-- Actors of ours that stand for something of a site: for one of its users, or as what others can
-- follow of one of its things (a façade).
CREATE TABLE alias (
    thing    uuid PRIMARY KEY,                  -- key_of(thing_id)
    thing_id text COLLATE "C" NOT NULL,
    actor    uuid NOT NULL,
    actor_id text COLLATE "C" NOT NULL,
    is_user  boolean NOT NULL                   -- else a façade
);
CREATE UNIQUE INDEX alias_actor ON alias (actor);

-- Follows from before, all without a flag.
INSERT INTO follow (subject, flag, object, object_id, actor_only, mutes, activity_id, started_at)
SELECT r.subject, '', r.object, a.id, true, false, r.activity_id, r.changed_at
FROM relation r JOIN actor a ON a.key = r.object WHERE r.kind = 'follow';
