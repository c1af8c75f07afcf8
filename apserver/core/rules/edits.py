"""What a client changes of a thing of its own, or of its actor: it says a part."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apserver.core import limits
from apserver.core.actors import with_links
from apserver.core.aliases import with_aliases
from apserver.core.audience import Audience
from apserver.core.collections import KEPT, OF_ACTORS
from apserver.core.document import id_of, parse
from apserver.core.facts import Facts
from apserver.core.model import Activity, addressed_to
from apserver.core.names import Names, collection_id
from apserver.core.notes import with_terms
from apserver.core.origin import origin_of
from apserver.core.rules import posts
from apserver.core.vocabulary import PUBLIC
from apserver.errors import BadInput

#: What an actor cannot change of itself.
ACTOR_MANAGED = frozenset(OF_ACTORS) | frozenset(
    "id type preferredUsername endpoints publicKey "
    "assertionMethod published streams url actor publicKeyPem publicKeyMultibase movedTo".split()
)
#: What an Update by a client cannot change: the server's to keep (AP-C2S-23, BP-06).
SERVER_MANAGED = KEPT | {"id", "attributedTo", "published", "updated"}


def merged(
    stored: Mapping[str, Any],
    patch: Mapping[str, Any],
    *,
    kept: frozenset[str] = SERVER_MANAGED,
) -> dict[str, Any]:
    """What is stored with what a client says is to change; a member that is null is removed
    (AP-C2S-25). BadInput for what is ``kept`` by the server, unless it is as it was shown: a client
    may send back the whole of it. A collection is the same as long as its id is."""
    patch = {name: one for name, one in patch.items() if not _is_shown_so(name, one, stored)}
    for name in sorted(kept & patch.keys()):
        if name != "id" and patch[name] != stored.get(name):
            raise BadInput(f"{name} is kept by the server.", pointer=f"/object/{name}")
    whole = {**stored, **{name: one for name, one in patch.items() if name != "@context"}}
    if not patch.keys().isdisjoint(("content", "contentMap")) and "source" not in patch:
        whole.pop("source", None)  # of what was there before (ActivityPub 3.3)
    return {name: value for name, value in whole.items() if value is not None}


def _is_shown_so(name: str, given: object, stored: Mapping[str, Any]) -> bool:
    return name in KEPT and id_of(given) == collection_id(str(stored.get("id")), name)


def complete_profile(update: Activity, patch: Mapping[str, Any], facts: Facts) -> Activity:
    """An actor changes what it says of itself (BP-06): known to everybody and to its followers."""
    actor = facts.actor(update.actor)
    assert actor is not None, "whoever posts is known"
    names = Names(str(origin_of(actor.id)))
    stored = with_links(parse(actor.document), names)
    if id_of(patch.get("streams")) == collection_id(actor.id, "streams"):  # shown, and not stored
        patch = {name: one for name, one in patch.items() if name != "streams"}
    whole = merged(stored, with_aliases(patch, stored), kept=ACTOR_MANAGED)
    if len(str(whole.get("name", ""))) > limits.DISPLAY_NAME:
        raise BadInput(f"It may have {limits.DISPLAY_NAME} characters.", pointer="/object/name")
    whole = posts.with_own_emoji(whole, update, facts)
    context = with_terms(whole.pop("@context"), whole)
    document = {**update.document, "@context": context, "object": whole}
    changed = Activity(document, update.id, update.type, update.actor, update.addressed)
    if changed.audience.everyone:
        return changed
    followers = () if actor.followers is None else (actor.followers,)
    return addressed_to(changed, Audience(to=(PUBLIC,), cc=followers))
