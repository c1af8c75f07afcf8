"""What other servers answer to WebFinger, read (RFC 7033 4.4).

A handle is what people type; the id of the actor is who it is. The host of the handle says which
id it stands for (the link ``self``), and which handle it calls the right one (``subject``). Both
are the word of that host alone: who believes a link must look at what it leads to, and who shows
a handle beside an actor must have asked the handle's own host (`apserver.net.discover`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from apserver.core.document import as_list
from apserver.core.origin import Handle, check_id, host_of, parse_handle
from apserver.core.strict_json import read_json
from apserver.core.vocabulary import ACTIVITY_JSON, AS2_CONTEXT, LD_JSON
from apserver.errors import BadInput


@dataclass(frozen=True, slots=True)
class Jrd:
    """An answer: the handle that it is about, if it says so, and the id of its actor."""

    document: Mapping[str, Any]
    subject: Handle | None
    actor: str


def webfinger_url(handle: Handle, *, scheme: str) -> str:
    """Where to ask for a handle; ``scheme`` is https, or http where that is allowed."""
    return f"{scheme}://{handle.host}/.well-known/webfinger?resource=acct:{handle}"


def parse_jrd(body: bytes, *, allow_http: bool) -> Jrd:
    """Read an answer; BadInput when it leads to no actor. Unknown members are passed over."""
    document = read_json(body)
    if not isinstance(document, dict):
        raise BadInput("The answer of WebFinger is no JSON object.")
    subject = document.get("subject")
    return Jrd(document, _handle(subject), check_id(_self(document), allow_http=allow_http))


def _handle(subject: object) -> Handle | None:
    if not isinstance(subject, str) or not subject.lower().startswith("acct:"):
        return None
    return parse_handle(subject)


def _self(document: Mapping[str, Any]) -> object:
    """The first link to the actor as Activity Streams counts (WF-12)."""
    for link in as_list(document.get("links")):
        if isinstance(link, Mapping) and link.get("rel") == "self" and _is_as2(link.get("type")):
            return link.get("href")
    raise BadInput(f'The answer of WebFinger has no link "self" of type {ACTIVITY_JSON}.')


def _is_as2(type_: object) -> bool:
    if not isinstance(type_, str):
        return False
    essence = type_.partition(";")[0].strip().lower()
    return essence == ACTIVITY_JSON or (essence == LD_JSON and AS2_CONTEXT in type_)


def same_handle(one: Handle, other: Handle) -> bool:
    """Whether two handles are one; the case of the name does not count (RFC 7565, WF-15)."""
    return one.host == other.host and one.name.lower() == other.name.lower()


def claimed_handle(actor: Mapping[str, Any]) -> Handle:
    """The handle that an actor's document claims; BadInput when it claims none.

    That is its member ``webfinger`` (FEP-2c59), else ``preferredUsername`` at the host of its id.
    """
    given = actor.get("webfinger")
    if isinstance(given, str):
        return parse_handle(given)
    name, id_ = actor.get("preferredUsername"), actor.get("id")
    if not isinstance(name, str) or not isinstance(id_, str):
        raise BadInput("The actor has no preferredUsername, so it has no handle.")
    return parse_handle(f"{name}@{host_of(id_)}")
