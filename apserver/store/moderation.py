"""Domain rules, suspended actors, and what is cut off when one is blocked."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from apserver.core.domains import DomainRule, Severity
from apserver.core.names import collection_id
from apserver.core.origin import key_of
from apserver.store import collections, relations
from apserver.store.db import Connection


@dataclass(frozen=True, slots=True)
class Act:
    """A row of ``audit``: what an admin did to a domain or to an actor."""

    act: str
    subject: str
    detail: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class WaitingHost:
    """A host that deliveries wait for; with its port when that is unusual."""

    bucket: int
    host: str


_RULE = "domain, severity, reject_media, reject_reports, public_comment, private_comment, obfuscate"

_BEGIN = "UPDATE server SET acts = acts + 1"
_ACTS = "SELECT acts FROM server"

_RULES = "SELECT " + _RULE + " FROM domain_rule ORDER BY domain, severity = 'allow'"

_PUT_RULES = (
    "INSERT INTO domain_rule (" + _RULE + ")"
    """
SELECT * FROM unnest($1::text[], $2::text[], $3::boolean[], $4::boolean[], $5::text[], $6::text[],
                     $7::boolean[])
    AS i(domain, severity, reject_media, reject_reports, public_comment, private_comment, obfuscate)
ORDER BY domain, severity
ON CONFLICT (domain, (severity = 'allow')) DO UPDATE
SET severity = EXCLUDED.severity, reject_media = EXCLUDED.reject_media,
    reject_reports = EXCLUDED.reject_reports, public_comment = EXCLUDED.public_comment,
    private_comment = EXCLUDED.private_comment, obfuscate = EXCLUDED.obfuscate
