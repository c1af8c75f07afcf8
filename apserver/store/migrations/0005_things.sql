-- Things of sites in activities, and follows that wait for the site's answer.

-- The things of a site that take part, by id: the envelope names them, and they are shown as they
-- are now, as `spliced` is.
ALTER TABLE activity ADD COLUMN things text[] COLLATE "C";

CREATE INDEX relation_pending ON relation (object, subject) WHERE state = 'pending';
