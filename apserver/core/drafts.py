"""What a client posts to its outbox, made into an activity of ours (ActivityPub 6, 6.2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from apserver.core import limits
from apserver.core.actions import with_type
from apserver.core.audience import Audience, audience_of, strip_private, with_addressing
from apserver.core.collections import KEPT
from apserver.core.document import as_list, check_as2, ids_of, types_of, without_nulls
from apserver.core.intake import check_size, take_in
from apserver.core.model import Activity, check_members
from apserver.core.namespace import check_terms
from apserver.core.notes import with_content
from apserver.core.polls import without_counts
from apserver.core.times import read_time, stamp
from apserver.core.verbs import Verbs
from apserver.core.vocabulary import (
    ACTIVITY_TYPES,
    AS2_CONTEXT,
    AS2_CONTEXT_FORMS,
    KNOWN_TYPES,
    LINK_TYPES,
)
from apserver.errors import BadInput, Forbidden


@dataclass(frozen=True, slots=True)
class NewIds:
    """Ids for what is about to be made; the object's is used when there is an object to make."""

    activity: str
    object: str


def draft(
    posted: Mapping[str, Any],
    *,
    actor: str,
    ids: NewIds,
    now: datetime,
    checked: bool = True,
    verbs: Verbs | None = None,
    may_date: bool = False,
) -> Activity:
    """The activity that the client means, whole: ids, dates, author, addressing.

    A bare object is wrapped in a Create (6.2.1). Ids that the client sent are not kept for what
    is made here (AP-C2S-05), nor when it says that it was, but with ``may_date``. A phrase of
    ``verbs`` gives what it calls a type. ``checked=False`` is for activities that rules send
    themselves.
    """
    document = without_nulls(posted)
    if checked:
        check_as2(document)
        document = _with_contents(document)
        check_size(document)
        check_terms(document)
    document = _plain_names(take_in(document, strict=checked))
    context = _context(document.pop("@context", None))
    document = with_type(document, verbs or Verbs())
    if checked:
        document = _dated(document, now, may_date=may_date)
    at = "/object" if is_activity(document) else ""
    if not at:
        document = {"type": "Create", "published": document.get("published"), "object": document}
    _check_actor(document.get("actor"), actor, pointer="/actor")
    audience = audience_of(document)
    document = {"@context": context, **document, "id": ids.activity, "actor": actor}
    document["published"] = document.get("published") or stamp(now)
    if "Create" in types_of(document):
        document, audience = _with_object(
            document, audience, ids.object, pointer=at, may_date=may_date or not checked
        )
    if "Update" in types_of(document):
        document = _with_removals(document, posted.get("object"))
    if "Undo" in types_of(document):
        document = _with_own(document, actor)
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
    types = frozenset(types_of(document))
    if not types:
        raise BadInput("What is posted needs a type, or a verbPhrase.", pointer="/type")
    if types & LINK_TYPES:
        raise BadInput("A Link cannot be posted by itself.", pointer="/type")
    if types & KNOWN_TYPES:  # a Relationship has an object, and is none the less no activity
        # A Question is an activity by its name only: polls are objects everywhere (interop 2.6).
        return bool(types & (ACTIVITY_TYPES - {"Question"}))
    return not {"actor", "object", "verbPhrase"}.isdisjoint(document)


def _with_contents(document: Mapping[str, Any]) -> dict[str, Any]:
    """What was posted, and the object in it, with the content that its source stands for, and
    without numbers of votes, which are not the client's to tell."""
    whole, object_ = without_counts(with_content(document)), document.get("object")
    if isinstance(object_, dict):
        whole["object"] = without_counts(with_content(object_, pointer="/object"))
    elif isinstance(object_, list):  # of one, for all that it says (`Activity.embedded`)
        whole["object"] = [
            without_counts(with_content(one, pointer=f"/object/{at}"))
            if isinstance(one, dict)
            else one
            for at, one in enumerate(object_)
        ]
    return whole


def _dated(document: dict[str, Any], now: datetime, *, may_date: bool) -> dict[str, Any]:
    """Published now, in place of what the client says (seed row A6), or then, if it may say so."""
    said = read_time(document.get("published"))
    if not may_date or said is None:
        return {**document, "published": stamp(now)}
    if said > now:
        raise BadInput("It cannot have been published later than now.", pointer="/published")
    return document


def _plain_names(document: Mapping[str, Any]) -> dict[str, Any]:
    """The keywords that our context has other names for, under those names."""
    names = {"@id": "id", "@type": "type"}
    return {names.get(name, name): value for name, value in document.items()}


def _context(posted: object) -> Any:
    """The @context with that of AS2 spelt as other servers look for it (AP-OBJ-01)."""
    entries = [
        AS2_CONTEXT if isinstance(entry, str) and entry in AS2_CONTEXT_FORMS else entry
        for entry in as_list(posted)
    ]
    return entries if len(entries) > 1 else AS2_CONTEXT


def _with_object(
    create: dict[str, Any], audience: Audience, id_: str, *, pointer: str, may_date: bool
) -> tuple[dict[str, Any], Audience]:
    """A Create whose object has id, author, date and addressing (AP-C2S-16, 17, 20, 22), and the
    audience of both. ``pointer`` is where the object stood in what was posted."""
    values = as_list(create.get("object"))
    if len(values) != 1 or not isinstance(values[0], dict):
        return create, audience  # the rule for Create refuses it
    apart = {"@context", *KEPT}
    posted = {key: value for key, value in _plain_names(values[0]).items() if key not in apart}
    _check_actor(posted.get("attributedTo"), create["actor"], pointer=f"{pointer}/attributedTo")
    both = audience | audience_of(posted)
    made = {**posted, "id": id_, "attributedTo": create["actor"]}
    if not may_date or "published" not in made:
        made["published"] = create["published"]
    return {**create, "object": with_addressing(made, both)}, both


def _with_removals(update: dict[str, Any], posted: object) -> dict[str, Any]:
    """An Update in which the members that shall go are null again (AP-C2S-25)."""
    patch = update.get("object")
    if not isinstance(patch, dict) or not isinstance(posted, dict):
        return update
    removed = {name: None for name, value in posted.items() if value is None}
    return {**update, "object": {**removed, **_plain_names(patch)}}


def _with_own(undo: dict[str, Any], actor: str) -> dict[str, Any]:
    """An Undo whose described activity says by whom it was: one undoes only what one did."""
    described = undo.get("object")
    if not isinstance(described, dict) or "actor" in described or not types_of(described):
        return undo
    return {**undo, "object": {**described, "actor": actor}}


def _check_actor(named: object, actor: str, *, pointer: str) -> None:
    if named is not None and ids_of(named) != (actor,):
        raise Forbidden("Only the owner of this outbox can act here.", pointer=pointer)
