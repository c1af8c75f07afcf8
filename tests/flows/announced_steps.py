"""Steps that tests of groups share: a group that ann follows, and members who write elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.conftest import StartPeer
from tests.doubles.peer import CONTEXT, PUBLIC, Peer
from tests.doubles.server import Server
from tests.flows.verb_steps import arrive


@dataclass(frozen=True, slots=True)
class Community:
    """The group ``tea`` on one server, and its members ``dave`` and ``eve`` on another."""

    server: Server
    group: Peer
    members: Peer

    @classmethod
    async def start(cls, server: Server, start_peer: StartPeer) -> Community:
        """One that nobody here follows."""
        here = cls(server, await start_peer("tea", "mod"), await start_peer("dave", "eve"))
        here.group.add_actor("tea", type="Group")
        return here

    async def followed(self) -> Community:
        """Ann follows the group, which accepts."""
        follow = {"@context": CONTEXT, "type": "Follow", "object": self.group.id("tea")}
        assert (await self.server.post("ann", follow)).status == 201
        [received] = await self.group.wait("Follow")
        accept = self.group.activity("Accept", "tea", object=received.json)
        await arrive(self.server, self.group, accept, at="ann", by="tea")
        return self

    def published(self, document: dict[str, Any], peer: Peer | None = None) -> dict[str, Any]:
        """Served by the members' server under its id."""
        origin = peer or self.members
        origin.documents[document["id"].removeprefix(origin.origin)] = document
        return document

    def post(self, text: str = "tea", **members: Any) -> dict[str, Any]:
        """The Create of a Page of dave's in the group, served with the Page in it."""
        group = self.group.id("tea")
        made = self.members.create("dave", text, PUBLIC, group, type="Page", **members)
        self.published({"@context": CONTEXT, **made["object"]})
        return self.published(made)

    async def announce(self, inner: Any, *, by: str = "tea", cc: str = "") -> dict[str, Any]:
        """The group tells its followers; what that leads to is done."""
        to = [f"{self.group.id(by)}/followers", *([cc] if cc else [])]
        announce = self.group.activity("Announce", by, object=inner, to=to, cc=[PUBLIC])
        await arrive(self.server, self.group, announce, at="ann", by=by)
        return announce

    def asked(self) -> list[str]:
        """The GETs that the members' server got since it was last asked about; of posts and
        activities."""
        found = [
            one for one in self.members.asked if one.startswith("GET ") and "/users/" not in one
        ]
        self.members.asked.clear()
        return found

    async def objects(self) -> list[dict[str, Any]]:
        """What is stored of the members' server: id, content, whether it is gone."""
        rows = await self.server.rows(
            "SELECT id, document, deleted_at IS NOT NULL AS gone FROM object "
            "WHERE id LIKE $1 ORDER BY id",
            f"{self.members.origin}/%",
        )
        return [dict(row) for row in rows]
