"""Activities as values, and the step from "somebody sent this" to "this actor did this"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from uuid import UUID

from apserver.core.audience import Audience, audience_of, with_addressing
from apserver.core.document import as_list, first, id_of, types_of
from apserver.core.origin import activity_key, check_id, same_origin
from apserver.core.ownership import is_by, objection
from apserver.core.polls import ballot_of
from apserver.core.vocabulary import (
    ACTIVITY_TYPES,
    ACTOR_TYPES,
    KNOWN_TYPES,
    NEEDS_OBJECT,
    NEEDS_TARGET,
)
from apserver.errors import BadInput, Forbidden


@dataclass(frozen=True)
class Activity:
    """One activity. ``document`` is the parsed JSON, never changed after parsing.

    ``addressed`` is the audience of an activity of ours: its document no longer shows bto and bcc.
    """

    document: Mapping[str, Any]
    id: str | None
    type: str
    actor: str
    addressed: Audience | None = None
    stored_key: UUID | None = None

    @cached_property
    def key(self) -> UUID:
        """Hash of (actor, id): two actors may use one id without a clash.

        An activity without an id has its key from its bytes, which are not here: its row knows.
        """
        if self.stored_key is not None:
            return self.stored_key
        return activity_key(self.actor, self.id or "")

    @cached_property
    def audience(self) -> Audience:
        """Who is addressed by the activity, or by its embedded object when it names nobody."""
        if self.addressed is not None:
            return self.addressed
        own = audience_of(self.document)
        embedded = self.embedded
        if own.everyone or embedded is None or self.type not in ("Create", "Update"):
            return own
        return audience_of(embedded)

    @property
    def embedded(self) -> Mapping[str, Any] | None:
        """The object when it is given in full, not by id alone."""
        value = self.document.get("object")
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        return value if isinstance(value, dict) else None

    @cached_property
    def object_id(self) -> str | None:
        """The id of the (first) object; of what has an id and is a Link too, the id."""
        value = first(self.document.get("object"))
        id_ = value.get("id") if isinstance(value, dict) else None
        return id_ if isinstance(id_, str) and id_ else id_of(value)

    @property
    def is_about_itself(self) -> bool:
        """Whether the actor is its own object (Delete or Update of an account)."""
        return self.object_id == self.actor


@dataclass(frozen=True)
class VerifiedActivity(Activity):
    """An activity whose actor is known to have sent it. The only kind that rules receive.

    Made by `authenticate` for requests, and by ``store`` for rows that were accepted so.
    ``ours`` tells that the actor lives here, ``in_person`` that it came to the inbox of one
    actor and not to the shared one.
    """

    ours: bool = False
    in_person: bool = False


def parse_activity(document: Mapping[str, Any], *, signer: str | None = None) -> Activity:
    """Read an activity out of a parsed document; BadInput names the member at fault.

    ``signer`` stands in for a missing actor: FeatureRequest and Mastodon's Add come without one
    (IO-23). Two actors are refused: nobody can tell which of them is meant.
    """
    types = types_of(document)
    if not types:
        raise BadInput("An activity needs a type.", pointer="/type")
    type_ = next((one for one in types if one in ACTIVITY_TYPES), types[0])
    actors = as_list(document.get("actor"))
    if len(actors) > 1:
        raise BadInput("An activity has one actor.", pointer="/actor")
    actor = id_of(actors[0]) if actors else signer
    if actor is None:
        raise BadInput("An activity needs an actor, given by its id.", pointer="/actor")
    id_ = document.get("id")
    if id_ is not None and not isinstance(id_, str):
        raise BadInput("The id must be a string.", pointer="/id")
    activity = Activity(document, id_, type_, actor)
    check_members(activity)
    return activity


def check_members(activity: Activity) -> None:
    """Refuse what lacks the object or target that its type lives by (ActivityPub 6.1, 7)."""
    if activity.type in NEEDS_OBJECT and not as_list(activity.document.get("object")):
        raise BadInput(f"{activity.type} needs an object.", pointer="/object")
    if activity.type in NEEDS_TARGET and not as_list(activity.document.get("target")):
        raise BadInput(f"{activity.type} needs a target.", pointer="/target")


#: Sent without an id by Mastodon and GoToSocial; everything else must have one.
MAY_LACK_ID = frozenset({"Delete", "Add", "Remove", "FeatureRequest", "Flag"})
#: What an actor does with things of its own alone.
MUTATIONS = frozenset({"Create", "Update", "Delete"})


def authenticate(activity: Activity, signer: str, *, allow_http: bool) -> VerifiedActivity:
    """Take the activity as the signer's own, or refuse it.

    The actor must be the signer. The activity, and what it makes, changes or deletes, must be its
    own (FEP-fe34, `core.ownership`; ActivityPub B.2). An id of another origin would let one server
    speak for another, or take an id that the other is going to use.
    """
    if activity.actor != signer:
        raise Forbidden(
            f"signed by {signer}, actor {activity.actor}",
            public="The actor of the activity is not the one who signed the request.",
        )
    if activity.id is None:
        if activity.type not in MAY_LACK_ID:
            raise BadInput("The activity needs an id.", pointer="/id")
    else:
        check_id(activity.id, allow_http=allow_http)
        if not same_origin(activity.id, signer):
            raise Forbidden(
                f"activity id {activity.id} is not of the origin of {signer}",
                public="The id of the activity is not of its actor's origin.",
            )
    types = KNOWN_TYPES.intersection(types_of(activity.document))
    if types and types.isdisjoint(ACTIVITY_TYPES):
        raise BadInput(f"{min(types)} is no activity.", pointer="/type")
    if not is_by(activity.document, signer):
        raise Forbidden("The activity names somebody else as its author.", pointer="/attributedTo")
    if activity.type in MUTATIONS:
        _check_object(activity, allow_http=allow_http)
    return VerifiedActivity(
        activity.document, activity.id, activity.type, activity.actor, activity.addressed
    )


_OBJECTIONS = {
    "object-of-another-origin": "The id of the object is not of the actor's origin.",
    "object-of-another-author": "The object is not the actor's own.",
}


def _check_object(activity: Activity, *, allow_http: bool) -> None:
    """Refuse a Create, an Update or a Delete of what cannot be the actor's.

    What is the actor's as far as one can see may still be known here as another's: the rule knows.
    """
    ballot = ballot_of(activity.document) if activity.type == "Create" else ()
    if not ballot and len(as_list(activity.document.get("object"))) != 1:
        raise BadInput(f"{activity.type} has one object.", pointer="/object")
    for object_ in ballot or (activity.embedded or {"id": activity.object_id},):
        _check_own(activity, object_, allow_http=allow_http)


def _check_own(activity: Activity, object_: Mapping[str, Any], *, allow_http: bool) -> None:
    if object_.get("id") is not None:
        check_id(object_["id"], allow_http=allow_http)
    elif not object_.keys() - {"id"} or activity.type != "Create":
        raise BadInput(f"{activity.type} needs the id of its object.", pointer="/object")
    reason = objection(object_, activity.actor)
    if reason == "object-of-another-author" and activity.is_about_itself:
        return  # a Lemmy community names its moderators as its authors
    if reason is not None:
        raise Forbidden(
            f"{activity.type} of {activity.object_id} by {activity.actor}: {reason}",
            public=_OBJECTIONS[reason],
            pointer="/object",
        )


def addressed_to(activity: Activity, audience: Audience) -> Activity:
    """The same activity of ours for another audience; its document shows the open part."""
    document = with_addressing(activity.document, audience)
    return Activity(document, activity.id, activity.type, activity.actor, audience)


def spliced_object(activity: Activity) -> Mapping[str, Any] | None:
    """The embedded object that gets a row of its own, so that an edit shows everywhere.

    Only objects of Create and Update; actors have their own table.
    """
    embedded = activity.embedded
    if activity.type not in ("Create", "Update") or embedded is None:
        return None
    return embedded if has_own_row(embedded) else None


def has_own_row(object_: Mapping[str, Any]) -> bool:
    """Whether it is kept as an object: what has an id, except for actors and activities."""
    if not isinstance(object_.get("id"), str):
        return False
    types = KNOWN_TYPES.intersection(types_of(object_))
    # A Question is an activity by its name only: polls are objects everywhere (interop 2.6).
    is_activity = types & (ACTIVITY_TYPES - {"Question"}) if types else "verbPhrase" in object_
    return not is_activity and ACTOR_TYPES.isdisjoint(types)
