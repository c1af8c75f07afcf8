"""Move, whole: an account goes on under another id, and its followers go with it; and its Undo.

An account says so itself: ``actor`` and ``object`` are the old one, ``target`` the new (FEP-7628).
That alone moves nobody, or whoever gets hold of an account could send its followers anywhere, and
anywhere many followers at once to somebody who did not ask for them. The new account must name the
old one in its ``alsoKnownAs``, in a document that is fetched for this Move from the new account's
own server. Both then have moved, and neither moves again for a week: so a chain of accounts takes
the same followers on once a week at most.

Each server moves the followers that live there (`flow.followers_moved`): a Follow of the new, an
Undo of the old, a batch at a time. What others follow on their servers is theirs to move.

An account of ours that has moved stays, with all it has, and says where it is now. It makes nothing
new and is followed by nobody; what it can do is to edit, delete, take back, and shut out. An Undo
of the Move ends that. Followers that have gone do not come back by it.

A Move of anything but an account changes nothing here, like other verbs that only tell.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from apserver.core import limits
from apserver.core.actors import parse_actor
from apserver.core.document import as_list, first, id_of, parse
from apserver.core.effects import Effects, Fetch, Moved, MoveFollowers, PutActor, Refuse, Send
from apserver.core.facts import ActorFact, ActorNeed, DocumentNeed, Facts, Need
from apserver.core.model import Activity, VerifiedActivity
from apserver.core.rules import addressed, concerning
from apserver.core.times import stamp
from apserver.errors import BadInput, Conflict, Forbidden

_COOL_DOWN = timedelta(seconds=limits.MOVE_COOL_DOWN_S)

#: What an account that has moved may still do.
_AFTERWARDS = frozenset("Block Delete Flag Ignore Move Reject Remove Undo Update".split())

#: Why nobody is moved, to the client that asked for it; the codes are for verdicts and logs.
_OBJECTIONS = {
    "move-target-unreadable": "What lies there is no account.",
    "move-target-differs": "What lies there calls itself something else. Name it by its own id.",
    "move-target-suspended": "That account is suspended by its server.",
    "move-target-moved": "That account has moved itself. Move to where it is now.",
    "move-without-alias": "That account does not name this one in its alsoKnownAs. Set it there "
    "first: it shows that both are yours.",
}


def is_of_account(move: Activity) -> bool:
    """Whether an account is to be moved, and not something else."""
    return move.type == "Move" and move.is_about_itself


def target_of(move: Activity) -> str | None:
    """The id of where it is moved to."""
    return id_of(first(move.document.get("target")))


def needs(move: Activity, facts: Facts) -> Iterable[Need]:
    """Both accounts, and the new one's document as it is now."""
    yield from addressed.needs(move, facts)
    target = target_of(move)
    if is_of_account(move) and target is not None:
        yield ActorNeed(target)
        yield DocumentNeed(target)


def check_may_post(activity: Activity, moved_to: str | None) -> None:
    """Forbidden when its account has moved, and this is no longer for it to do."""
    if moved_to is not None and activity.type not in _AFTERWARDS:
        raise Forbidden(
            f"This account has moved to {moved_to}: post there. Undo the Move to post here again."
        )


def send(move: Activity, facts: Facts) -> Effects:
    """An account of ours moves: it is marked, and its followers elsewhere are told, by an Update
    too, which servers understand that move nobody."""
    others = [one for one in concerning.objects_of(move) if one != move.actor]
    if any(facts.actor(one) is not None for one in others):
        raise Forbidden("Only an actor itself can move.", pointer="/object")
    if not is_of_account(move):
        return ()
    target, actor = target_of(move), facts.actor(move.actor)
    if target is None or target == move.actor or others:
        raise BadInput("Move needs the id of the new account, and no other.", pointer="/target")
    assert actor is not None, "whoever posts is known"
    if actor.moved_to != target and actor.moved_at and _is_too_soon(actor.moved_at, facts):
        again = stamp(actor.moved_at + _COOL_DOWN)
        raise Conflict(f"This account took part in a Move. It can move again after {again}.")
    document = _document(target, move, facts)
    if not isinstance(document, Mapping):
        raise BadInput(f"There is no account at {target}.", pointer="/target")
    reason = objection(document, target, old=move.actor)
    if reason is not None:
        raise BadInput(_OBJECTIONS[reason], pointer="/target")
    moved = Moved(move.actor, target, facts.now)
    return (*_known_anew(document, target, facts), moved, Send(_update(move.actor)))


