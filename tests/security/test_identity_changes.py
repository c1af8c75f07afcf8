"""Who may change and delete what: its owner alone, and never whose it is or whom it is for."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import StartPeer
from tests.doubles.peer import Peer
from tests.doubles.server import PUBLIC, Server
from tests.flows.steps import check_problem
from tests.security.steps import FORGED, accepted, deliver, forged_words, inbox, known_of

LATER = "2999-01-01T00:00:00Z"


async def told(server: Server, peer: Peer, *to: str, by: str = "dave") -> dict[str, Any]:
    """A note of dave that is stored here."""
    create = peer.create(by, f"{by}'s", *to)
    await accepted(server, peer, create, by=by)
    return create


async def row_of(server: Server, id_: str) -> dict[str, Any]:
    """What is stored of an object."""
    [row] = await server.rows(
        "SELECT a.id AS author, o.visibility, o.audience, o.document, o.deleted_at "
        "FROM object o JOIN actor a ON a.key = o.author WHERE o.id = $1",
        id_,
    )
    return row


@pytest.mark.parametrize("type_", ["Note", "Question"])
async def test_CVE_2026_73090_nobody_takes_over_an_object(
    server: Server, start_peer: StartPeer, type_: str
) -> None:
    """CVE-2026-73090, CVE-2024-52592, CVE-2024-37903, security.md: rule 6: not by Update, Create,
    Delete or Announce, in the owner's name or in one's own, from another server or the same. What
    dave wrote to ann alone, bob does not see."""
    victim, elsewhere = await start_peer("dave", "mallory"), await start_peer("eve")
    said = await told(server, victim, server.id("ann"))
    note = said["object"] | {"type": type_, "updated": LATER, "to": [PUBLIC]}
    before = await row_of(server, note["id"])
    for peer, name in ((elsewhere, "eve"), (victim, "mallory")):
        for author in (victim.id("dave"), peer.id(name), [peer.id(name), victim.id("dave")], None):
            forged = note | {"content": FORGED, "attributedTo": author}
            for verb in ("Update", "Create", "Delete", "Announce", "Add", "Remove", "Undo"):
                made = peer.activity(verb, name, object=forged, target=note["id"], to=[PUBLIC])
                reply = await deliver(server, peer, made, by=name, to="bob")
                assert reply.status in (202, 403), (verb, author, reply.text)
        by_id = peer.activity("Delete", name, object=note["id"], to=[PUBLIC])
        assert (await deliver(server, peer, by_id, by=name, to="bob")).status in (202, 403)
    assert await row_of(server, note["id"]) == before
    assert len(await server.rows("SELECT id FROM object WHERE deleted_at IS NULL")) == 1
    shown = await inbox(server, "bob")
    assert {one["type"] for one in shown} <= {"Announce", "Add", "Remove", "Undo"}
    assert list(forged_words(shown, victim.id("dave"))) == []
    assert "dave's" not in str(shown)
    [seen] = await inbox(server)
    assert seen["object"]["content"] == "dave's"


async def test_security_md_rule_6_the_owner_does_not_widen_it_either(
    server: Server, peer: Peer
) -> None:
    """security.md: rule 6, CVE-2024-37903: an Update changes the words. Who made it, with whom, and
    for whom it is was said when it was made."""
    said = await told(server, peer, server.id("ann"), by="carol")
    before = await row_of(server, said["object"]["id"])
    note = said["object"] | {
        "content": "carol's own words",
        "attributedTo": [peer.id("carol"), peer.id("mallory")],
        "to": [PUBLIC],
        "cc": [server.id("bob")],
        "updated": LATER,
    }
    update = peer.activity("Update", "carol", object=note, to=[server.id("ann")])
    await accepted(server, peer, update, by="carol")
    after = await row_of(server, said["object"]["id"])
    assert b"carol's own words" in after["document"]
    assert peer.id("mallory").encode() not in after["document"]
    for name in ("author", "visibility", "audience"):
        assert after[name] == before[name]


async def test_CVE_2024_23832_nobody_takes_over_an_actor(
    server: Server, start_peer: StartPeer
) -> None:
    """CVE-2024-23832, IO-51: in none of the ways in which mallory's Update of mallory can be read
    as one of dave: where what is updated is a Link, or has two ids."""
    victim, peer = await start_peer("dave"), await start_peer("mallory")
    await told(server, victim, server.id("ann"))
    await told(server, peer, server.id("ann"), by="mallory")
    before = await known_of(server, victim)
    own, dave = peer.id("mallory"), victim.id("dave")
    profile = {**peer.documents["/users/mallory"], "name": FORGED}
    forged: list[Any] = [
        {**profile, "type": ["Person", "Link"], "href": own, "id": dave},
        {**profile, "type": ["Link"], "href": own, "id": dave},
        {**profile, "@id": dave},
        {**profile, "id": dave, "@id": own},
        {**profile, "id": dave},
        [{**profile, "id": dave}, own],
        [own, {**profile, "id": dave}],
        [{**profile, "id": dave}],
    ]
    for object_ in forged:
        update = peer.activity("Update", "mallory", object=object_, to=[PUBLIC, server.id("ann")])
        assert (await deliver(server, peer, update, by="mallory")).status in (400, 403), object_
    assert await known_of(server, victim) == before
    await accepted(
        server, peer, peer.activity("Update", "mallory", object=profile, to=[PUBLIC]), by="mallory"
    )
    [row] = await server.rows("SELECT document FROM actor WHERE id = $1", own)
    assert FORGED.encode() in row["document"]


async def test_IO_51_an_update_that_names_its_actor(server: Server, peer: Peer) -> None:
    """IO-51, IO-39: by its id alone: the actor is fetched from there, and is no object."""
    await told(server, peer, server.id("ann"), by="carol")
    peer.add_actor("carol", summary="Carol II")
    update = peer.activity("Update", "carol", object=peer.id("carol"), to=[PUBLIC])
    await accepted(server, peer, update, by="carol")
    [row] = await server.rows("SELECT document FROM actor WHERE id = $1", peer.id("carol"))
    assert b"Carol II" in row["document"]
    assert await server.rows("SELECT id FROM object WHERE id = $1", peer.id("carol")) == []


async def test_a_tombstone_keeps_nobody_elses_place(server: Server, start_peer: StartPeer) -> None:
    """security.md: rule 6, fault 16: mallory, of the same server, deletes what is not there yet.
    Its author can still make it, and can still delete it first."""
    peer = await start_peer("carol", "mallory")
    create = peer.create("carol", "carol's", server.id("ann"))
    for by in ("mallory", "carol"):
        delete = peer.activity("Delete", by, object=create["object"]["id"], to=[PUBLIC])
        await accepted(server, peer, delete, by=by)
        if by == "mallory":
            other = peer.create("carol", "carol's", server.id("ann"))
            early = peer.activity("Delete", by, object=other["object"]["id"], to=[PUBLIC])
            await accepted(server, peer, early, by=by)
            await accepted(server, peer, other, by="carol")
            assert "carol's" in str(await inbox(server))
    await accepted(server, peer, create, by="carol")
    update = peer.activity("Update", "carol", object=create["object"], to=[server.id("ann")])
    await accepted(server, peer, update, by="carol")
    assert create["id"] not in [one["id"] for one in await inbox(server)]
    assert update["id"] not in [one["id"] for one in await inbox(server)]


async def test_a_deleted_id_does_not_change_hands(server: Server, start_peer: StartPeer) -> None:
    """security.md: rule 6: what carol made and deleted stays hers. mallory, of the same server,
    does not speak where carol's note was shown."""
    peer = await start_peer("carol", "mallory")
    said = await told(server, peer, server.id("ann"), by="carol")
    delete = peer.activity("Delete", "carol", object=said["object"]["id"], to=[PUBLIC])
    await accepted(server, peer, delete, by="carol")
    for author in (peer.id("mallory"), None):
        forged = said["object"] | {"content": FORGED, "attributedTo": author}
        for verb in ("Create", "Update"):
            made = peer.activity(verb, "mallory", object=forged, to=[server.id("ann")])
            await accepted(server, peer, made, by="mallory")
    assert FORGED not in str(await inbox(server))
    assert (await row_of(server, said["object"]["id"]))["author"] == peer.id("carol")


