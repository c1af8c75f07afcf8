"""Create, Update and Delete of a thing of a site (`core.things`).

The site says what its things are, with its token, and nobody else: not our own clients, and no
other server, even one that shares the site's origin (docs/decisions/0013). What it says of them is
written before the activity is, so Create and Update do nothing more here.
"""

from __future__ import annotations

from collections.abc import Iterable

from apserver.core.effects import Bury, Effects, EndThing, Refuse
from apserver.core.facts import ActorNeed, Facts, Need, ObjectNeed
from apserver.core.model import MUTATIONS, Activity, VerifiedActivity
from apserver.core.things import Things
from apserver.core.tombstones import tombstone
from apserver.errors import Forbidden, Gone


def is_about_thing(activity: Activity, things: Things) -> bool:
    """Whether it makes, changes or deletes a thing of a site."""
    return activity.type in MUTATIONS and things.find(activity.object_id) is not None


def needs(activity: Activity, facts: Facts) -> Iterable[Need]:
    """Who does it, and the thing as it is kept here."""
    yield ActorNeed(activity.actor)
    if activity.object_id is not None:
        yield ObjectNeed(activity.object_id)


def complete(activity: Activity, facts: Facts) -> Activity:
    """A Delete with the Tombstone of the thing embedded (IO-53)."""
    _check_by_site(facts)
    if activity.type != "Delete":
        return activity
    id_ = str(activity.object_id)
    stone = tombstone(id_, former_type=_type_of(id_, facts), deleted_at=facts.now)
    document = {**activity.document, "object": stone}
    return Activity(document, activity.id, activity.type, activity.actor, activity.addressed)


def send(activity: Activity, facts: Facts) -> Effects:
    """A thing that is deleted leaves a Tombstone; what hangs on it follows (seed rows B15, H3)."""
    _check_by_site(facts)
    if activity.type != "Delete":
        return ()
    id_ = str(activity.object_id)
    stored = facts.object(id_)
    if stored is not None and stored.deleted:
        raise Gone("It was deleted before.", pointer="/object")
    return (Bury(id_, "site", id_, _type_of(id_, facts), facts.now), EndThing(id_))


def receive(activity: VerifiedActivity, facts: Facts) -> Effects:
    """From elsewhere it says nothing."""
    return () if activity.ours else (Refuse("thing-of-a-site"),)


def _check_by_site(facts: Facts) -> None:
    if not facts.by_site:
        raise Forbidden("It is a thing of a site, which alone may say so.", pointer="/object")


def _type_of(id_: str, facts: Facts) -> str:
    kind = facts.registry.things.find(id_)
    return "Object" if kind is None else kind.type
