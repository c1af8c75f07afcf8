"""What a client posts to its outbox, made into an activity of ours (ActivityPub 6, 6.2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from apserver.core import limits
from apserver.core.audience import Audience, audience_of, strip_private, with_addressing
from apserver.core.document import check_as2, ids_of, types_of, without_nulls
from apserver.core.model import Activity, check_members
from apserver.core.times import stamp
from apserver.core.vocabulary import ACTIVITY_TYPES, AS2_CONTEXT, LINK_TYPES
from apserver.errors import BadInput, Forbidden


@dataclass(frozen=True, slots=True)
class NewIds:
    """Ids for what is about to be made; the object's is used when there is an object to make."""

    activity: str
    object: str


def draft(
    posted: Mapping[str, Any], *, actor: str, ids: NewIds, now: datetime, checked: bool = True
) -> Activity:
    """The activity that the client means, whole: ids, dates, author, addressing.

    A bare object is wrapped in a Create (6.2.1). Ids that the client sent are not kept for what
    is made here (AP-C2S-05). ``checked=False`` is for activities that rules send themselves.
    """
    document = without_nulls(posted)
    if checked:
        check_as2(document)
    if not is_activity(document):
        document = _wrap(document)
    _check_actor(document.get("actor"), actor, pointer="/actor")
    audience = audience_of(document)
    document = {
        "@context": document.pop("@context", AS2_CONTEXT),
        **document,
        "id": ids.activity,
        "actor": actor,
    }
    document.setdefault("published", stamp(now))
    if "Create" in types_of(document) and isinstance(document.get("object"), Mapping):
        document, audience = _with_object(document, audience, ids, actor)
    if len(audience.everyone) > limits.RECIPIENTS:
        raise BadInput(f"At most {limits.RECIPIENTS} recipients may be named.", pointer="/to")
    types = types_of(document)
    type_ = next((one for one in types if one in ACTIVITY_TYPES), types[0])
    shown = strip_private(with_addressing(document, audience))
    activity = Activity(shown, ids.activity, type_, actor, audience)
    check_members(activity)
    return activity


def is_activity(document: Mapping[str, Any]) -> bool:
    """Whether a posted document is an activity, or an object to be wrapped in a Create.

    A type that AS2 does not know is taken as an activity when it is used like one.
    """
    types = types_of(document)
    if not types:
        raise BadInput("What is posted needs a type.", pointer="/type")
    if LINK_TYPES.intersection(types):
        raise BadInput("A Link cannot be posted by itself.", pointer="/type")
    return bool(ACTIVITY_TYPES.intersection(types)) or "actor" in document or "object" in document


def _wrap(bare: dict[str, Any]) -> dict[str, Any]:
    inner = {key: value for key, value in bare.items() if key != "@context"}
    context = bare.get("@context", AS2_CONTEXT)
    return {"@context": context, "type": "Create", "object": inner}


def _with_object(
    document: dict[str, Any], audience: Audience, ids: NewIds, actor: str
) -> tuple[dict[str, Any], Audience]:
    """Id, author, date and addressing for the object of a Create (AP-C2S-16, 17, 20, 22)."""
    posted = {key: value for key, value in document["object"].items() if key != "@context"}
    _check_actor(posted.get("attributedTo"), actor, pointer="/object/attributedTo")
    both = audience | audience_of(posted)
    made = {**posted, "id": ids.object, "attributedTo": actor}
    made.setdefault("published", document["published"])
    return {**document, "object": with_addressing(made, both)}, both


def _check_actor(named: object, actor: str, *, pointer: str) -> None:
    if named is not None and ids_of(named) != (actor,):
        raise Forbidden("Only the owner of this outbox can act here.", pointer=pointer)
