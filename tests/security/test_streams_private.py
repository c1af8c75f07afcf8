"""What is not for everybody stays so, whichever new door is tried (docs/decisions/0013)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from apserver.core import limits
from tests.conftest import StartServer
from tests.doubles.peer import Peer
from tests.doubles.server import PUBLIC, Server
from tests.flows.site_steps import SITE, TYPES, issue, start_site, tell, told, user
from tests.flows.stream_steps import act, follow, ids, of, read
from tests.flows.steps import check_problem


async def test_probe_private_object_follow(server: Server) -> None:
    secret = (await server.note("ann", "secret", server.id("ann")))["object"]["id"]
    absent = f"{server.origin}/objects/0192d1c6-7c1e-7a1e-8f0e-2b1f3c4d5e6f"
    a = await server.post("bob", {"type": "Follow", "object": secret})
    b = await server.post("bob", {"type": "Follow", "object": absent})
    print(a.status, a.text[:500], b.status)
    r = await server.get(f"/actors/bob/following?view=flags", as_="bob")
    print(r.text)
    await server.drained()
    print(await server.items("ann", "inbox", as_="ann"))


async def test_probe_nul(server: Server) -> None:
    for q in ("flag=%00", "type=%00", "object=%00", "flag=%ED%A0%80", "flag=%FF", "object=x&before=ffffffffffffff-00000000000000000000000000000000"):
        r = await server.get(f"/actors/ann/following?{q}", as_="ann")
        print(q, r.status, r.text[:150])
    for q in ("published.gte=0001-01-01T00:00:00%2B14:00", "published.lt=9999-12-31T23:59:59-10:00", "published.gt=9999-12-31T23:59:59Z", "published.lte=0001-01-01T00:00:00Z", "data.a.b=%FF", "type=%ED%A0%80", "data.a=1", "data.%ED%A0%80=1", "before=0-00000000000000000000000000000000", "after=ffffffffffffff-00000000000000000000000000000000"):
        r = await server.get(f"/streams/public?page=first&{q}" if "before" not in q and "after" not in q else f"/streams/public?{q}")
        print(q, r.status, r.text[:150])
    for u in ("/streams/type/%00", "/streams/type/%ED%A0%80", "/streams/type/%FF", "/streams/any?id=%ED%A0%80&page=first", "/streams/any?id=%FF&page=first", "/things?id=%ED%A0%80", "/inbox?before=ffffffffffffff-00000000000000000000000000000000", "/inbox?after=0-00000000000000000000000000000000"):
        r = await server.get(u)
        print(u, r.status, r.text[:150])


async def test_probe_update_narrow(server: Server) -> None:
    made = await server.note("ann", "all", PUBLIC)
    obj = made["object"]["id"]
    r = await server.post("ann", {"type": "Update", "to": [server.id("bob")], "object": {"id": obj, "content": "SECRET", "to": [server.id("bob")]}})
    print(r.status, r.text[:300])
    await server.drained()
    print(obj, (await server.get(obj)).status)
    for p in (made["id"], "/streams/public?page=first", "/streams/public?page=first&expand=full", "/actors/ann/outbox?page=first", "/inbox?page=first", of("actor", server.id("ann")) + "&page=first"):
        t = (await server.get(p)).text
        print(p, "SECRET" in t)


async def test_probe_facade(start_server: StartServer) -> None:
    types = {**TYPES, "hidden": {"iri": SITE + "/hidden/{id}", "type": "Group", "followable": True, "approval": True, "facade": "Group", "handle": "hidden_{id}", "members": ["name"]}}
    server = await start_site(start_server, "ann", things=json.dumps(types))
    hid = {"id": SITE + "/hidden/1", "type": "Group", "name": "LAYOFFS"}
    r = await tell(server, {"verbPhrase": "made", "actor": user("mit"), "object": hid, "to": [user("mit")]})
    print(r.status)
    r = await server.get("/actors/hidden_1")
    print("facade", r.status, r.text)
    r = await server.post("ann", {"type": "Add", "object": [issue(1)] * 3000, "target": issue(1), "to": [PUBLIC]})
    print(r.status, r.text[:200])
