"""Whose key is it? Reading keys out of documents, and the proof of ownership.

A signature names its key by an IRI. What lies there is one of three things: the actor itself, with
the key inside (`…/users/ann#main-key`); a document of the key alone, which names its owner; or a
stub of the actor (GoToSocial's `…/main-key`). All of them are the word of whoever runs that URL,
and anybody can publish a key and call somebody else its owner (CVE-2026-96625). So ownership is
shown in both directions: the key names its owner, and the owner's own document, fetched from the
owner's id, lists the key (`is_listed`). Only then may what it signed count as the owner's.

Keys stand in `publicKey` (security/v1: `owner`, `publicKeyPem`) and in `assertionMethod` (FEP-521a:
`controller`, `publicKeyMultibase`). An entry that cannot be read is passed over: one odd key must
not shut out the good one beside it, and never stop the server.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from apserver.core import limits
from apserver.core.keys import PublicKey
from apserver.core.origin import same_origin
from apserver.errors import NotTrusted

_LISTS = ("publicKey", "assertionMethod")


@dataclass(frozen=True, slots=True)
class KeyEntry:
    """A usable key as a document presents it: its IRI, who it says owns it, and the key."""

    id: str
    owner: str
    key: PublicKey


def parse_key_document(document: Mapping[str, object]) -> tuple[KeyEntry, ...]:
    """The keys that a document holds: its own, when it is a key document, then those of an actor.

    A key inside an actor counts only when it names that actor as its owner. Malformed and
    unusable entries are left out; so are plain links to keys (see `is_listed`).
    """
    own = _entry(document)
    return (*([] if own is None else [own]), *_held(document))


def find_key(entries: tuple[KeyEntry, ...], key_id: str) -> KeyEntry:
    """The entry with that id, fragment included.

    Raises NotTrusted when there is no key at all, or only others: neither proves anything.
    """
    for entry in entries:
        if is_same_key_id(entry.id, key_id):
            return entry
    raise NotTrusted(
        "The document at keyId holds other keys than the one named."
        if entries
        else "The document at keyId holds no usable key. Publish publicKeyPem or a Multikey."
    )


def is_listed(entry: KeyEntry, actor: Mapping[str, object]) -> bool:
    """Whether an actor's document, fetched from the actor's id, lists the key as its own.

    It does so by holding the same key under the same id, or by linking to that id. Key and owner
    must live on one origin (FEP-fe34).
    """
    if actor.get("id") != entry.owner or not same_origin(entry.id, entry.owner):
        return False
    if any(isinstance(link, str) and is_same_key_id(link, entry.id) for link in _listed(actor)):
        return True
    return any(is_same_key_id(held.id, entry.id) and held.key == entry.key for held in _held(actor))


def is_same_key_id(one: str, other: str) -> bool:
    """Whether two key ids are equal; `<actor>/#main-key` is `<actor>#main-key` (BookWyrm)."""
    return one.replace("/#", "#", 1) == other.replace("/#", "#", 1)


def key_document_url(key_id: str) -> str:
    """Where to fetch a key: its id without the fragment.

    Raises NotTrusted when it is no http(s) URL, such as the old `acct:` form.
    """
    if not key_id.startswith(("https://", "http://")):
        raise NotTrusted("keyId must be the https URL of a key or an actor.")
    return key_id.partition("#")[0]


def _listed(document: Mapping[str, object]) -> Iterator[object]:
    for name in _LISTS:
        value = document.get(name)
        yield from islice(value if isinstance(value, list) else [value], limits.KEYS_PER_DOCUMENT)


def _held(document: Mapping[str, object]) -> Iterator[KeyEntry]:
    for value in _listed(document):
        entry = _entry(value) if isinstance(value, Mapping) else None
        if entry is not None and entry.owner == document.get("id"):
            yield entry


def _entry(value: Mapping[str, object]) -> KeyEntry | None:
    key_id, owner = value.get("id"), value.get("owner") or value.get("controller")
    if not isinstance(key_id, str) or not isinstance(owner, str) or not key_id:
        return None
    try:
        key = _key(value)
    except NotTrusted:
        return None
    return None if key is None else KeyEntry(key_id, owner, key)


def _key(value: Mapping[str, object]) -> PublicKey | None:
    pem, multikey = value.get("publicKeyPem"), value.get("publicKeyMultibase")
    if isinstance(pem, str):
        return PublicKey.from_pem(pem)
    return PublicKey.from_multikey(multikey) if isinstance(multikey, str) else None
