"""What we publish of our actors means in JSON-LD what it says: keys and capabilities."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from pyld import jsonld

from apserver.core.actors import OwnKeys, own_actor
from apserver.core.contexts import KnownContexts, Verdict, judge
from apserver.core.key_documents import find_key, is_listed, parse_key_document
from apserver.core.keys import PrivateKey
from apserver.core.names import Names
from apserver.resources import load_contexts

RFC_KEYS = json.loads(
    (Path(__file__).parents[1] / "vectors" / "rfc9421_appendix_b.json").read_text()
)["keys"]
RSA, ED25519 = (
    PrivateKey.of(load_pem_private_key(RFC_KEYS[name]["privatePem"].encode(), None)).public()
    for name in ("test-key-rsa", "test-key-ed25519")
)
NAMES = Names("https://social.example")
ANN = "https://social.example/actors/ann"
CONTEXTS = load_contexts()
SECURITY = "https://w3id.org/security#"


def document(name: str = "ann") -> dict[str, Any]:
    return own_actor(
        NAMES,
        name=name,
        handle_host="social.example",
        type_="Person",
        display_name=None,
        manual_approval=False,
        keys=OwnKeys(RSA, ED25519),
        published="2026-01-15T12:00:00Z",
    )


def expanded(value: dict[str, Any]) -> dict[str, Any]:
    """The document with every term written out; nothing can be fetched."""

    def load(url: str, _options: Any) -> dict[str, Any]:
        return {"contextUrl": None, "documentUrl": url, "document": CONTEXTS[url]}

    [only] = jsonld.expand(value, {"documentLoader": load})
    result: dict[str, Any] = only
    return result


def depths(value: Any) -> Iterator[int]:
    yield 0
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from (1 + depth for depth in depths(item))


def test_KEY_04_the_multikey_is_one_in_json_ld() -> None:
    """KEY-04, FEP-521a: assertionMethod, Multikey, controller and publicKeyMultibase."""
    [multikey] = expanded(document())[f"{SECURITY}assertionMethod"]
    assert multikey == {
        "@id": f"{ANN}#ed25519-key",
        "@type": [f"{SECURITY}Multikey"],
        f"{SECURITY}controller": [{"@id": ANN}],
        f"{SECURITY}publicKeyMultibase": [
            {"@type": f"{SECURITY}multibase", "@value": ED25519.multikey()}
        ],
    }


def test_IO_07_the_rsa_key_is_one_object_in_public_key() -> None:
    [key] = expanded(document())[f"{SECURITY}publicKey"]
    assert key["@id"] == f"{ANN}#main-key"
    assert key[f"{SECURITY}owner"] == [{"@id": ANN}]
    assert document()["publicKey"] == {
        "id": f"{ANN}#main-key",
        "owner": ANN,
        "publicKeyPem": RSA.pem(),
    }


@pytest.mark.parametrize(("fragment", "key"), [("main-key", RSA), ("ed25519-key", ED25519)])
def test_KEY_02_both_keys_are_read_and_listed_by_their_ids(fragment: str, key: object) -> None:
    entry = find_key(parse_key_document(document()), f"{ANN}#{fragment}")
    assert entry.key == key
    assert is_listed(entry, document())


def test_SIG_R_11_rfc9421_is_advertised() -> None:
    """SIG-R-11, FEP-844e: by the generator of an actor, and by the server's own actor itself."""
    feature = {
        "@type": ["https://www.w3.org/ns/activitystreams#Link"],
        "https://www.w3.org/ns/activitystreams#href": [
            {"@id": "https://datatracker.ietf.org/doc/html/rfc9421"}
        ],
        "https://www.w3.org/ns/activitystreams#name": [
            {"@value": "RFC-9421: HTTP Message Signatures"}
        ],
    }
    [generator] = expanded(document())["https://www.w3.org/ns/activitystreams#generator"]
    assert generator["@id"] == NAMES.instance
    assert generator["https://w3id.org/fep/844e#implements"] == [feature]
    assert expanded(document("instance"))["https://w3id.org/fep/844e#implements"] == [feature]


def test_every_member_means_something() -> None:
    """A member that no context defines would hang on the blank @vocab of ActivityStreams."""
    whole = expanded(document())
    assert [name for name in whole if name.startswith("_:")] == []
    assert len(whole) == len(document()) - 1  # all but @context


def test_IO_56_it_is_shallow_and_others_like_us_read_it_as_plain_json() -> None:
    """IO-56: depth 8 and 64 KiB are what the strictest servers take, in an Update too."""
    update = {"@context": document()["@context"], "type": "Update", "object": document()}
    assert max(depths(update)) <= 8
    assert len(json.dumps(update)) < 64 << 10
    assert judge(document(), KnownContexts.of(CONTEXTS)) is Verdict.ADDITIVE
