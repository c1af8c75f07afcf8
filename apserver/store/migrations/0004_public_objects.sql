-- GET of the shared inbox (ActivityPub 4.1): what is for everybody, newest first. What is being
-- edited or deleted by nobody keeps its place, so the index is written once for an object.
CREATE INDEX object_public ON object (stored_at, key)
    WHERE visibility = 0 AND deleted_at IS NULL AND kind <> 'site';
