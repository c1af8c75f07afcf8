"""Other spellings of what we read: names of Activity Streams 1.0, and compact IRIs."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apserver.core.contexts import KnownContexts, Verdict, judge
from apserver.core.document import parse
from apserver.resources import load_contexts
from tests.doubles.peer import Peer
from tests.doubles.server import CONTEXT, PUBLIC, Server
from tests.security.steps import accepted, inbox

KNOWN = KnownContexts.of(load_contexts())
AS = f"{CONTEXT}#"


@pytest.mark.parametrize(
    ("old", "read"),
    [
        ({"displayName": "Ann"}, {"name": "Ann"}),
        ({"objectType": "note"}, {"type": "Note"}),
        ({"verb": "like", "objectType": "activity"}, {"type": "Like"}),
        (
            {"verb": "post", "object": {"objectType": "note"}},
            {"type": "Create", "object": {"type": "Note"}},
        ),
        (
            {"verb": "post", "target": "https://x.example/1"},
            {"type": "Add", "target": "https://x.example/1"},
        ),
        ({"verb": "http://activitystrea.ms/schema/1.0/follow"}, {"type": "Follow"}),
        ({"verb": "high-five", "title": "x"}, {"type": "high-five", "title": "x"}),
        (
            {"objectType": "article", "tag": [{"objectType": "person"}]},
            {"type": "Article", "tag": [{"type": "Person"}]},
        ),
        # The names of 2.0 are preferred; beside them the others are somebody's own.
        ({"type": "Like", "verb": "delete"}, {"type": "Like", "verb": "delete"}),
        ({"name": "Ann", "displayName": "Bob"}, {"name": "Ann", "displayName": "Bob"}),
        (
            {"nameMap": {"en": "Ann"}, "displayName": "Bob"},
            {"nameMap": {"en": "Ann"}, "displayName": "Bob"},
        ),
        ({"@type": "Like", "verb": "delete"}, {"@type": "Like", "verb": "delete"}),
        ({"verb": ["like"]}, {"verb": ["like"]}),
        ({"actionData": {"verb": "post"}}, {"actionData": {"verb": "post"}}),
        (
            {"@context": {"verb": "https://x.example/verb"}},
            {"@context": {"verb": "https://x.example/verb"}},
        ),
    ],
)
def test_AS_14_as1_names_are_read(old: dict[str, Any], read: dict[str, Any]) -> None:
    """AS-14: displayName is name, verb and objectType are type, "post" is Create, or Add."""
    assert parse(json.dumps(old).encode()) == read


@given(
    st.recursive(
        st.text("adlnoptv", max_size=4) | st.none(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(("verb", "objectType", "displayName", "name", "type", "object")),
                inner,
                max_size=4,
            )
        ),
        max_leaves=20,
    ).filter(lambda value: isinstance(value, dict))
)
def test_AS_14_reading_again_changes_nothing(document: dict[str, Any]) -> None:
    """AS-14: what is stored reads as what came."""
    once = parse(json.dumps(document).encode())
    assert parse(json.dumps(once).encode()) == once


async def test_AS_14_an_as1_activity_of_another_server(server: Server, peer: Peer) -> None:
    """AS-14: it has the effects of what it says, and is shown in the names of 2.0."""
    create = peer.create("carol", "hello", server.id("ann"))
    del create["type"], create["object"]["type"]
    create |= {"verb": "post", "objectType": "activity"}
    create["object"] |= {"objectType": "note", "displayName": "An old name"}
    await accepted(server, peer, create, by="carol")
    [seen] = await inbox(server)
    assert (seen["type"], seen["object"]["type"]) == ("Create", "Note")
    assert seen["object"]["name"] == "An old name"
    assert not {"verb", "objectType", "displayName"} & (seen.keys() | seen["object"].keys())
    [stored] = await server.rows("SELECT type FROM object")
    assert stored == {"type": "Note"}


async def test_AS_14_an_as1_activity_of_our_own_client(server: Server) -> None:
    """AS-14: the same at the outbox, for a bare object too."""
    made = await server.post("ann", {"objectType": "note", "displayName": "x", "to": [PUBLIC]})
    assert made.status == 201, made.text
    assert (made.json["type"], made.json["object"]["type"]) == ("Create", "Note")
    assert made.json["object"]["name"] == "x"


SPELLINGS = {
    "prefix of the context": ({}, "as:"),
    "the IRI in full": ({}, AS),
    "a prefix of one's own": ({"streams": AS}, "streams:"),
    "a prefix made of a prefix": (
        {"web": "https://www.w3.org/", "s": "web:ns/activitystreams#"},
        "s:",
    ),
}


@pytest.mark.parametrize(("context", "prefix"), SPELLINGS.values(), ids=SPELLINGS)
async def test_AS_30_compact_names_of_members(
    server: Server, peer: Peer, context: dict[str, str], prefix: str
) -> None:
    """AS-30: a member is what its name expands to."""
    create = peer.create("carol", "hello", server.id("ann"))
    create[f"{prefix}object"] = create.pop("object")
    create["@context"] = [CONTEXT, context]
    await accepted(server, peer, create, by="carol")
    [seen] = await inbox(server)
    assert seen["object"]["content"] == "hello"
    assert f"{prefix}object" not in seen


async def test_AS_30_a_second_spelling_hides_nothing(server: Server, peer: Peer) -> None:
    """AS-30, CVE-2024-32983: two actors are two, in two spellings too."""
    create = peer.create("carol", "hello", server.id("ann"))
    create["as:actor"] = {"id": server.id("bob")}
    reply = await peer.send(f"{server.id('ann')}/inbox", create, by="carol")
    assert reply.status == 400, reply.text
    assert await server.rows("SELECT FROM activity") == []


async def test_AS_30_compact_ids(server: Server, peer: Peer) -> None:
    """AS-30: an id is what it expands to, and judged as that."""
    create = peer.create("carol", "hello", server.id("ann"))
    whole = {"id": create["id"], "actor": create["actor"], "object": create["object"]["id"]}
    create |= {"@context": [CONTEXT, {"here": f"{peer.origin}/"}]}
    create["id"] = create["id"].replace(f"{peer.origin}/", "here:")
    create["actor"] = create["actor"].replace(f"{peer.origin}/", "here:")
    create["object"]["id"] = create["object"]["id"].replace(f"{peer.origin}/", "here:")
    await accepted(server, peer, create, by="carol")
    [seen] = await inbox(server)
    assert (seen["id"], seen["actor"], seen["object"]["id"]) == tuple(whole.values())


@pytest.mark.parametrize(
    "members",
    [
        {"https://schema.org/object": "x", "schema:name": "x", "toot:focus": [0, 0]},
        {"id": "tag:x.example,2026:1", "actor": "did:key:z6Mk", "object": "urn:uuid:1"},
        {"id": "https://x.example/1", "object": "ap://did:key:z6Mk/1"},
        {"as:sensitive": True, "as:Hashtag": "x"},
    ],
)
def test_AS_30_other_names_and_schemes_are_left_alone(members: dict[str, Any]) -> None:
    """AS-30, AS-07, IO-85: what is none of ours is no reason for the long way."""
    prefixes = {"toot": "http://joinmastodon.org/ns#", "schema": "http://schema.org#"}
    assert judge({"@context": [CONTEXT, prefixes], **members}, KNOWN) is Verdict.ADDITIVE