@pytest.mark.parametrize("type_", ["Add", "Remove"])
async def test_security_md_rule_6_nobody_fills_the_collections_of_others(
    server: Server, peer: Peer, type_: str
) -> None:
    """security.md: rule 6, IO-84: Add and Remove do nothing to collections here."""
    sent = await server.note("ann", "hello", PUBLIC)
    await told(server, peer, server.id("ann"), by="carol")
    before = await server.rows("SELECT collection, item FROM member ORDER BY 1, 2")
    names = ("followers", "following", "liked", "inbox", "outbox", "featured")
    for name in names:
        target = f"{server.id('ann')}/{name}"
        made = peer.activity(type_, "carol", object=sent["id"], target=target, to=[PUBLIC])
        await accepted(server, peer, made, by="carol", to="")
    assert await server.rows("SELECT collection, item FROM member ORDER BY 1, 2") == before


@pytest.mark.parametrize(
    "id_",
    ["", "_:b0", "note", "javascript:alert(1)", 7, "x" * 3000, "#fragment"],
    ids=lambda id_: str(id_)[:12],
)
async def test_security_md_relative_blank_ids(server: Server, peer: Peer, id_: Any) -> None:
    """security.md: relative / blank ids: 400 at the door, and nothing stored."""
    before = await server.contents()
    ids = [id_, f"{peer.origin}/{id_}"] if len(str(id_)) > 2048 else [id_]
    for one in ids:
        create = peer.create("carol", "hello", server.id("ann"), id=one)
        check_problem(await deliver(server, peer, create, by="carol"), 400)
        create = {**peer.create("carol", "hello", server.id("ann")), "id": one}
        assert (await deliver(server, peer, create, by="carol")).status == 400
    assert await server.contents() == before
