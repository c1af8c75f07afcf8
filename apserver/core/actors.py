"""Actor documents: what we publish of ours, and what we read in those of others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from apserver.core import limits
from apserver.core.document import as_list, first, id_of, types_of
from apserver.core.keys import PublicKey
from apserver.core.names import COLLECTIONS, Names, collection_id, key_id
from apserver.core.origin import check_id, same_origin
from apserver.core.vocabulary import (
    ACTOR_TYPES,
    AS2_CONTEXT,
    MULTIKEY_CONTEXT,
    SECURITY_CONTEXT,
)
from apserver.errors import BadInput

#: Where Mastodon looks for pinned posts, and what FEP-c648 and FEP-4ccd call the others.
_MORE_COLLECTIONS = {
    "featured": "http://joinmastodon.org/ns#featured",
    "blocked": "https://purl.archive.org/socialweb/blocked#blocked",
    "pendingFollowers": "https://purl.archive.org/socialweb/pending#pendingFollowers",
    "pendingFollowing": "https://purl.archive.org/socialweb/pending#pendingFollowing",
}
#: Terms that no context defines which all servers have on board.
_TERMS: dict[str, Any] = {
    "manuallyApprovesFollowers": "as:manuallyApprovesFollowers",
    "assertionMethod": {
        "@id": "https://w3id.org/security#assertionMethod",
        "@type": "@id",
        "@container": "@set",
    },
    "webfinger": "https://purl.archive.org/socialweb/webfinger#webfinger",
    "implements": {
        "@id": "https://w3id.org/fep/844e#implements",
        "@type": "@id",
        "@container": "@set",
    },
    **{name: {"@id": iri, "@type": "@id"} for name, iri in _MORE_COLLECTIONS.items()},
}


@dataclass(frozen=True, slots=True)
class OwnKeys:
    """The public keys of an actor of ours."""

    rsa: PublicKey
    ed25519: PublicKey


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
    moved_to: str | None = None


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
        moved_to=_elsewhere(id_, id_of(first(document.get("movedTo")))),
    )


def _shared_inbox(document: Mapping[str, Any]) -> str | None:
    named = first(document.get("endpoints"))
    nested = named.get("sharedInbox") if isinstance(named, Mapping) else None
    return id_of(first(nested or document.get("sharedInbox")))


def _elsewhere(id_: str, moved_to: str | None) -> str | None:
    is_elsewhere = moved_to is not None and moved_to != id_ and len(moved_to) <= limits.IRI
    return moved_to if is_elsewhere else None


def _on_origin_of(id_: str, other: str | None) -> str | None:
    try:
        return other if other is not None and same_origin(id_, other) else None
    except BadInput:
        return None


def own_actor(
    names: Names,
    *,
    name: str,
    handle_host: str,
    type_: str,
    display_name: str | None,
    manual_approval: bool,
    keys: OwnKeys,
    published: str,
    thing: str | None = None,
) -> dict[str, Any]:
    """The document of an actor of ours, in the shape that all servers read (interop 1.2).

    `webfinger` tells the handle (FEP-2c59), whose host may be another than that of the id.
    ``thing`` is what it stands for on the site that uses this server: its page, and another id.
    """
    id_ = names.actor(name)
    return {
        "@context": [AS2_CONTEXT, SECURITY_CONTEXT, MULTIKEY_CONTEXT, _TERMS],
        "id": id_,
        "type": type_,
        "preferredUsername": name,
        "webfinger": f"{name}@{handle_host}",
        "name": display_name or name,
        "url": thing or id_,
        **({} if thing is None else {"alsoKnownAs": [thing]}),
        **_links(names, id_),
        "manuallyApprovesFollowers": manual_approval,
        "published": published,
        **key_members(id_, keys),
        **_capabilities(names, id_),
    }


def with_links(document: Mapping[str, Any], names: Names) -> dict[str, Any]:
    """The document of an actor of ours with all that `own_actor` links to now. One that was stored
    by an earlier version may lack some of it, and the terms for it."""
    missing = [name for name in _MORE_COLLECTIONS if name not in document]
    whole = {**document, **_links(names, str(document["id"]))}
    if missing:
        terms = {name: _TERMS[name] for name in missing}
        whole["@context"] = [*as_list(document.get("@context")), terms]
    return whole


def endpoints(names: Names) -> dict[str, str]:
    """What the server has for all its actors (ActivityPub 4.1)."""
    return {"sharedInbox": names.shared_inbox, "proxyUrl": names.proxy}


def _links(names: Names, id_: str) -> dict[str, Any]:
    collections = {name: collection_id(id_, name) for name in (*COLLECTIONS, *_MORE_COLLECTIONS)}
    return {**collections, "endpoints": endpoints(names)}


def key_members(id_: str, keys: OwnKeys) -> dict[str, Any]:
    """The members of an actor document that hold its keys.

    RSA in `publicKey`, one object, where all servers look; Ed25519 as a Multikey (FEP-521a).
    """
    multikey = {
        "id": key_id(id_, "ed25519"),
        "type": "Multikey",
        "controller": id_,
        "publicKeyMultibase": keys.ed25519.multikey(),
    }
    return {
        "publicKey": {"id": key_id(id_), "owner": id_, "publicKeyPem": keys.rsa.pem()},
        "assertionMethod": [multikey],
    }


def _capabilities(names: Names, id_: str) -> dict[str, Any]:
    """What the server can do, at the actor that stands for it (FEP-844e)."""
    rfc9421 = {
        "type": "Link",
        "href": "https://datatracker.ietf.org/doc/html/rfc9421",
        "name": "RFC-9421: HTTP Message Signatures",
    }
    if id_ == names.instance:
        return {"implements": [rfc9421]}
    return {"generator": {"id": names.instance, "type": "Application", "implements": [rfc9421]}}


def handle(name: str, handle_host: str) -> str:
    """``@ann@example.org``."""
    return f"@{name}@{handle_host}"
