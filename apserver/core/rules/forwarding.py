"""Forwarding from the inbox (ActivityPub 7.1.2), which keeps conversations whole.

Carol replies to ann's note and addresses ann's followers. Carol's server does not know who they
are; ours does, and only it can bring the reply to them. It does when three things hold at once,
and else never:

* the activity is seen for the first time (`store.deliveries.forward` claims it);
* ``to``, ``cc`` or ``audience`` of the activity itself name the followers of an actor of ours;
* ``inReplyTo``, ``object``, ``target`` or ``tag`` lead to something of ours, over a few steps: a
  reply to a reply to ann's note is part of her conversation too.

Found on the way is only whether something is ours; addressees are not looked for there (erratum).
What is of somebody whom ann blocks, or whom a domain rule limits, is not brought to her followers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from apserver.core import limits
from apserver.core.audience import audience_of
from apserver.core.document import as_list, id_of
from apserver.core.effects import Effects, Forward
from apserver.core.facts import ActivityNeed, ActorNeed, Facts, Need, ObjectNeed, RelationNeed
from apserver.core.model import Activity, VerifiedActivity
from apserver.core.names import owner_of_followers

_LINKS = ("inReplyTo", "object", "target", "tag")


def needs(activity: Activity, facts: Facts) -> Iterable[Need]:
    """Whose followers are addressed; then, for each round, where the links lead."""
    named = _named(activity)
    for owner in named.values():
        yield ActorNeed(owner)
        yield RelationNeed(owner, "block", activity.actor)
    if named:
        for link in _links(activity, facts):
            yield ObjectNeed(link)
            yield ActivityNeed(link)
            yield ActorNeed(link)


def forward(activity: VerifiedActivity, facts: Facts) -> Effects:
    """`Forward` to those followers collections of ours that it is to go to, if any."""
    to = tuple(
        collection
        for collection, owner in _named(activity).items()
        if _is_ours(collection, owner, facts) and not facts.blocks(owner, activity.actor)
    )
    author = facts.actor(activity.actor)
    if not to or author is None or author.limited:
        return ()
    if not any(_is_here(link, facts) for link in _links(activity, facts)):
        return ()
    return (Forward(activity.key, activity.actor, to),)


def _named(activity: Activity) -> Mapping[str, str]:
    """What may be followers collections of others than its actor, by id: of whom."""
    if isinstance(activity, VerifiedActivity) and activity.ours:
        return {}
    audience = audience_of(activity.document)
    open_ = dict.fromkeys((*audience.to, *audience.cc, *audience.others))
    owners = {one: owner_of_followers(one) for one in open_}
    return {one: owner for one, owner in owners.items() if owner and owner != activity.actor}


def _is_ours(collection: str, owner: str, facts: Facts) -> bool:
    actor = facts.actor(owner)
    return actor is not None and actor.ours and actor.followers == collection


def _is_here(link: str, facts: Facts) -> bool:
    """Whether it is ours: an object, an activity, an actor."""
    there = facts.object(link) or facts.actor(link)
    return (there is not None and there.ours) or facts.activity(link) is not None


def _links(activity: Activity, facts: Facts) -> list[str]:
    """Where the links of the activity lead, and those of what is known there, so far: in a few
    steps, and only so many."""
    found: dict[str, None] = {}
    documents = [activity.document]
    for _ in range(limits.FORWARD_STEPS):
        links = [link for one in documents for link in _links_of(one) if link not in found]
        found |= dict.fromkeys(links[: limits.FORWARD_LINKS - len(found)])
        known = (facts.object(link) for link in links)
        documents = [one.document for one in known if one is not None]
    return list(found)


def _links_of(document: Mapping[str, Any]) -> Iterator[str]:
    for name in _LINKS:
        for value in as_list(document.get(name))[: limits.FORWARD_LINKS]:
            if (id_ := id_of(value)) is not None:
                yield id_
            if isinstance(value, dict):
                yield from _links_of(value)
