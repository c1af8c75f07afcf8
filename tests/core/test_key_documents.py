"""Whose key it is: KEY-01 to KEY-04, IO-18, IO-19, IO-21, and malformed key entries."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apserver.core.key_documents import (
    KeyEntry,
    find_key,
    is_listed,
    is_same_key_id,
    key_document_url,
    parse_key_document,
)
from apserver.core.keys import PublicKey
from apserver.errors import NotTrusted

VECTORS = Path(__file__).parents[1] / "vectors"
KEYS = json.loads((VECTORS / "fediverse_rsa_v1_5.json").read_text())["keys"]
PEM = KEYS["test-key-rsa"]["publicSpkiPem"]
OTHER_PEM = KEYS["test-key-rsa-pss"]["publicSpkiPem"]
MULTIKEY = "z6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ2"

ACTOR = "https://remote.example/users/bob"
KEY_ID = f"{ACTOR}#main-key"
PATH_KEY_ID = f"{ACTOR}/main-key"
RSA = PublicKey.from_pem(PEM)


def public_key(**changes: object) -> dict[str, object]:
    return {"id": KEY_ID, "owner": ACTOR, "publicKeyPem": PEM, **changes}


def multikey(**changes: object) -> dict[str, object]:
    entry = {"id": f"{ACTOR}#ed25519-key", "type": "Multikey", "controller": ACTOR}
    return {**entry, "publicKeyMultibase": MULTIKEY, **changes}


def actor(public: object = None, **members: object) -> dict[str, object]:
    return {"id": ACTOR, "type": "Person", "publicKey": public, **members}


def test_KEY_02_key_inside_an_actor() -> None:
    expected = (KeyEntry(KEY_ID, ACTOR, RSA),)
    assert parse_key_document(actor(public_key())) == expected
    assert parse_key_document(actor([public_key()])) == expected


def test_KEY_02_several_keys_in_order() -> None:
    second = public_key(id=f"{ACTOR}#old", publicKeyPem=OTHER_PEM)
    entries = parse_key_document(actor([public_key(), second]))
    assert [entry.id for entry in entries] == [KEY_ID, f"{ACTOR}#old"]
    assert find_key(entries, f"{ACTOR}#old").key == PublicKey.from_pem(OTHER_PEM)


def test_KEY_02_key_document_of_its_own() -> None:
    assert parse_key_document(public_key()) == (KeyEntry(KEY_ID, ACTOR, RSA),)
    (entry,) = parse_key_document(multikey())
    assert (entry.owner, entry.key.kind) == (ACTOR, "ed25519")


def test_KEY_02_key_not_found_and_key_not_matching() -> None:
    with pytest.raises(NotTrusted, match="no usable key"):
        find_key(parse_key_document(actor({"id": KEY_ID, "owner": ACTOR})), KEY_ID)
    with pytest.raises(NotTrusted, match="other keys"):
        find_key(parse_key_document(actor(public_key())), f"{ACTOR}#other")
    with pytest.raises(NotTrusted, match="other keys"):
        find_key(parse_key_document(actor(public_key())), ACTOR)


def test_KEY_03_IO_18_stub_of_an_actor_at_a_path() -> None:
    """GoToSocial: the document at …/main-key is the actor, without inbox."""
    entries = parse_key_document(actor(public_key(id=PATH_KEY_ID)))
    entry = find_key(entries, PATH_KEY_ID)
    assert entry.owner == ACTOR
    assert is_listed(entry, actor(public_key(id=PATH_KEY_ID), inbox=f"{ACTOR}/inbox"))


def test_KEY_04_assertion_method_beside_public_key() -> None:
    entries = parse_key_document(actor(public_key(), assertionMethod=[multikey()]))
    assert [(entry.id, entry.key.kind) for entry in entries] == [
        (KEY_ID, "rsa"),
        (f"{ACTOR}#ed25519-key", "ed25519"),
    ]
    assert all(
        is_listed(entry, actor(public_key(), assertionMethod=multikey())) for entry in entries
    )


def test_KEY_04_rsa_multikey() -> None:
    (entry,) = parse_key_document(
        actor(assertionMethod=multikey(publicKeyMultibase=RSA.multikey()))
    )
    assert entry.key == RSA


@pytest.mark.parametrize(
    "spelling", [f"{ACTOR}/#main-key", f"{ACTOR}#main-key"], ids=["with slash", "without"]
)
def test_IO_19_slash_before_the_fragment_does_not_matter(spelling: str) -> None:
    """BookWyrm writes <actor>/#main-key."""
    entries = parse_key_document(actor(public_key(id=spelling)))
    for asked in (f"{ACTOR}/#main-key", f"{ACTOR}#main-key"):
        assert find_key(entries, asked).key == RSA


@pytest.mark.parametrize(
    "other", [ACTOR, f"{ACTOR}#Main-key", f"{ACTOR}#", f"{ACTOR}x#main-key", PATH_KEY_ID, ""]
)
def test_KEY_02_other_ids_are_other_keys(other: str) -> None:
    assert not is_same_key_id(KEY_ID, other)


