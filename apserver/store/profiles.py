"""When profiles of actors elsewhere are looked at again, and what they have pinned.

A row of ``profile`` is changed by whoever is about to look, before it looks: so it happens once,
whichever worker notices that it is time.

What somebody has pinned is a collection of ours that is named after its owner, whatever the owner
calls its own: two of them cannot meet in one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from uuid import UUID

from apserver.core import limits
from apserver.core.names import pinned_of
from apserver.core.origin import host_of, key_of
from apserver.store import collections
from apserver.store.collections import Membership
from apserver.store.db import Connection

# By primary key.
_BEGIN = """
INSERT INTO profile (actor, actor_id)
SELECT * FROM unnest($1::uuid[], $2::text[]) AS i(actor, actor_id) ORDER BY actor
ON CONFLICT (actor) DO UPDATE SET looked_at = now()
"""

# By the primary keys of profile and actor.
_TOUCH = """
WITH old AS (
    UPDATE profile p SET looked_at = now()
    FROM (SELECT actor FROM profile
          WHERE actor = ANY($1::uuid[]) AND looked_at < now() - make_interval(secs => $2)
          ORDER BY actor FOR UPDATE) o
    WHERE p.actor = o.actor RETURNING p.actor_id
), new AS (
    INSERT INTO profile (actor, actor_id)
    SELECT key, id FROM actor
    WHERE key = ANY($1::uuid[]) AND NOT ours AND gone_at IS NULL
        AND fetched_at < now() - make_interval(secs => $2)
    ORDER BY key ON CONFLICT (actor) DO NOTHING RETURNING actor_id
)
SELECT actor_id FROM old UNION ALL SELECT actor_id FROM new
"""

# By profile_age; then by relation_ours.
_OLD = """
SELECT p.actor, p.actor_id, EXISTS (
    SELECT FROM relation r WHERE r.object = p.actor AND r.kind = 'follow' AND r.subject_ours
        AND r.state = 'accepted') AS is_followed
FROM profile p WHERE p.looked_at < now() - make_interval(secs => $1)
ORDER BY p.looked_at, p.actor LIMIT $2 FOR UPDATE OF p SKIP LOCKED
"""
_IS_FOLLOWED = """
SELECT EXISTS (SELECT FROM relation WHERE object = $1 AND kind = 'follow' AND subject_ours
    AND state = 'accepted')
"""
_LOOKED = "UPDATE profile SET looked_at = now() WHERE actor = ANY($1::uuid[])"
_PUT_BACK = """
UPDATE profile SET looked_at = now() - make_interval(secs => $2) WHERE actor = ANY($1::uuid[])
"""
_DROP = "DELETE FROM profile WHERE actor = ANY($1::uuid[])"


async def begin(conn: Connection, ids: Iterable[str]) -> None:
    """Actors that are looked at now and from time to time: somebody here begins to follow them."""
    ordered = sorted({key_of(one): one for one in ids}.items())
    await conn.execute(_BEGIN, [key for key, _ in ordered], [id_ for _, id_ in ordered])


async def touch(conn: Connection, keys: Collection[UUID], *, older_than_s: float) -> list[str]:
    """Which of these actors elsewhere are to be looked at, since that is so long ago; as good as
    done with this."""
    rows = await conn.fetch(_TOUCH, list(keys), older_than_s)
    return [row["actor_id"] for row in rows]


async def is_followed(conn: Connection, actor: UUID) -> bool:
    """Whether anybody here follows an actor."""
    return bool(await conn.fetchval(_IS_FOLLOWED, actor))


async def take_old(
    conn: Connection, *, older_than_s: float, most: int, of_host: int, later_s: float
) -> list[str]:
    """The actors that are followed here and were looked at longest ago, as good as done with this:
    of each host so many, the others ``later_s`` from now. Those whom nobody follows are let go."""
    rows = await conn.fetch(_OLD, older_than_s, most)
    taken: dict[UUID, str] = {}
    count: dict[str, int] = {}
    for row in rows:
        if row["is_followed"]:
            host = host_of(row["actor_id"])
            count[host] = count.get(host, 0) + 1
            if count[host] <= of_host:
                taken[row["actor"]] = row["actor_id"]
    gone = [row["actor"] for row in rows if not row["is_followed"]]
    later = [row["actor"] for row in rows if row["is_followed"] and row["actor"] not in taken]
    await conn.execute(_LOOKED, list(taken))
    await conn.execute(_PUT_BACK, later, older_than_s - later_s)
    await forget(conn, gone, [row["actor_id"] for row in rows if not row["is_followed"]])
    return list(taken.values())


async def forget(conn: Connection, keys: Sequence[UUID], ids: Sequence[str]) -> None:
    """These actors are not looked at any more, nor what they have pinned."""
    if keys:
        await conn.execute(_DROP, list(keys))
        await collections.remove_collections(conn, [key_of(pinned_of(one)) for one in ids])


async def pin(conn: Connection, actor: str, posts: Sequence[tuple[str, int]]) -> None:
    """What an actor has pinned is this now, and nothing else: ids with visibilities, in the order
    in which they are shown."""
    id_, owner = pinned_of(actor), key_of(actor)
    key = key_of(id_)
    await collections.open_collections(conn, [(key, id_, owner, "pinned")])
    await collections.lock(conn, [key])
    before = {key_of(one) for one in await collections.ids_in(conn, key, newest=2 * limits.PINNED)}
    wanted = {key_of(one): (one, visibility) for one, visibility in posts}
    await collections.remove_members(conn, [(key, item) for item in before - wanted.keys()])
    added = [
        Membership(key, item, post, owner, visibility)
        for item, (post, visibility) in reversed(wanted.items())
        if item not in before
    ]
    if added:
        await collections.add_members(conn, added)
