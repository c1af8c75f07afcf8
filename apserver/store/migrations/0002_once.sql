-- What must count once, though it can be sent again.

-- Signatures of requests whose activity may be applied again under the id that it had (Follow and
-- Undo, store/inboxes.py). The same signature again is a replay. Pruned once its date is too old.
CREATE TABLE heard (
    signature uuid PRIMARY KEY,                 -- core.signatures.signature_key
    heard_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX heard_age ON heard (heard_at, signature);

-- What our clients posted under an Idempotency-Key, kept for a day.
CREATE TABLE posted (
    actor     uuid NOT NULL,
    key       uuid NOT NULL,                    -- hash of the header
    body      uuid NOT NULL,                    -- hash of the request's body
    activity  uuid NOT NULL,                    -- what came of it
    was_there boolean NOT NULL DEFAULT false,   -- before it was posted, in another form
    posted_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (actor, key)
);
CREATE INDEX posted_age ON posted (posted_at, actor, key);

-- Undos that came before what they undo wait a week for it.
CREATE INDEX relation_undone ON relation (changed_at, object, subject) WHERE kind = 'undone';
