"""Update and Delete of objects: by our clients, and by other servers."""

from __future__ import annotations

from typing import Any

from apserver.core import limits
from tests.doubles.peer import Peer
from tests.doubles.server import CONTEXT, PUBLIC, Server, until
from tests.flows.steps import check_problem
from tests.flows.verb_steps import as_made


async def _shared(server: Server, peer: Peer) -> None:
    """ann follows carol and carol follows ann, both accepted."""
    follow = peer.follow("carol", server.id("ann"))
    await peer.send(f"{server.id('ann')}/inbox", follow, by="carol")
    await peer.wait("Accept")
    await server.post("ann", {"type": "Follow", "object": peer.id("carol")})
    [asked] = await peer.wait("Follow")
    accept = peer.activity("Accept", "carol", object=asked.json)
    await peer.send(f"{server.id('ann')}/inbox", accept, by="carol")

    async def follows() -> bool:
        return await server.items("ann", "following", as_="ann") == [peer.id("carol")]

    await until(follows)


async def _edit(server: Server, object_: dict[str, Any]) -> Any:
    return await server.post("ann", {"@context": CONTEXT, "type": "Update", "object": object_})


async def _seen(
    server: Server, peer: Peer, activity: Any, *, by: str = "carol", status: int = 202
) -> Any:
    """Send an activity to the shared inbox; the inbox of ann afterwards."""
    reply = await peer.send(f"{server.origin}/inbox", activity, by=by)
    assert reply.status == status, reply.text
    await server.drained()
    return await server.items("ann", "inbox", as_="ann")


async def test_AP_C2S_24_update_is_partial(server: Server, peer: Peer) -> None:
    """AP-C2S-23, AP-C2S-24, AP-C2S-25, AP-C2S-26: what is given replaces, null removes, the
    rest stays; delivered and shown is the whole."""
    await _shared(server, peer)
    note = await server.note("ann", "first", PUBLIC, cc=[f"{server.id('ann')}/followers"])
    id_ = note["object"]["id"]
    named = await _edit(server, {"id": id_, "type": "Note", "summary": "about", "name": "N"})
    assert named.status == 201, named.text
    reply = await _edit(server, {"id": id_, "type": "Note", "content": "second", "name": None})
    assert reply.status == 201, reply.text
    shown = as_made((await server.get(id_)).json)
    assert shown["content"] == "second"
    assert shown["summary"] == "about"
    assert "name" not in shown
    assert shown["attributedTo"] == server.id("ann")
    assert shown["published"] == note["object"]["published"]
    assert shown["updated"]
    assert shown["to"] == [PUBLIC]
    updates = await peer.wait("Update", times=2)
    assert updates[-1].json["object"] == {k: v for k, v in shown.items() if k != "@context"}
    assert updates[-1].json["to"] == [PUBLIC]
    [create] = [x for x in await server.items("ann", "outbox") if x["type"] == "Create"]
    assert create["object"]["content"] == "second"


async def test_AP_C2S_24_what_stays_keeps_its_meaning(server: Server, peer: Peer) -> None:
    """AP-C2S-24: the @context of what stays is kept with that of what comes, each entry once; one
    that grows beyond what others read is refused (AP-OBJ-01)."""
    await _shared(server, peer)
    mine, more = {"mine": "https://ann.example/#mine"}, {"more": "https://ann.example/#more"}
    note = {"type": "Note", "content": "x", "mine": "kept", "to": [PUBLIC]}
    note["cc"] = [f"{server.id('ann')}/followers"]
    made = await server.post("ann", {"@context": [CONTEXT, mine], **note})
    id_ = made.json["object"]["id"]
    for context in (CONTEXT, [CONTEXT, more], [CONTEXT, mine]):
        patch = {"id": id_, "type": "Note", "more": "new"}
        reply = await server.post("ann", {"@context": context, "type": "Update", "object": patch})
        assert reply.status == 201, reply.text
    shown = (await server.get(id_)).json
    assert shown["@context"] == [CONTEXT, mine, more]
    assert (shown["mine"], shown["more"]) == ("kept", "new")
    [*_, last] = await peer.wait("Update", times=3)
    assert last.json["@context"] == [CONTEXT, mine, more]
    for n in range(limits.CONTEXT_ENTRIES):
        context = [CONTEXT, {f"t{n}": f"https://ann.example/#{n}"}]
        reply = await server.post(
            "ann",
            {"@context": context, "type": "Update", "object": {"id": id_, "content": "y"}},
        )
    check_problem(reply, 400, "/@context")


async def test_AP_C2S_23_only_the_author_updates(server: Server) -> None:
    note = await server.note("bob", "bob's", PUBLIC)
    reply = await _edit(server, {"id": note["object"]["id"], "type": "Note", "content": "mine"})
    assert reply.status == 403
    assert (await server.get(note["object"]["id"])).json["content"] == "bob's"
    unknown = await _edit(server, {"id": f"{server.origin}/objects/none", "content": "x"})
    assert unknown.status == 404


