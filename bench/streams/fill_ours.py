"""Our side of the actions: what the server would have stored, had each been posted to it.

People are actors of ours, things are those of a site (docs/things.md), readers are made by the
command line, because they need tokens. Collections (outboxes, followers) are left empty: no stream
reads them.
"""

from __future__ import annotations

import json

from apserver.core.audience import Visibility
from apserver.core.names import Names
from apserver.core.namespace import with_definitions
from apserver.core.origin import bucket_of, host_of, key_of
from apserver.core.vocabulary import AS2_CONTEXT, PUBLIC
from apserver.store.db import Connection
from bench.streams.indexes import without_indexes
from bench.streams.shape import Shape

SITE = "https://shop.example"
_TABLES = ("activity", "role", "actor", "object")
_CONTEXT = json.dumps(
    with_definitions({"@context": [AS2_CONTEXT], "verbPhrase": "x"})["@context"],
    separators=(",", ":"),
).encode()

# core.origin.key_of, as store.streams has it.
_KEY_OF = """
CREATE FUNCTION pg_temp.key_of(iri text) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
    SELECT encode(substring(sha256(convert_to(iri, 'UTF8')) FOR 16), 'hex')::uuid
$$
"""

_NAMED = """
CREATE TEMP TABLE person AS
SELECT n, id, pg_temp.key_of(id) AS key
FROM (SELECT n, '{origin}/actors/p' || n AS id FROM generate_series(0, {people} - 1) n) i;
CREATE TEMP TABLE thing AS
SELECT n, id, pg_temp.key_of(id) AS key
FROM (SELECT n, '{site}/groups/' || n AS id FROM generate_series(0, {things} - 1) n) i;
ANALYZE person;
ANALYZE thing
"""

_PEOPLE = """
INSERT INTO actor (key, id, ours, type, host, bucket, name, folded_name, handle_host, inbox,
                   shared_inbox, followers, document)
SELECT key, id, true, 'Person', $1, $2, 'p' || n, 'p' || n, $1, id || '/inbox', $3 || '/inbox',
       id || '/followers',
       convert_to(format('{"@context":"%s","id":"%s","type":"Person","preferredUsername":"p%s",'
           '"name":"person %s","inbox":"%s/inbox","outbox":"%s/outbox"}', $4::text, id, n, n, id,
           id), 'UTF8')
FROM person ORDER BY key
"""

_THINGS = """
INSERT INTO object (key, id, kind, type, author, visibility, audience, document, published_at)
SELECT key, id, 'site', 'Group', $1, 0, '{}',
       convert_to(format('{"id":"%s","type":"Group","name":"thing %s","url":"%s"}', id, n, id),
                  'UTF8'),
       '2025-01-01'
FROM thing ORDER BY key
"""

# The length of the actor's id stands in front: core.origin.activity_key. An activity's id ends
# with its number, by which both sides' pages are compared.
_TOLD = """
CREATE TEMP TABLE told AS
SELECT a.n, p.id AS actor_id, p.key AS actor, a.verb, a.at, i.id, a.person,
       a.object AS object_n, o.id AS object_id, o.key AS object,
       a.target AS target_n, t.id AS target_id, t.key AS target,
       pg_temp.key_of(octet_length(p.id) || ':' || p.id || i.id) AS key,
       CASE WHEN a.is_public THEN {public} ELSE {private} END::smallint AS visibility
FROM ({actions}) a
JOIN person p ON p.n = a.person
LEFT JOIN thing o ON o.n = a.object
LEFT JOIN thing t ON t.n = a.target
CROSS JOIN LATERAL (
    SELECT '{origin}/activities/' || lpad(to_hex(a.n), 32, '0')::uuid AS id
) i
ORDER BY a.n
"""

_ACTIVITIES = """
INSERT INTO activity (key, id, local_key, actor, actor_id, type, visibility, audience, recipients,
                      context, envelope, published_at, verb, sort_at, things)
SELECT key, id, pg_temp.key_of(id), actor, actor_id, 'Activity', visibility,
       CASE visibility WHEN 0 THEN ARRAY[pg_temp.key_of(actor_id || '/followers')] ELSE '{}' END,
       '{}', $1,
       convert_to(format('{"id":"%s","type":"Activity","actor":"%s","verbPhrase":"%s",'
           '"published":"%s"', id, actor_id, verb,
           to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))
           || coalesce(format(',"object":"%s"', object_id), '')
           || coalesce(format(',"target":"%s"', target_id), '')
           || format(',"summary":"person %s %s%s%s"', person, verb, ' thing ' || object_n,
                     ' on thing ' || target_n)
           || CASE visibility WHEN 0
              THEN format(',"to":["%s"],"cc":["%s/followers"]}', $2::text, actor_id) ELSE '}' END,
           'UTF8'),
       at, verb, at,
       CASE WHEN coalesce(object_id, target_id) IS NOT NULL
            THEN array_remove(ARRAY[object_id, target_id], NULL) END
FROM told ORDER BY n
"""

_ROLES = """
INSERT INTO role (thing, role, sort_at, activity, visibility)
SELECT r.thing, r.role, a.at, a.key, a.visibility
FROM told a CROSS JOIN LATERAL (
    VALUES (a.actor, 0::smallint), (a.object, 1::smallint), (a.target, 2::smallint),
           (pg_temp.key_of('Person'), 3::smallint),
           (CASE WHEN coalesce(a.object, a.target) IS NOT NULL THEN pg_temp.key_of('Group') END,
            3::smallint)
) r(thing, role)
WHERE r.thing IS NOT NULL
ORDER BY a.n
"""

_FOLLOW = """
WITH f AS (
    SELECT key, id, true AS actor_only FROM person WHERE n = ANY($2::int[])
    UNION ALL
    SELECT key, id, false FROM thing WHERE n = ANY($3::int[])
), related AS (
    INSERT INTO relation (object, kind, subject, subject_ours, state)
    SELECT key, 'follow', $1, true, 'accepted' FROM f ORDER BY 1
)
INSERT INTO follow (subject, flag, object, object_id, actor_only, mutes, started_at)
SELECT $1, '', key, id, actor_only, false, '2025-06-01' FROM f ORDER BY key
"""


async def fill(conn: Connection, shape: Shape, names: Names) -> None:
    """Put all in. The readers are there already."""
    origin, host = names.origin, host_of(names.origin)
    await conn.execute(_KEY_OF)
    await conn.execute(
        _NAMED.format(origin=origin, site=SITE, people=shape.people, things=shape.things)
    )
    told = {"public": int(Visibility.PUBLIC), "private": int(Visibility.DIRECT)}
    await conn.execute(_TOLD.format(actions=shape.sql, origin=origin, **told))
    async with without_indexes(conn, _TABLES):
        await conn.execute(_PEOPLE, host, bucket_of(host), origin, AS2_CONTEXT)
        await conn.execute(_THINGS, key_of(names.instance))
        await conn.execute(_ACTIVITIES, _CONTEXT, PUBLIC)
        await conn.execute(_ROLES)
    for name, follows in shape.readers.items():
        reader = key_of(names.actor(name))
        await conn.execute(_FOLLOW, reader, list(follows.people), list(follows.things))
    await conn.execute("DROP TABLE told, person, thing")
    await conn.execute("VACUUM (ANALYZE)")
