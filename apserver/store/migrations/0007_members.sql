-- Collections of other servers as recipients (ActivityPub 7.1).

-- resolve: those of the recipients that a collection led to. They lead no further.
ALTER TABLE job ADD COLUMN members text[] COLLATE "C" NOT NULL DEFAULT '{}';
