-- The first tables. Keys are hashes of IRIs (core.origin.key_of), so that a row is found without
-- a look-up and a table can be split by its leading column. No foreign keys between hot tables.

-- One row: what this database belongs to. Another origin in the configuration is refused.
CREATE TABLE server (
    singleton   boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    origin      text COLLATE "C" NOT NULL,
    handle_host text COLLATE "C" NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    acts        bigint NOT NULL DEFAULT 0       -- acts of moderation; workers reload when it grows
);

-- Actors, ours and of other servers.
CREATE TABLE actor (
    key             uuid PRIMARY KEY,           -- key_of(id)
    id              text COLLATE "C" NOT NULL CHECK (octet_length(id) <= 2048),
    ours            boolean NOT NULL,
    type            text COLLATE "C" NOT NULL,
    host            text COLLATE "C" NOT NULL,  -- of the inbox: what deliveries are grouped by
    bucket          smallint NOT NULL,          -- bucket_of(host)
    name            text COLLATE "C",           -- preferredUsername
    folded_name     text COLLATE "C",           -- ours only: names differ by more than case
    handle_host     text COLLATE "C",           -- ours only
    inbox           text COLLATE "C" NOT NULL,
    shared_inbox    text COLLATE "C",
    followers       text COLLATE "C",           -- the id of its followers collection
    manual_approval boolean NOT NULL DEFAULT false,
    document        bytea NOT NULL,             -- with its @context, as served
    fetched_at      timestamptz NOT NULL DEFAULT now(),
    gone_at         timestamptz,
    suspended_at    timestamptz,                -- by an admin; can be taken back
    -- What domain rules are about: the host of the id, without the port.
    domain          text COLLATE "C" NOT NULL GENERATED ALWAYS AS
                    (substring(id from '^https?://(\[[^]]*\]|[^/:?#]*)')) STORED
);
CREATE INDEX actor_domain ON actor (domain, fetched_at, key) WHERE NOT ours;
CREATE INDEX actor_suspended ON actor (key) WHERE suspended_at IS NOT NULL;
CREATE UNIQUE INDEX actor_handle ON actor (handle_host, folded_name) WHERE ours;

-- Key pairs of our actors. The private half is sealed (AES-GCM, data_dir/secret).
CREATE TABLE key_pair (
    actor      uuid NOT NULL,
    algorithm  text COLLATE "C" NOT NULL,       -- rsa, ed25519
    key_id     text COLLATE "C" NOT NULL,
    private    bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (actor, algorithm)
);

-- RSA keys that were replaced: each signs the Update that announces its successor, and no more.
CREATE TABLE retired_key (
    activity   uuid PRIMARY KEY,                -- that Update
    actor      uuid NOT NULL,
    key_id     text COLLATE "C" NOT NULL,
    private    bytea NOT NULL,
    retired_at timestamptz NOT NULL DEFAULT now()
);

-- Servers that refused one signature scheme and took the other; pruned by age and number.
CREATE TABLE knock (
    origin    text COLLATE "C" PRIMARY KEY,
    scheme    text COLLATE "C" NOT NULL CHECK (scheme IN ('cavage', 'rfc9421')),
    learnt_at timestamptz NOT NULL
);

-- Public keys of others, each shown to belong to its owner both ways.
CREATE TABLE public_key (
    key        uuid PRIMARY KEY,                -- key_of(key_id)
    key_id     text COLLATE "C" NOT NULL,
    owner      text COLLATE "C" NOT NULL,       -- the actor's id
    der        bytea NOT NULL,                  -- SubjectPublicKeyInfo
    fetched_at timestamptz NOT NULL DEFAULT now(),
    domain     text COLLATE "C" NOT NULL GENERATED ALWAYS AS
               (coalesce(substring(key_id from '^https?://(\[[^]]*\]|[^/:?#]*)'), '')) STORED
);
CREATE INDEX public_key_age ON public_key (domain, fetched_at, key);
CREATE INDEX public_key_owner ON public_key (owner);

-- Bearer tokens, by the SHA-256 of the token.
CREATE TABLE token (
    hash       bytea PRIMARY KEY,
    actor      uuid NOT NULL,
    scopes     text[] COLLATE "C" NOT NULL,     -- core.scopes
    created_at timestamptz NOT NULL DEFAULT now(),
    revoked_at timestamptz
);
CREATE INDEX token_actor ON token (actor);