async def test_AP_C2S_23_members_of_the_server_stay(server: Server) -> None:
    note = await server.note("ann", "text", PUBLIC)
    for name, value in {
        "attributedTo": server.id("bob"),
        "published": "2001-01-01T00:00:00Z",
    }.items():
        reply = await _edit(server, {"id": note["object"]["id"], name: value})
        assert reply.status == 400, reply.text
        assert reply.json["pointer"] == f"/object/{name}"


async def test_AP_C2S_27_delete_leaves_a_tombstone(server: Server, peer: Peer) -> None:
    """AP-C2S-27, 28, IO-53, IO-89: 410 with a Tombstone, embedded in what is delivered; the
    outbox shows nothing of the text any more; a second Delete and an Update are refused."""
    await _shared(server, peer)
    note = await server.note("ann", "secret", PUBLIC, cc=[f"{server.id('ann')}/followers"])
    id_ = note["object"]["id"]
    reply = await server.post("ann", {"type": "Delete", "object": id_})
    assert reply.status == 201, reply.text
    gone = await server.get(id_)
    assert gone.status == 410
    assert gone.json["type"] == "Tombstone"
    assert gone.json["formerType"] == "Note"
    assert gone.json["deleted"]
    [delete] = await peer.wait("Delete")
    assert delete.json["object"]["type"] == "Tombstone"
    assert delete.json["object"]["id"] == id_
    assert delete.json["to"] == [PUBLIC]
    page = await server.get("/actors/ann/outbox?page=first")
    assert "secret" not in page.text
    assert (await server.post("ann", {"type": "Delete", "object": id_})).status == 410
    assert (await _edit(server, {"id": id_, "content": "back"})).status == 410


async def test_AP_C2S_27_only_the_author_deletes(server: Server) -> None:
    note = await server.note("bob", "bob's", PUBLIC)
    reply = await server.post("ann", {"type": "Delete", "object": note["object"]["id"]})
    assert reply.status == 403
    assert (await server.get(note["object"]["id"])).status == 200


async def test_AP_S2S_29_update_replaces_the_whole_object(server: Server, peer: Peer) -> None:
    await _shared(server, peer)
    create = peer.create("carol", "first", PUBLIC, summary="about")
    await _seen(server, peer, create)
    changed = {**create["object"], "content": "second", "updated": "2999-01-01T00:00:00Z"}
    del changed["summary"]
    inbox = await _seen(server, peer, peer.activity("Update", "carol", object=changed, to=[PUBLIC]))
    [shown] = [one["object"] for one in inbox if one["type"] == "Create"]
    assert shown["content"] == "second"
    assert "summary" not in shown


async def test_AP_S2S_30_update_by_another_changes_nothing(server: Server, peer: Peer) -> None:
    """AP-S2S-30, CVE-2026-73090: neither an actor of the same server nor one of another."""
    await _shared(server, peer)
    peer.add_actor("mallory")
    create = peer.create("carol", "true", PUBLIC)
    await _seen(server, peer, create)
    for author, status in ((peer.id("carol"), 403), (peer.id("mallory"), 202)):
        forged = {**create["object"], "content": "false", "attributedTo": author}
        update = peer.activity("Update", "mallory", object=forged, to=[server.id("ann")])
        inbox = await _seen(server, peer, update, by="mallory", status=status)
        assert [one["object"]["content"] for one in inbox if one["type"] == "Create"] == ["true"]
        assert "Update" not in [one["type"] for one in inbox]


async def test_IO_45_older_update_is_ignored(server: Server, peer: Peer) -> None:
    await _shared(server, peer)
    create = peer.create("carol", "first", PUBLIC)
    await _seen(server, peer, create)
    for text, updated in (("third", "2030-01-03T00:00:00Z"), ("second", "2030-01-02T00:00:00Z")):
        changed = {**create["object"], "content": text, "updated": updated}
        inbox = await _seen(
            server, peer, peer.activity("Update", "carol", object=changed, to=[PUBLIC])
        )
    [shown] = [one["object"] for one in inbox if one["type"] == "Create"]
    assert shown["content"] == "third"


async def test_IO_46_delete_as_string_tombstone_or_object(server: Server, peer: Peer) -> None:
    """IO-46, AP-S2S-31: the copy goes, whatever shape names it; without an id too."""
    await _shared(server, peer)
    for number, shape in enumerate(("string", "tombstone", "object", "no id")):
        create = peer.create("carol", f"text {number}", PUBLIC)
        assert f"text {number}" in str(await _seen(server, peer, create))
        note = create["object"]
        stone = {"id": note["id"], "type": "Tombstone"}
        object_ = {"string": note["id"], "tombstone": stone}.get(shape, note)
        delete = peer.activity("Delete", "carol", object=object_, to=[PUBLIC])
        if shape == "no id":
            del delete["id"]
        assert f"text {number}" not in str(await _seen(server, peer, delete))


