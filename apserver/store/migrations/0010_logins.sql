-- Logins of people, for the pages (docs/decisions/0015). Programs use tokens.

-- The password of an actor of ours, as scrypt leaves it (RFC 7914).
CREATE TABLE password (
    actor      uuid PRIMARY KEY,
    salt       bytea NOT NULL,
    digest     bytea NOT NULL,
    n          integer NOT NULL,
    r          integer NOT NULL,
    p          integer NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT now()
);

-- Browsers that are signed in, by the SHA-256 of what their cookie holds.
CREATE TABLE session (
    hash       bytea PRIMARY KEY,
    actor      uuid NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now(),
    seen_at    timestamptz NOT NULL DEFAULT now(),
    ends_at    timestamptz NOT NULL
);
CREATE INDEX session_actor ON session (actor, started_at, hash);
CREATE INDEX session_end ON session (ends_at, hash);