-- Objects, ours and copies of others'. bto and bcc are never in a document.
CREATE TABLE object (
    key          uuid PRIMARY KEY,              -- key_of(id)
    id           text COLLATE "C" NOT NULL CHECK (octet_length(id) <= 2048),
    kind         text COLLATE "C" NOT NULL CHECK (kind IN ('ours', 'site', 'remote')),
    type         text COLLATE "C" NOT NULL,
    author       uuid NOT NULL,
    visibility   smallint NOT NULL,             -- core.audience.Visibility
    audience     uuid[] NOT NULL,               -- keys of everyone addressed, bto and bcc too
    context      bytea,                         -- its @context when not the one we emit
    document     bytea NOT NULL,                -- without @context
    published_at timestamptz NOT NULL,
    updated_at   timestamptz,
    deleted_at   timestamptz,
    stored_at    timestamptz NOT NULL DEFAULT now(),
    domain       text COLLATE "C" NOT NULL GENERATED ALWAYS AS
                 (coalesce(substring(id from '^https?://(\[[^]]*\]|[^/:?#]*)'), '')) STORED
);
CREATE INDEX object_age ON object (domain, stored_at, key) WHERE kind = 'remote';
CREATE INDEX object_author ON object (author) WHERE kind = 'remote';

-- Activities, ours and received. With `spliced`, the member "object" is not in the envelope:
-- the object's own row stands for it, so that an edit shows everywhere at once.
CREATE TABLE activity (
    key          uuid PRIMARY KEY,              -- activity_key(actor, id)
    id           text COLLATE "C" CHECK (octet_length(id) <= 2048),
    local_key    uuid,                          -- key_of(id), ours only: what GET looks for
    actor        uuid NOT NULL,
    actor_id     text COLLATE "C" NOT NULL,
    type         text COLLATE "C" NOT NULL,
    visibility   smallint NOT NULL,
    audience     uuid[] NOT NULL,
    recipients   text[] COLLATE "C",            -- ours only: ids to deliver to, bto and bcc too
    spliced      uuid,
    context      bytea,
    envelope     bytea NOT NULL,
    published_at timestamptz NOT NULL,
    in_person    boolean NOT NULL DEFAULT false,  -- received by the inbox of one actor
    verdict      text COLLATE "C",              -- why applying had no effect; such are not listed
    stored_at    timestamptz NOT NULL DEFAULT now(),
    domain       text COLLATE "C" NOT NULL GENERATED ALWAYS AS
                 (coalesce(substring(actor_id from '^https?://(\[[^]]*\]|[^/:?#]*)'), '')) STORED
);
CREATE UNIQUE INDEX activity_local ON activity (local_key) WHERE local_key IS NOT NULL;
CREATE INDEX activity_age ON activity (domain, stored_at, key) WHERE local_key IS NULL;
CREATE INDEX activity_spliced ON activity (spliced) WHERE spliced IS NOT NULL;
CREATE INDEX activity_author ON activity (actor) WHERE local_key IS NULL;

-- The exact bytes received, for proofs and forwarding.
CREATE TABLE raw (
    activity  uuid PRIMARY KEY,
    body      bytea NOT NULL,
    stored_at timestamptz NOT NULL DEFAULT now(),
    compacted bytea                             -- what it says by JSON-LD, when its text does not
);
CREATE INDEX raw_age ON raw (stored_at);

-- Who received what: once, however often and by whichever inbox it comes. The activity comes
-- first: a post to many here is one place of the index, and its receipts are found when it goes.
CREATE TABLE receipt (
    owner     uuid NOT NULL,
    activity  uuid NOT NULL,
    stored_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (activity, owner)
);
CREATE INDEX receipt_age ON receipt (stored_at);

-- Collections are one mechanism: inbox, outbox, followers, following, liked, and later ones.
CREATE TABLE collection (
    key           uuid PRIMARY KEY,             -- key_of(its id)
    id            text COLLATE "C" NOT NULL,
    owner         uuid NOT NULL,
    name          text COLLATE "C" NOT NULL,
    total         bigint NOT NULL DEFAULT 0,    -- what the owner is told
    public_total  bigint NOT NULL DEFAULT 0,    -- what everyone else is told
    last_position bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 70);

-- position grows with insertion: pages run from high to low (ActivityPub 5).
CREATE TABLE member (
    collection uuid NOT NULL,
    position   bigint NOT NULL,
    item       uuid NOT NULL,                   -- an activity here; else the hash of iri
    iri        text COLLATE "C",                -- set when the item is shown as an id
    author     uuid NOT NULL,
    visibility smallint NOT NULL,
    added_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (collection, position)
);
-- The item comes first: so it also tells which collections list something.
CREATE UNIQUE INDEX member_item ON member (item, collection);
CREATE INDEX member_public ON member (collection, position) WHERE visibility <= 1;

-- subject does kind to object: ann follows bob.
CREATE TABLE relation (
    object       uuid NOT NULL,
    kind         text COLLATE "C" NOT NULL,     -- follow
    subject      uuid NOT NULL,
    subject_ours boolean NOT NULL,
    state        text COLLATE "C" NOT NULL CHECK (state IN ('pending', 'accepted')),
    activity_id  text COLLATE "C",              -- of the Follow, for Accept, Reject and Undo
    changed_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (object, kind, subject)
);
CREATE INDEX relation_subject ON relation (subject, kind, object);
CREATE INDEX relation_activity ON relation (object, activity_id);
CREATE INDEX relation_ours ON relation (object, kind, subject)
    WHERE subject_ours AND state = 'accepted';

