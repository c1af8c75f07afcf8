"""What others see of an actor and of a thing (scenario 25), and the words about it (fault X12)."""

from __future__ import annotations

import re

from apserver.core.namespace import TERMS
from apserver.core.stream_filters import PARAMETERS as FILTERS
from tests.doubles.server import PUBLIC, Server
from tests.flows.stream_steps import act, follow, ids, of
from tests.meta.project import ROOT

PAGE = (ROOT / "docs" / "streams.md").read_text()


async def test_scenario_25_profile_and_home(server: Server) -> None:
    """Scenario 25: F1 to F3, F6, G4, X5, X6: one's own public acts are for all, home and the list
    of follows for their owner."""
    ann, bob = server.id("ann"), server.id("bob")
    open_ = await act(server, "ann", "Arrive")
    await act(server, "ann", "Listen", to=bob)
    seen = await act(server, "bob", "Arrive")
    await follow(server, "ann", bob)
    assert await ids(server, of("actor", ann)) == [open_]
    assert await ids(server, of("any", bob)) == [seen]
    assert (await server.get("/actors/ann/streams/home?page=first")).status == 401
    assert (await server.get("/actors/ann/streams/home?page=first", as_="bob")).status == 403
    followers = await server.get("/actors/bob/followers")
    assert followers.json["totalItems"] == 1
    assert not {"first", "orderedItems"} & followers.json.keys()
    assert (await server.get("/actors/ann/following?view=ids", as_="bob")).status == 403


async def test_H6_ids_are_below_the_origin(server: Server) -> None:
    """H6: whatever Host a request names, ids in answers are below the configured origin."""
    await act(server, "ann", "Arrive", to=PUBLIC)
    page = await server.get("/streams/public?page=first")
    assert page.json["id"].startswith(f"{server.origin}/")
    assert all(one["id"].startswith(f"{server.origin}/") for one in page.json["orderedItems"])
    assert (await server.get("/streams/public?page=first", Host="evil.example")).status == 421


def test_X12_the_tables_name_what_there_is() -> None:
    """X12: each parameter of streams stands in docs/streams.md, and no other does."""
    table = PAGE.split("| parameter | meaning |", maxsplit=1)[1].split("\n\n", maxsplit=1)[0]
    named = set(re.findall(r"`([a-z.]+)`", "".join(re.findall(r"^\| (.*?) \|", table, re.M))))
    named = {f"published{name}" if name.startswith(".") else name for name in named}
    known = {name.lower() for name in FILTERS if not name.startswith("data")}
    assert named - {"limit", "expand"} >= known
    assert named <= known | {"limit", "expand", "published"}


def test_X12_the_terms_are_explained() -> None:
    """X12: what a follow may say is told where follows are."""
    for term in TERMS:
        if term.domain == "Follow":
            assert f"`{term.name}" in PAGE
