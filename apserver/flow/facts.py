"""Loads what rules need to know, for many activities at once: one statement per kind."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from json import loads
from typing import Any
from uuid import UUID

from apserver import telemetry
from apserver.core import limits
from apserver.core.document import parse
from apserver.core.facts import (
    ActivityFact,
    ActivityNeed,
    ActorFact,
    ActorNeed,
    ConversationNeed,
    DocumentFact,
    DocumentNeed,
    EmojiNeed,
    FacadeNeed,
    Fact,
    Facts,
    FollowFact,
    FollowsNeed,
    HandleNeed,
    Need,
    ObjectFact,
    ObjectNeed,
    ReachNeed,
    ReactionFact,
    ReactionsNeed,
    RelationFact,
    RelationNeed,
    TotalNeed,
)
from apserver.core.model import Activity
from apserver.core.names import collection_id
from apserver.core.origin import activity_key, key_of
from apserver.core.registry import Registry
from apserver.errors import BadInput
from apserver.store import (
    activities,
    actors,
    aliases,
    collections,
    emoji,
    follows,
    inboxes,
    objects,
    reactions,
    relations,
)
from apserver.store.actors import Actor
from apserver.store.db import Connection
from apserver.store.inboxes import Concern
from apserver.store.objects import ObjectRow, compose_activities

#: An Undo needs the inner activity, then what that one is about, then how its actor stands to whose
#: that is; nothing goes deeper.
ROUNDS = 4

Found = dict[Need, Fact | None]
Needs = Callable[[Activity, Facts], Iterable[Need]]


async def load_facts(
    conn: Connection,
    activities: Sequence[Activity],
    needs: Needs,
    *,
    now: datetime,
    known: Mapping[Need, Fact | None] | None = None,
    is_limited: Callable[[str], bool] = lambda actor: False,
    registry: Registry | None = None,
    by_site: bool = False,
) -> Facts:
    """The facts for all these activities together. ``known`` are there already (fetched);
    ``is_limited`` tells which actors are only for those who follow them; the registry, and whether
    it is the site that posts, are passed on."""
    found: Found = dict(known or {})
    registry = registry or Registry()
    for _ in range(ROUNDS):
        facts = Facts(now, found, registry, by_site)
        wanted = {need for one in activities for need in needs(one, facts)} - found.keys()
        if not wanted:
            break
        found |= await _load(conn, wanted, is_limited)
    return Facts(now, found, registry, by_site)


async def _load(conn: Connection, needs: set[Need], is_limited: Callable[[str], bool]) -> Found:
    found: Found = dict.fromkeys(needs)
    actors_needed = [one for one in needs if isinstance(one, ActorNeed)]
    found |= await _actors(conn, actors_needed, is_limited)
    found |= await _handles(conn, [one for one in needs if isinstance(one, HandleNeed)])
    found |= await _activities(conn, [one for one in needs if isinstance(one, ActivityNeed)])
    found |= await _objects(conn, [one for one in needs if isinstance(one, ObjectNeed)])
    found |= await _relations(conn, [one for one in needs if isinstance(one, RelationNeed)])
    found |= await _follows(conn, [one for one in needs if isinstance(one, FollowsNeed)])
    found |= await _reactions(conn, [one for one in needs if isinstance(one, ReactionsNeed)])
    found |= await _facades(conn, [one for one in needs if isinstance(one, FacadeNeed)])
    found |= await _totals(conn, [one for one in needs if isinstance(one, TotalNeed)])
    in_question = [one for one in needs if isinstance(one, ConversationNeed)]
    found |= await _conversations(conn, in_question)
    found |= await _emoji(conn, [one for one in needs if isinstance(one, EmojiNeed)])
    found |= await _reach(conn, [one for one in needs if isinstance(one, ReachNeed)])
    for need in needs:
        if isinstance(need, DocumentNeed):
            found.pop(need)  # comes by fetching, not from here
    return found


async def _actors(
    conn: Connection, needs: Sequence[ActorNeed], is_limited: Callable[[str], bool]
) -> Found:
    if not needs:
        return {}
    rows = await actors.actors_by_key(conn, {key_of(need.id) for need in needs})
    found: Found = {}
    for need in needs:
        row = rows.get(key_of(need.id))
        if row is not None:
            found |= actor_found(row, limited=is_limited(row.id))
    return found


async def _handles(conn: Connection, needs: Sequence[HandleNeed]) -> Found:
    if not needs:
        return {}
    rows = await actors.actors_by_handles(conn, [need.handle for need in needs])
    found: Found = {}
    for need in needs:
        row = rows.get(need.handle)
        found[need] = None if row is None else actor_found(row)[ActorNeed(row.id)]
    return found


def actor_found(row: Actor, *, limited: bool = False) -> Found:
    """An actor that was loaded, as a fact; none when it is not active."""
    fact = ActorFact(
        row.id,
        row.ours,
        row.type,
        row.followers,
        row.manual_approval,
        limited=limited,
        document=row.document,
        moved_to=row.moved_to,
        moved_at=row.moved_at,
    )
    return {ActorNeed(row.id): fact if row.is_active else None}


async def _activities(conn: Connection, needs: Sequence[ActivityNeed]) -> Found:
    if not needs:
        return {}
    ours = [need for need in needs if need.actor is None and need.asked is None]
    asked = [need for need in needs if need.asked]
    pairs_asked = [(key_of(need.asked or ""), need.id) for need in asked]
    askers = await relations.askers(conn, pairs_asked) if asked else {}
    others = [(need, activity_key(need.actor, need.id)) for need in needs if need.actor]
    others += [
        (need, activity_key(askers[pair], need.id))
        for need, pair in zip(asked, pairs_asked, strict=True)
        if pair in askers
    ]
    by_id = await objects.own_activities(conn, {key_of(need.id) for need in ours})
    unknown = [
        need
        for need, pair in zip(asked, pairs_asked, strict=True)
        if pair not in askers and key_of(need.id) not in by_id
    ]
    others += await _came_to(conn, unknown)
    by_key = await objects.activities_by_key(conn, {key for _, key in others})
    pairs = [(need, by_id[key_of(need.id)]) for need in ours if key_of(need.id) in by_id]
    pairs += [(need, by_key[key]) for need, key in others if key in by_key]
    bodies = await compose_activities(conn, [row for _, row in pairs])
    found: Found = {}
    for (need, row), body in zip(pairs, bodies, strict=True):
        document = _readable(body, "activity", row.key)
        if document is not None:
            found[need] = ActivityFact(
                row.id or "", row.type, row.actor_id, document, tuple(row.recipients or ())
            )
    return found


async def _came_to(
    conn: Connection, asked: Sequence[ActivityNeed]
) -> list[tuple[ActivityNeed, UUID]]:
    """The activities that actors of ours got under these ids: an Invite, an Offer."""
    if not asked:
        return []
    sought = [(key_of(collection_id(need.asked or "", "inbox")), need.id) for need in asked]
    keys = await activities.in_inboxes(conn, sought, newest=limits.ANSWERABLE)
    pairs = zip(asked, sought, strict=True)
    return [(need, keys[place]) for need, place in pairs if place in keys]


async def _objects(conn: Connection, needs: Sequence[ObjectNeed]) -> Found:
    if not needs:
        return {}
    keys = {
        need: activity_key(need.deleted_by, need.id) if need.deleted_by else key_of(need.id)
        for need in needs
    }
    rows = await objects.objects_by_key(conn, set(keys.values()))
    found: Found = {}
    for need, key in keys.items():
        row = rows.get(key)
        if row is not None:
            found[need] = ObjectFact(
                author=row.author,
                ours=row.kind == "ours",
                type=row.type,
                document=_readable(row.document, "object", row.key) or {},
                published_at=row.published_at,
                updated_at=row.updated_at,
                deleted=row.deleted_at is not None,
                visibility=row.visibility,
                audience=frozenset(row.audience),
                context=_context_of(row),
            )
    return found


def _readable(body: bytes, table: str, key: UUID) -> dict[str, object] | None:
    """A stored document; None when it is damaged: its author may still replace or delete it."""
    try:
        return parse(body)
    except BadInput as error:
        telemetry.count(telemetry.UNREADABLE, table)
        telemetry.warn("row cannot be read", table=table, row=key, reason=error)
        return None


def _context_of(row: ObjectRow) -> Any:
    """The @context of an object; that of AS2 alone when it is damaged."""
    try:
        return None if row.context is None else loads(row.context)
    except ValueError:
        return None


async def _relations(conn: Connection, needs: Sequence[RelationNeed]) -> Found:
    if not needs:
        return {}
    triples = {need: (key_of(need.object), need.kind, key_of(need.subject)) for need in needs}
    rows = await relations.find_relations(conn, sorted(triples.values()))
    found: Found = {}
    for need, triple in triples.items():
        if triple in rows:
            row = rows[triple]
            found[need] = RelationFact(
                "accepted" if row.state == "accepted" else "pending", row.activity_id
            )
    return found


async def _follows(conn: Connection, needs: Sequence[FollowsNeed]) -> Found:
    if not needs:
        return {}
    pairs = {need: (key_of(need.subject), key_of(need.object)) for need in needs}
    rows = await follows.between(conn, sorted(pairs.values()))
    found: Found = {}
    for need, pair in pairs.items():
        found[need] = tuple(
            FollowFact(row.flag, row.actor_only, row.mutes, row.activity_id)
            for row in rows.get(pair, ())
        )
    return found


async def _reactions(conn: Connection, needs: Sequence[ReactionsNeed]) -> Found:
    if not needs:
        return {}
    pairs = {need: (key_of(need.object), key_of(need.subject)) for need in needs}
    rows = await reactions.between(conn, sorted(pairs.values()))
    found: Found = {}
    for need, pair in pairs.items():
        found[need] = tuple(ReactionFact(row.emoji, row.activity_id) for row in rows.get(pair, ()))
    return found


async def _facades(conn: Connection, needs: Sequence[FacadeNeed]) -> Found:
    if not needs:
        return {}
    known = await aliases.facades_of(conn, [need.thing for need in needs])
    return {need: known[need.thing] for need in needs if need.thing in known}


async def _totals(conn: Connection, needs: Sequence[TotalNeed]) -> Found:
    if not needs:
        return {}
    rows = await collections.totals(conn, [key_of(need.collection) for need in needs])
    return {
        need: rows[key_of(need.collection)] for need in needs if key_of(need.collection) in rows
    }


async def _conversations(conn: Connection, needs: Sequence[ConversationNeed]) -> Found:
    if not needs:
        return {}
    rows = await collections.conversations_of(conn, [key_of(need.id) for need in needs])
    return {need: rows[key_of(need.id)] for need in needs if key_of(need.id) in rows}


async def _emoji(conn: Connection, needs: Sequence[EmojiNeed]) -> Found:
    if not needs:
        return {}
    known = await emoji.by_shortcode(conn, [need.shortcode for need in needs])
    return {need: known[need.shortcode] for need in needs if need.shortcode in known}


async def _reach(conn: Connection, needs: Sequence[ReachNeed]) -> Found:
    if not needs:
        return {}
    asked = [
        Concern(
            key_of(need.actor),
            need.to_followers,
            [key_of(one) for one in need.addressed],
            [key_of(one) for one in need.participants],
        )
        for need in needs
    ]
    return dict(zip(needs, await inboxes.reached(conn, asked), strict=True))


def fetched(id_: str, document: Mapping[str, object] | None, reason: str = "") -> Found:
    """What fetching a document gave, as a fact to begin with."""
    return {DocumentNeed(id_): DocumentFact(document, reason)}
