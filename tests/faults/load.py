"""Requests while something goes wrong: reads, posts to an outbox, posts to an inbox, mixed."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field

from tests.doubles.peer import Peer
from tests.doubles.server import PUBLIC, Server

AT_ONCE = 12  #: requests under way at a time


@dataclass(slots=True)
class Load:
    """So many requests to a server with the actor ann, by clients and by carol of a peer."""

    server: Server
    peer: Peer
    total: int = 200
    done: int = 0
    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    created: list[str] = field(default_factory=list)  #: ids in answers with 201
    taken: list[str] = field(default_factory=list)  #: ids of what was answered with 202

    async def run(self) -> None:
        """Send them all."""
        kinds = ["read", "outbox", "read", "inbox"] * (self.total // 4)
        random.Random(7).shuffle(kinds)
        waiting = iter(enumerate(kinds))

        async def client() -> None:
            for number, kind in waiting:
                await getattr(self, f"_{kind}")(number)
                self.done += 1

        await asyncio.gather(*(client() for _ in range(AT_ONCE)))

    async def reach(self, count: int) -> None:
        """Wait until so many are done."""
        while self.done < count:
            await asyncio.sleep(0.005)

    async def _read(self, number: int) -> None:
        path = ("/actors/ann", "/actors/ann/outbox?page=first")[number % 2]
        reply = await self.server.get(path)
        self.statuses["read", reply.status] += 1

    async def _outbox(self, number: int) -> None:
        note = {"type": "Note", "content": f"note {number}", "to": [PUBLIC]}
        reply = await self.server.post("ann", note)
        self.statuses["outbox", reply.status] += 1
        if reply.status == 201:
            assert reply.headers["Location"] == reply.json["id"]
            self.created.append(reply.json["id"])

    async def _inbox(self, number: int) -> None:
        create = self.peer.create("carol", f"from carol {number}", PUBLIC)
        inbox = f"{self.server.id('ann')}/inbox"
        reply = await self.peer.send(inbox, create, by="carol")
        self.statuses["inbox", reply.status] += 1
        if reply.status == 202:
            self.taken.append(create["id"])

    async def check_stored_once(self) -> None:
        """What was answered with 201 or 202 is there, once, and listed once; no work is left."""
        await self.server.drained()
        outbox = [one["id"] for one in await self.server.items("ann", "outbox", as_="ann")]
        inbox = [one["id"] for one in await self.server.items("ann", "inbox", as_="ann")]
        for listed, answered in ((outbox, self.created), (inbox, self.taken)):
            assert Counter(one for one in listed if one in set(answered)) == Counter(answered)
            assert len(listed) == len(set(listed))
        rows = await self.server.rows("SELECT id, count(*) AS n FROM activity GROUP BY id")
        counts = {row["id"]: row["n"] for row in rows}
        assert {counts.get(id_) for id_ in (*self.created, *self.taken)} <= {1}
        assert await self.server.rows("SELECT FROM job") == []
