"""What a group announces that others did (FEP-1b12): to be found out, if it is worth that (IO-81).

A group sends its followers whole activities: what its members write, edit, delete and like. That
it says so shows nothing. So the activity inside is shown to be its actor's as everything is that
somebody passes on (`flow.passed_on`), in the background, and has its effects then; of a Delete the
object's own server is asked, since moderators delete what is not theirs. Somebody here must follow
the group, and there must be something to change here: votes come by the thousand, and each would
make us ask a server. An Announce inside is not looked at, nor is any other type.
"""

from __future__ import annotations

from collections.abc import Iterable

from apserver.core.effects import Confirm, Effects
from apserver.core.facts import Facts, Need, ObjectNeed, ReachNeed
from apserver.core.model import Activity, parse_activity
from apserver.errors import BadInput

_TYPES = frozenset({"Create", "Update", "Delete", "Like", "Undo"})


def inner_of(announce: Activity) -> Activity | None:
    """The activity that is announced in full, when it is of a type that can count."""
    try:
        inner = None if announce.embedded is None else parse_activity(announce.embedded)
    except BadInput:
        return None
    return inner if inner is not None and may_count(inner) else None


def may_count(inner: Activity) -> bool:
    """Whether it is of such a type. Of what can be undone, only a Like can by way of a group."""
    return inner.type in _TYPES and (inner.type != "Undo" or undoes_like(inner))


def undoes_like(undo: Activity) -> bool:
    """Whether an Undo shows that it ends one Like: it does for ever, whoever tells us and when."""
    return _undone(undo) is not None


def needs(announce: Activity) -> Iterable[Need]:
    """Whether somebody here follows the announcer, and what the activity inside is about."""
    inner = inner_of(announce)
    if inner is None:
        return
    yield _followed(announce)
    about = _about(inner)
    if about is not None:
        yield ObjectNeed(about)


def hear(announce: Activity, facts: Facts) -> Effects:
    """`Confirm` when the activity inside may change something here."""
    inner = inner_of(announce)
    if inner is None or not facts.reaches(_followed(announce)):
        return ()
    return (Confirm(announce.key, announce.actor),) if _is_worth_asking(inner, facts) else ()


def _is_worth_asking(inner: Activity, facts: Facts) -> bool:
    if inner.type == "Create":
        return True
    stored = facts.object(_about(inner))
    if stored is None or stored.deleted:
        return False
    return stored.ours is (inner.type in ("Like", "Undo"))


def _about(inner: Activity) -> str | None:
    """The object that it changes, or that is liked."""
    like = _undone(inner) if inner.type == "Undo" else inner
    return None if like is None else like.object_id


def _undone(undo: Activity) -> Activity | None:
    try:
        inner = None if undo.embedded is None else parse_activity(undo.embedded)
    except BadInput:
        return None
    if inner is None or inner.type != "Like" or inner.id is None or inner.actor != undo.actor:
        return None
    return inner


def _followed(announce: Activity) -> ReachNeed:
    return ReachNeed(announce.key, announce.actor, (), to_followers=True)