def receive(move: VerifiedActivity, facts: Facts) -> Effects:
    """An account has moved (IO-82). Ours was marked as it was sent; then its followers here move,
    as those of others do."""
    others = [one for one in concerning.objects_of(move) if one != move.actor]
    if not move.ours and any(facts.actor(one) is not None for one in others):
        return (Refuse("move-of-another"),)
    target, actor = target_of(move), facts.actor(move.actor)
    if not is_of_account(move) or actor is None or target is None:
        return ()
    followers = MoveFollowers(move.key, move.actor, target)
    if move.ours:
        return (followers,) if actor.moved_to == target else ()
    if target == move.actor or others:
        return (Refuse("move-of-several"),)
    if actor.moved_at is not None and _is_too_soon(actor.moved_at, facts):
        return (Refuse("move-too-soon"),)
    document = _document(target, move, facts)
    if not isinstance(document, Mapping):
        return (document,)
    reason = objection(document, target, old=move.actor)
    if reason is not None:
        return (Refuse(reason),)
    moved = Moved(move.actor, target, facts.now)
    return (*_known_anew(document, target, facts), moved, followers)


def undo(undoing: Activity, move: Activity, facts: Facts) -> Effects:
    """It is where it was again. Whoever undoes the Move made it: checked before (AP-S2S-43)."""
    actor = facts.actor(move.actor)
    if not is_of_account(move):
        return ()
    if actor is None or actor.moved_to is None or actor.moved_to != target_of(move):
        return (Refuse("undo-without-move"),)
    back = Moved(move.actor, None, facts.now)
    return (back, Send(_update(move.actor))) if actor.ours else (back,)


def objection(document: Mapping[str, Any], target: str, *, old: str) -> str | None:
    """Why an account with this document does not take the followers of ``old``; None when it does.

    ``suspended`` is what Mastodon says of accounts that it has shut out.
    """
    try:
        profile = parse_actor(document, allow_http=True)
    except BadInput:
        return "move-target-unreadable"
    if profile.id != target:
        return "move-target-differs"
    if document.get("suspended") is True:
        return "move-target-suspended"
    if profile.moved_to is not None:
        return "move-target-moved"
    names = as_list(document.get("alsoKnownAs"))[: limits.ALIASES_READ]
    return None if old in map(id_of, names) else "move-without-alias"


def _is_too_soon(moved_at: datetime, facts: Facts) -> bool:
    return facts.now - moved_at < _COOL_DOWN


def _document(target: str, move: Activity, facts: Facts) -> Mapping[str, Any] | Fetch | Refuse:
    """What the new account says of itself now. Of ours nobody asks over the network."""
    known = facts.actor(target)
    if known is not None and known.ours:
        return parse(known.document)
    fetched = facts.document(target)
    if fetched is None:
        return Fetch(target)
    return Refuse(f"move-{fetched.reason}") if fetched.document is None else fetched.document


def _known_anew(document: Mapping[str, Any], target: str, facts: Facts) -> Effects:
    known: ActorFact | None = facts.actor(target)
    if known is not None and known.ours:
        return ()
    return (PutActor(parse_actor(document, allow_http=True), document),)


def _update(actor: str) -> dict[str, Any]:
    return {"type": "Update", "actor": actor, "object": {"id": actor}}