-- Where the followers of one actor are delivered to; n followers share the inbox.
CREATE TABLE follower_inbox (
    owner  uuid NOT NULL,
    inbox  text COLLATE "C" NOT NULL,
    host   text COLLATE "C" NOT NULL,
    bucket smallint NOT NULL,
    n      integer NOT NULL,
    PRIMARY KEY (owner, inbox)
);

-- Background work on activities, in order within a bucket. A worker leases a whole bucket.
CREATE TABLE bucket (
    bucket      smallint PRIMARY KEY,
    lease_until timestamptz NOT NULL DEFAULT '-infinity',
    fence       bigint NOT NULL DEFAULT 0,
    holder      text COLLATE "C"                -- which worker; freed when it is started anew
) WITH (fillfactor = 50);
INSERT INTO bucket (bucket) SELECT generate_series(0, 63);

CREATE TABLE job (
    bucket    smallint NOT NULL,
    id        uuid NOT NULL,                    -- UUIDv7: the order of work
    kind      text COLLATE "C" NOT NULL,        -- apply, list, fan_out, resolve
    activity  uuid NOT NULL,
    owner     uuid,                             -- list: whose inbox
    recipients text[] COLLATE "C",              -- resolve: whom to find and deliver to
    owed      text[] COLLATE "C",               -- resolve: inboxes at their hosts that have it
    attempt   smallint NOT NULL DEFAULT 0,
    run_at    timestamptz NOT NULL DEFAULT now(),
    error     text,
    parked_at timestamptz,                      -- given up; kept to be looked at
    PRIMARY KEY (bucket, id)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);
CREATE INDEX job_parked ON job (parked_at) WHERE parked_at IS NOT NULL;

-- What one worker does for all, now and then.
CREATE TABLE periodic (
    name        text COLLATE "C" PRIMARY KEY,
    next_at     timestamptz NOT NULL,
    lease_until timestamptz NOT NULL DEFAULT '-infinity',
    fence       bigint NOT NULL DEFAULT 0
);
INSERT INTO periodic (name, next_at) VALUES ('prune', now() + interval '1 hour');

-- Deliveries wait by host; one row per host says when it may be tried again.
CREATE TABLE host (
    bucket      smallint NOT NULL,
    host        text COLLATE "C" NOT NULL,
    next_at     timestamptz NOT NULL DEFAULT now(),  -- infinity: nothing waits
    failures    integer NOT NULL DEFAULT 0,
    failing_since timestamptz,
    last_error  text,
    lease_until timestamptz NOT NULL DEFAULT '-infinity',
    fence       bigint NOT NULL DEFAULT 0,
    holder      text COLLATE "C",
    tried_at    timestamptz NOT NULL DEFAULT now(),  -- when a round with it ended last
    PRIMARY KEY (bucket, host)
) WITH (fillfactor = 50);
CREATE INDEX host_due ON host (bucket, next_at) WHERE next_at < 'infinity';
CREATE INDEX host_idle ON host (tried_at) WHERE next_at = 'infinity';

CREATE TABLE delivery (
    bucket   smallint NOT NULL,
    host     text COLLATE "C" NOT NULL,
    id       uuid NOT NULL,                     -- UUIDv7 of the fan-out: the order per host
    inbox    text COLLATE "C" NOT NULL,
    activity uuid NOT NULL,
    sender   uuid NOT NULL,
    since    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (bucket, host, id, inbox)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);

-- Inboxes that could not verify us, though their host is well: nothing is sent to them before
-- `until`.
CREATE TABLE waiting_inbox (
    bucket   smallint NOT NULL,
    host     text COLLATE "C" NOT NULL,
    inbox    text COLLATE "C" NOT NULL,
    failures integer NOT NULL DEFAULT 1,
    until    timestamptz NOT NULL,
    PRIMARY KEY (bucket, host, inbox)
);

-- What admins decided on domains (core.domains): one block and one allow for each at most.
CREATE TABLE domain_rule (
    domain          text COLLATE "C" NOT NULL,  -- core.domains.parse_domain
    severity        text COLLATE "C" NOT NULL CHECK (severity IN ('suspend', 'limit', 'none', 'allow')),
    reject_media    boolean NOT NULL,
    reject_reports  boolean NOT NULL,
    public_comment  text NOT NULL,
    private_comment text NOT NULL,
    obfuscate       boolean NOT NULL
);
CREATE UNIQUE INDEX domain_rule_key ON domain_rule (domain, (severity = 'allow'));

-- Every act of an admin. Never changed.
CREATE TABLE audit (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at      timestamptz NOT NULL DEFAULT now(),
    who     text COLLATE "C" NOT NULL,          -- cli
    act     text COLLATE "C" NOT NULL,          -- as the command is called: domain block
    subject text COLLATE "C" NOT NULL,          -- a domain, or the id of an actor
    detail  jsonb                               -- what was decided; null when it was taken back
);