def test_KEY_01_the_key_is_fetched_without_its_fragment() -> None:
    assert key_document_url(KEY_ID) == ACTOR
    assert key_document_url(PATH_KEY_ID) == PATH_KEY_ID
    assert (
        key_document_url("https://wp.example/?author=1#main-key") == "https://wp.example/?author=1"
    )


@pytest.mark.parametrize(
    "key_id", ["acct:bob@remote.example", "#main-key", "", "did:key:z6Mk", "Test"]
)
def test_IO_19_key_id_that_is_no_url_is_refused(key_id: str) -> None:
    with pytest.raises(NotTrusted) as refusal:
        key_document_url(key_id)
    assert refusal.value.status == 401


def test_CVE_2026_96625_the_owner_must_list_the_key() -> None:
    """IO-21: a key document elsewhere says that bob owns it; bob's document does not."""
    (claimed,) = parse_key_document(
        public_key(id="https://evil.example/key", publicKeyPem=OTHER_PEM)
    )
    assert claimed.owner == ACTOR
    assert not is_listed(claimed, actor(public_key()))
    assert not is_listed(claimed, actor())


@pytest.mark.parametrize(
    "key_id",
    ["https://keys.example/bob", "http://remote.example/k", "https://remote.example:8443/k"],
)
def test_IO_21_key_and_owner_live_on_one_origin(key_id: str) -> None:
    """FEP-fe34: even a key that the owner links to does not count from another origin."""
    (entry,) = parse_key_document(public_key(id=key_id))
    assert not is_listed(entry, actor(key_id))


def test_KEY_02_listed_by_link_or_by_the_same_key() -> None:
    (entry,) = parse_key_document(public_key(id=PATH_KEY_ID))
    assert is_listed(entry, actor(PATH_KEY_ID))
    assert is_listed(entry, actor([PATH_KEY_ID, "https://remote.example/other"]))
    assert is_listed(entry, actor(assertionMethod=[PATH_KEY_ID]))
    assert is_listed(entry, actor(public_key(id=PATH_KEY_ID)))


def test_KEY_02_the_same_id_with_another_key_is_not_listed() -> None:
    (entry,) = parse_key_document(public_key(publicKeyPem=OTHER_PEM))
    assert not is_listed(entry, actor(public_key()))


def test_GHSA_8863_the_owner_document_must_be_the_owners() -> None:
    """A redirect led to another actor: its id is not the owner that was asked for."""
    (entry,) = parse_key_document(public_key())
    mallory = "https://remote.example/users/mallory"
    assert not is_listed(entry, {**actor(KEY_ID), "id": mallory})
    assert not is_listed(entry, {**actor(public_key()), "id": mallory})
    assert not is_listed(entry, {"publicKey": KEY_ID})


def test_KEY_02_a_key_document_is_no_list_of_its_own_key() -> None:
    """It may call itself its owner; only publicKey and assertionMethod of an actor count."""
    (entry,) = parse_key_document(public_key(owner=KEY_ID))
    assert not is_listed(entry, public_key(owner=KEY_ID))


def test_key_in_an_actor_counts_only_for_that_actor() -> None:
    """Interop 1.3: owner equals the actor's id."""
    assert parse_key_document(actor(public_key(owner="https://remote.example/users/eve"))) == ()
    assert parse_key_document(actor(public_key(owner=None))) == ()


BAD_ENTRIES: list[Any] = [
    None,
    7,
    KEY_ID,
    [],
    {},
    [[public_key()]],
    public_key(id=None),
    public_key(id=""),
    public_key(id=[KEY_ID]),
    public_key(owner=7),
    public_key(owner={"id": ACTOR}),
    public_key(publicKeyPem=None),
    public_key(publicKeyPem=["a"]),
    public_key(publicKeyPem="-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"),
    public_key(publicKeyPem="\ud800"),
    multikey(publicKeyMultibase="z0"),
    multikey(publicKeyMultibase=7),
]


@pytest.mark.parametrize("entry", BAD_ENTRIES)
def test_malformed_key_entry_is_passed_over(entry: Any) -> None:
    assert parse_key_document(actor(entry)) == ()
    beside = [*entry, public_key()] if isinstance(entry, list) else [entry, public_key()]
    assert [found.id for found in parse_key_document(actor(beside))] == [KEY_ID]


def test_only_so_many_keys_are_read() -> None:
    """Each costs work; an actor with thousands must not."""
    entries = parse_key_document(actor([public_key(id=f"{ACTOR}#{n}") for n in range(1000)]))
    assert len(entries) == 16


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=10)
    | st.sampled_from([ACTOR, PEM]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["id", "owner", "controller", "publicKey", "publicKeyPem", "publicKeyMultibase"]
            ),
            inner,
        )
    ),
    max_leaves=8,
)


@given(
    st.dictionaries(st.sampled_from(["id", "owner", "publicKey", "assertionMethod"]), json_values)
)
def test_no_document_breaks_the_reader(document: dict[str, object]) -> None:
    for entry in parse_key_document(document):
        assert isinstance(entry.key, PublicKey)
        assert entry.owner == document["id"] or not is_listed(entry, document)
