-- Reply trees and profiles (docs/decisions/0017).

-- Nobody sent it to us: it was found around something that somebody did. The shared inbox does not
-- show it.
ALTER TABLE object ADD COLUMN is_found boolean NOT NULL DEFAULT false;
DROP INDEX object_public;
CREATE INDEX object_public ON object (stored_at, key)
    WHERE visibility = 0 AND deleted_at IS NULL AND kind <> 'site' AND NOT is_found;

-- Pages run from high positions to low ones. Around 2^52 stand members that are ahead of all others
-- (above), and those that go to the end (below): store/collections.py. An author's own replies are
-- ahead of those of others, and a conversation begins with what was first.
UPDATE member m SET position = m.position + (1::bigint << 52)
FROM collection c WHERE c.key = m.collection AND c.name = 'replies' AND m.author = c.owner;
UPDATE member m SET position = (1::bigint << 52) - m.position
FROM collection c WHERE c.key = m.collection AND c.name = 'context';

-- Actors elsewhere whose profile is looked at again: those who are followed here, and others for as
-- long as they have something to do with us.
CREATE TABLE profile (
    actor     uuid PRIMARY KEY,
    actor_id  text COLLATE "C" NOT NULL,
    looked_at timestamptz NOT NULL DEFAULT now()  -- or was to be
);
CREATE INDEX profile_age ON profile (looked_at, actor);
INSERT INTO profile (actor, actor_id, looked_at)
SELECT a.key, a.id, a.fetched_at FROM actor a
WHERE NOT a.ours AND a.gone_at IS NULL AND EXISTS (
    SELECT FROM relation r
    WHERE r.object = a.key AND r.kind = 'follow' AND r.subject_ours AND r.state = 'accepted');
INSERT INTO periodic (name, next_at) VALUES ('profiles', now() + interval '1 hour');
