"""Actor documents: what we publish of ours, and what we read in those of others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from apserver.core.document import first, id_of, types_of
from apserver.core.names import Names, collection_id, key_id
from apserver.core.origin import check_id, same_origin
from apserver.core.vocabulary import ACTIVITY_JSON, ACTOR_TYPES, AS2_CONTEXT, SECURITY_CONTEXT
from apserver.errors import BadInput


@dataclass(frozen=True, slots=True)
class Profile:
    """What we need to know of an actor elsewhere."""

    id: str
    type: str
    name: str | None
    inbox: str
    shared_inbox: str | None
    followers: str | None
    manual_approval: bool


def parse_actor(document: Mapping[str, Any], *, allow_http: bool) -> Profile:
    """Read an actor document; BadInput when it is none that could be written to.

    Any type will do as long as it has an inbox (AP-ACT-01). A shared inbox counts only on the
    origin of the inbox, a followers collection only on that of the actor (FEP-fe34).
    """
    id_ = check_id(document.get("id"), allow_http=allow_http)
    inbox = id_of(first(document.get("inbox")))
    if inbox is None:
        raise BadInput("The actor has no inbox.", pointer="/inbox")
    check_id(inbox, allow_http=allow_http)
    types = types_of(document)
    name = document.get("preferredUsername")
    return Profile(
        id=id_,
        type=next((one for one in types if one in ACTOR_TYPES), types[0] if types else "Object"),
        name=name if isinstance(name, str) and len(name) <= 2_048 else None,
        inbox=inbox,
        shared_inbox=_on_origin_of(inbox, _shared_inbox(document)),
        followers=_on_origin_of(id_, id_of(first(document.get("followers")))),
        manual_approval=document.get("manuallyApprovesFollowers") is True,
    )


def _shared_inbox(document: Mapping[str, Any]) -> str | None:
    endpoints = first(document.get("endpoints"))
    nested = endpoints.get("sharedInbox") if isinstance(endpoints, Mapping) else None
    return id_of(first(nested or document.get("sharedInbox")))


def _on_origin_of(id_: str, other: str | None) -> str | None:
    try:
        return other if other is not None and same_origin(id_, other) else None
    except BadInput:
        return None


def own_actor(
    names: Names,
    *,
    name: str,
    type_: str,
    display_name: str | None,
    manual_approval: bool,
    public_key_pem: str,
    published: str,
) -> dict[str, Any]:
    """The document of an actor of ours, in the shape that all servers read (interop 1.2)."""
    id_ = names.actor(name)
    return {
        "@context": [
            AS2_CONTEXT,
            SECURITY_CONTEXT,
            {"manuallyApprovesFollowers": "as:manuallyApprovesFollowers"},
        ],
        "id": id_,
        "type": type_,
        "preferredUsername": name,
        "name": display_name or name,
        "url": id_,
        "inbox": collection_id(id_, "inbox"),
        "outbox": collection_id(id_, "outbox"),
        "followers": collection_id(id_, "followers"),
        "following": collection_id(id_, "following"),
        "liked": collection_id(id_, "liked"),
        "endpoints": {"sharedInbox": names.shared_inbox},
        "manuallyApprovesFollowers": manual_approval,
        "published": published,
        "publicKey": {"id": key_id(id_), "owner": id_, "publicKeyPem": public_key_pem},
    }


def handle(name: str, handle_host: str) -> str:
    """``@ann@example.org``."""
    return f"@{name}@{handle_host}"


def webfinger(actor: str, name: str, handle_host: str) -> dict[str, Any]:
    """The JRD of an actor of ours (RFC 7033 4.4): one link to the actor (WF-12)."""
    return {
        "subject": f"acct:{quote(name, safe='')}@{handle_host}",
        "aliases": [actor],
        "links": [{"rel": "self", "type": ACTIVITY_JSON, "href": actor}],
    }