async def test_IO_46_delete_by_another_is_ignored(server: Server, peer: Peer) -> None:
    await _shared(server, peer)
    peer.add_actor("mallory")
    create = peer.create("carol", "stays", PUBLIC)
    await _seen(server, peer, create)
    delete = peer.activity("Delete", "mallory", object=create["object"]["id"], to=[PUBLIC])
    assert "stays" in str(await _seen(server, peer, delete, by="mallory"))


async def test_IO_46_delete_before_create_suppresses_it(server: Server, peer: Peer) -> None:
    """IO-46, fault 16: a Create that comes after its Delete has no effect."""
    await _shared(server, peer)
    create = peer.create("carol", "too late", PUBLIC)
    delete = peer.activity("Delete", "carol", object=create["object"]["id"], to=[PUBLIC])
    await _seen(server, peer, delete)
    assert "too late" not in str(await _seen(server, peer, create))


async def test_IO_51_actor_update_refreshes_the_profile(server: Server, peer: Peer) -> None:
    """IO-51: also where its deliveries go, without a new fetch."""
    await _shared(server, peer)
    document = peer.add_actor("carol", summary="Carol II", endpoints={"sharedInbox": None})
    update = peer.activity("Update", "carol", object=document, to=[PUBLIC])
    await _seen(server, peer, update)
    [row] = await server.rows("SELECT document, shared_inbox FROM actor WHERE id LIKE '%/carol'")
    assert b"Carol II" in row["document"]
    assert row["shared_inbox"] is None
    await server.note("ann", "to the new inbox", PUBLIC, cc=[f"{server.id('ann')}/followers"])
    [create] = await peer.wait("Create")
    assert create.inbox == "/users/carol/inbox"


async def test_IO_51_actor_update_of_another_is_ignored(server: Server, peer: Peer) -> None:
    await _shared(server, peer)
    peer.add_actor("mallory")
    forged = {**peer.documents["/users/carol"], "name": "Forged"}
    update = peer.activity("Update", "mallory", object=forged, to=[server.id("ann")])
    await _seen(server, peer, update, by="mallory", status=403)
    [row] = await server.rows("SELECT document FROM actor WHERE id LIKE '%/carol'")
    assert b"Forged" not in row["document"]


async def test_IO_47_deleted_actor_is_purged(server: Server, peer: Peer) -> None:
    """IO-47: relations, posts and keys go; what it sends later is refused, and a second Delete of
    itself is taken without work."""
    await _shared(server, peer)
    await _seen(server, peer, peer.create("carol", "words", PUBLIC))
    peer.documents["/users/carol"] = 410
    delete = peer.activity("Delete", "carol", object=peer.id("carol"), to=[PUBLIC])
    inbox = await _seen(server, peer, delete)
    assert "words" not in str(inbox)
    assert await server.items("ann", "followers", as_="ann") == []
    assert await server.items("ann", "following", as_="ann") == []
    assert await server.rows("SELECT key FROM object WHERE kind = 'remote'") == []
    assert await server.rows("SELECT owner FROM follower_inbox") == []
    late = await peer.send(
        f"{server.id('ann')}/inbox", peer.create("carol", "late", PUBLIC), by="carol"
    )
    assert late.status in (401, 403)
    again = await peer.send(f"{server.origin}/inbox", {**delete, "id": peer.new_id()}, by="carol")
    assert again.status == 202


async def test_BP_06_an_actor_updates_its_profile(server: Server, peer: Peer) -> None:
    """BP-06: what it may change is changed and delivered; what the server keeps is not."""
    await _shared(server, peer)
    before = (await server.get("/actors/ann")).json
    reply = await _edit(server, {"id": server.id("ann"), "name": "Ann II", "summary": "<p>Hi</p>"})
    assert reply.status == 201, reply.text
    after = (await server.get("/actors/ann")).json
    assert (after["name"], after["summary"]) == ("Ann II", "<p>Hi</p>")
    assert after["publicKey"] == before["publicKey"]
    assert after["@context"] == before["@context"]
    [update] = await peer.wait("Update")
    assert update.json["object"]["name"] == "Ann II"
    assert update.json["object"]["publicKey"] == before["publicKey"]
    assert (
        await _edit(server, {"id": server.id("ann"), "inbox": f"{server.origin}/x"})
    ).status == 400
    assert (await _edit(server, {"id": server.id("ann"), "publicKey": None})).status == 400
    assert (await _edit(server, {"id": server.id("bob"), "name": "No"})).status in (403, 404)
    assert (await server.get("/actors/bob")).json["name"] == "bob"


async def test_BP_06_manual_approval_can_be_switched_on(server: Server, peer: Peer) -> None:
    reply = await _edit(server, {"id": server.id("ann"), "manuallyApprovesFollowers": True})
    assert reply.status == 201, reply.text
    follow = peer.follow("carol", server.id("ann"))
    await peer.send(f"{server.id('ann')}/inbox", follow, by="carol")
    await server.drained()
    assert peer.received == []
    assert await server.items("ann", "followers", as_="ann") == []
