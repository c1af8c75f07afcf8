"""Actors that an earlier version made: their documents name what this version has for them."""

from __future__ import annotations

import json

from apserver.core.names import COLLECTIONS
from tests.doubles.server import CONTEXT, PUBLIC, Server

#: What the first version of this server had not yet.
LATER = ("featured", "blocked", "pendingFollowers", "pendingFollowing")


async def age(server: Server, name: str) -> None:
    """The stored document of an actor becomes that of the first version."""
    [row] = await server.rows("SELECT key, document FROM actor WHERE id = $1", server.id(name))
    document = json.loads(row["document"])
    for member in LATER:
        del document[member]
        document["@context"][-1].pop(member)
    document["endpoints"] = {"sharedInbox": f"{server.origin}/inbox"}
    old = json.dumps(document).encode()
    await server.rows("UPDATE actor SET document = $2 WHERE key = $1", row["key"], old)


async def test_AP_ACT_08_an_old_actor_names_what_it_has(server: Server) -> None:
    """AP-ACT-08, BP-06: the document served of it has each collection, the streams and the
    endpoints, with the terms for them, as that of a new one has. A client may change it, and send
    back what it was shown of the rest."""
    new = (await server.get("/actors/bob")).json
    await age(server, "ann")
    shown = (await server.get("/actors/ann")).json
    assert shown.keys() == new.keys()
    assert next(iter(shown)) == "@context"
    for name in (*COLLECTIONS, *LATER):
        assert shown[name] == f"{server.id('ann')}/{name}"
        assert (await server.get(shown[name], as_="ann")).status == 200
    assert shown["endpoints"] == new["endpoints"]
    assert terms(shown) == terms(new)

    patch = {**shown, "name": "Ann"}
    update = {"@context": CONTEXT, "type": "Update", "object": patch, "to": [PUBLIC]}
    reply = await server.post("ann", update)
    assert reply.status == 201, reply.text
    assert (await server.get("/actors/ann")).json == {**shown, "name": "Ann"}


def terms(document: dict[str, object]) -> dict[str, object]:
    """All terms that a document defines."""
    context = document["@context"]
    assert isinstance(context, list)
    return {
        name: one for entry in context if isinstance(entry, dict) for name, one in entry.items()
    }