"""
)

_REMOVE_RULES = """
DELETE FROM domain_rule r USING unnest($1::text[], $2::boolean[]) AS i(domain, allows)
WHERE r.domain = i.domain AND (r.severity = 'allow') = i.allows
"""

_RECORD = """
INSERT INTO audit (who, act, subject, detail)
SELECT $1, act, subject, detail::jsonb
FROM unnest($2::text[], $3::text[], $4::text[]) AS i(act, subject, detail)
"""

# By actor_ending.
_ENDING = "SELECT key FROM actor WHERE ending"
# By actor_suspended.
_SUSPENDED = "SELECT key FROM actor WHERE suspended_at IS NOT NULL"

# By primary keys.
_MADE_BY_SUSPENDED = """
SELECT o.key FROM object o JOIN actor a ON a.key = o.author AND a.suspended_at IS NOT NULL
WHERE o.key = ANY($1::uuid[])
"""

_SUSPEND = (
    "UPDATE actor SET suspended_at = now() WHERE key = $1 AND suspended_at IS NULL RETURNING 1"
)
_UNSUSPEND = (
    "UPDATE actor SET suspended_at = NULL WHERE key = $1 AND suspended_at IS NOT NULL RETURNING 1"
)

# Both by actor_domain.
_DOMAINS = "SELECT domain, count(*) AS n FROM actor WHERE NOT ours GROUP BY domain"
_LIVING_AT = "SELECT key FROM actor WHERE NOT ours AND domain = ANY($1::text[])"
_NAMED_AT = "SELECT id FROM actor WHERE NOT ours AND domain = $1 AND name = $2"

# By relation_subject, then by primary key. The actors of ours on the other side tell the listing.
_FOLLOWS_WITH = """
SELECT r.object, r.kind, r.subject, o.id AS owner, 'followers' AS listing, r.subject AS item
FROM relation r JOIN actor o ON o.key = r.object AND o.ours
WHERE r.subject = ANY($1::uuid[]) AND r.kind = 'follow'
UNION ALL
SELECT r.object, r.kind, r.subject, o.id, 'following', r.object
FROM relation r JOIN actor o ON o.key = r.subject AND o.ours
WHERE r.object = ANY($1::uuid[]) AND r.kind = 'follow'
"""

# By host_due.
_WAITING = "SELECT bucket, host FROM host WHERE next_at < 'infinity'"

# In the order of `store.deliveries`: hosts first, so that whoever settles one sees what is left.
_LOCK_HOSTS = """
SELECT FROM host h JOIN unnest($1::smallint[], $2::text[]) AS i(bucket, host) USING (bucket, host)
ORDER BY h.bucket, h.host FOR UPDATE OF h
"""
_DROP_WAITING = """
WITH dropped AS (
    DELETE FROM delivery d USING unnest($1::smallint[], $2::text[]) AS i(bucket, host)
    WHERE d.bucket = i.bucket AND d.host = i.host RETURNING 1
), quiet AS (
    UPDATE host h SET next_at = 'infinity', failures = 0, failing_since = NULL, last_error = NULL
    FROM unnest($1::smallint[], $2::text[]) AS i(bucket, host)
    WHERE h.bucket = i.bucket AND h.host = i.host
)
SELECT count(*) FROM dropped
"""

# To its own inbox by primary key; from it by a scan: there is no index for what is so rare.
_DROP_TO = """
WITH dropped AS (
    DELETE FROM delivery d USING actor a
    WHERE a.key = $1 AND NOT a.ours AND d.bucket = a.bucket AND d.host = a.host
      AND d.inbox = a.inbox
    RETURNING 1
)
SELECT count(*) FROM dropped
"""
_DROP_FROM = """
WITH dropped AS (DELETE FROM delivery WHERE sender = $1 RETURNING 1) SELECT count(*) FROM dropped
"""


async def begin(conn: Connection) -> None:
    """Start an act of moderation: one at a time, and workers reload once it is committed."""
    await conn.execute(_BEGIN)


async def acts(conn: Connection) -> int:
    """How many acts there were. When it grew, what is cached is old."""
    count: int = await conn.fetchval(_ACTS)
    return count


async def record(conn: Connection, who: str, done: Sequence[Act]) -> None:
    """Keep who did what, for ever."""
    details = [None if one.detail is None else json.dumps(one.detail) for one in done]
    await conn.execute(
        _RECORD, who, [one.act for one in done], [one.subject for one in done], details
    )


async def rules(conn: Connection) -> list[DomainRule]:
    """All domain rules, by domain."""
    return [
        DomainRule(**{**row, "severity": Severity(row["severity"])})
        for row in await conn.fetch(_RULES)
    ]


async def put_rules(conn: Connection, put: Sequence[DomainRule]) -> None:
    """Add rules, or change those that there are for the same domain and side."""
    await conn.execute(
        _PUT_RULES,
        [one.domain for one in put],
        [one.severity.value for one in put],
        [one.reject_media for one in put],
        [one.reject_reports for one in put],
        [one.public_comment for one in put],
        [one.private_comment for one in put],
        [one.obfuscate for one in put],
    )


async def remove_rules(conn: Connection, gone: Sequence[DomainRule]) -> None:
    """Remove rules."""
    await conn.execute(_REMOVE_RULES, [one.domain for one in gone], [one.allows for one in gone])


async def suspended_actors(conn: Connection) -> frozenset[UUID]:
    """The keys of all suspended actors, ours and others."""
    return frozenset(row["key"] for row in await conn.fetch(_SUSPENDED))


async def ending_actors(conn: Connection) -> frozenset[UUID]:
    """The keys of all actors of ours that were deleted, and of which something is left still."""
    return frozenset(row["key"] for row in await conn.fetch(_ENDING))


async def made_by_suspended(conn: Connection, objects: Iterable[UUID]) -> frozenset[UUID]:
    """Which of these objects a suspended actor made."""
    rows = await conn.fetch(_MADE_BY_SUSPENDED, list(objects))
    return frozenset(row["key"] for row in rows)


async def suspend_actor(conn: Connection, key: UUID) -> bool:
    """Suspend an actor; False when it is already."""
    return await conn.fetchval(_SUSPEND, key) is not None


async def unsuspend_actor(conn: Connection, key: UUID) -> bool:
    """Take it back; False when it is not suspended."""
    return await conn.fetchval(_UNSUSPEND, key) is not None


async def known_domains(conn: Connection) -> dict[str, int]:
    """The domains of other servers that we know actors of, and how many."""
    return {row["domain"]: row["n"] for row in await conn.fetch(_DOMAINS)}


async def actors_at(conn: Connection, domains: Iterable[str]) -> list[UUID]:
    """The keys of the actors that we know at these domains, not below them."""
    return [row["key"] for row in await conn.fetch(_LIVING_AT, list(domains))]


async def actors_named(conn: Connection, domain: str, name: str) -> list[str]:
    """The ids of the actors at a domain that call themselves so."""
    return [row["id"] for row in await conn.fetch(_NAMED_AT, domain, name)]


async def end_follows(conn: Connection, others: Sequence[UUID]) -> int:
    """End every follow between us and these actors elsewhere, asked or accepted; how many."""
    rows = await conn.fetch(_FOLLOWS_WITH, others)
    if rows:
        # Relations before collections, as `store.effects` does.
        await relations.unrelate(conn, [(r["object"], r["kind"], r["subject"]) for r in rows])
        await collections.remove_members(
            conn, [(key_of(collection_id(r["owner"], r["listing"])), r["item"]) for r in rows]
        )
    return len(rows)


async def waiting_hosts(conn: Connection) -> list[WaitingHost]:
    """The hosts that deliveries wait for."""
    return [WaitingHost(**row) for row in await conn.fetch(_WAITING)]


async def drop_waiting(conn: Connection, hosts: Sequence[WaitingHost]) -> int:
    """Drop what waits for these hosts; how many deliveries."""
    columns = [one.bucket for one in hosts], [one.host for one in hosts]
    await conn.fetch(_LOCK_HOSTS, *columns)
    dropped: int = await conn.fetchval(_DROP_WAITING, *columns)
    return dropped


async def drop_deliveries_of(conn: Connection, actor: UUID) -> int:
    """Drop what waits to be sent by an actor of ours, or to another's own inbox; how many."""
    to: int = await conn.fetchval(_DROP_TO, actor)
    by: int = await conn.fetchval(_DROP_FROM, actor)
    return to + by
