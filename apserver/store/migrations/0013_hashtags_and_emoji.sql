-- Hashtags as collections, and emoji of this server.

-- Which public posts, ours and those of others, have which hashtag (ORIGIN/tags/NAME), newest last.
-- What is read of it is checked against the object: an entry is where to look, not leave to show.
CREATE TABLE hashtag (
    tag     text COLLATE "C" NOT NULL,          -- core.hashtags.fold_tag
    sort_at timestamptz NOT NULL,               -- when it was published; never changes
    object  uuid NOT NULL,
    PRIMARY KEY (tag, sort_at, object)
);
CREATE INDEX hashtag_object ON hashtag (object, tag);

-- Those that are here already are gone through by a job, in the order of their keys: `activity` is
-- the key that it has come to.
INSERT INTO job (bucket, id, kind, activity)
SELECT 0, '00000000-0000-7000-8000-000000000013', 'hashtags', '00000000-0000-0000-0000-000000000000'
WHERE EXISTS (SELECT FROM object WHERE kind <> 'site');

-- Emoji of this server, that posts here may use as :SHORTCODE:.
CREATE TABLE emoji (
    shortcode  text COLLATE "C" PRIMARY KEY,
    media_type text COLLATE "C" NOT NULL,       -- image/png, image/gif, image/webp
    image      bytea NOT NULL,
    digest     text COLLATE "C" NOT NULL,       -- of the image, in its URL: a new image, a new URL
    updated_at timestamptz NOT NULL
);
