"""An apserver for tests: the real one, on a loopback port, with a client to talk to it."""

from __future__ import annotations

import asyncio
import io
import json
import os
import socket
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import aiohttp
import asyncpg
from yarl import URL

from apserver import app
from apserver.config import load

AS2 = "application/activity+json"
PUBLIC = "https://www.w3.org/ns/activitystreams#Public"
CONTEXT = "https://www.w3.org/ns/activitystreams"

#: How long a test waits for what takes a blink on a machine that has nothing else to do.
PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: status, headers, and the body as text and, when it is JSON, as a value."""

    status: int
    headers: Mapping[str, str]
    text: str
    json: Any


@dataclass(slots=True)
class Server:
    """A running apserver and what is known of it."""

    origin: str
    dsn: str
    folder: Path
    tokens: dict[str, str]
    http: aiohttp.ClientSession
    settings: Any
    handles: dict[str, str] = field(default_factory=dict)

    @classmethod
    @asynccontextmanager
    async def running(
        cls, dsn: str, folder: Path, actors: Iterable[str], options: Mapping[str, object]
    ) -> AsyncIterator[Server]:
        """Start one with these actors; ``options`` are settings, e.g. ``tls__cert=...``."""
        listening = socket.socket()
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", int(str(options.get("port", 0)))))
        listening.listen(128)
        port = listening.getsockname()[1]
        folder.mkdir(exist_ok=True)
        scheme = "https" if "tls__cert" in options else "http"
        ca_file = options.get("federation__ca_file")
        # To read the authorities of the system takes long, and aiohttp has done so already.
        trusting = ssl.create_default_context(cafile=str(ca_file)) if ca_file else True
        environ = {
            "APSERVER__ORIGIN": f"{scheme}://127.0.0.1:{port}",
            "APSERVER__DATA_DIR": str(folder),
            "APSERVER__FEDERATION__ALLOW_HTTP": "true",
            "APSERVER__FEDERATION__ALLOW_NETWORKS": "127.0.0.0/8",
            "APSERVER__LIMITS__REQUESTS_PER_MINUTE": "0",
        }
        environ |= {
            f"APSERVER__{name.upper()}": str(value)
            for name, value in options.items()
            if name != "port"
        }
        settings = load(None, environ, cwd=folder)
        await app.migrate(dsn, settings)
        ready_in, ready_out = os.pipe()
        order = app.Order(settings, dsn, listening.detach(), ready_out, 0, 1)
        try:
            async with (
                app.running(order),
                aiohttp.ClientSession(
                    cookie_jar=aiohttp.DummyCookieJar(),
                    connector=aiohttp.TCPConnector(ssl=trusting),
                ) as http,
            ):
                self = cls(settings.origin, dsn, folder, {}, http, settings)
                for name in actors:
                    await self.create_actor(name)
                yield self
        finally:
            os.close(ready_in)
            os.close(ready_out)

    async def create_actor(
        self, name: str, *, type_: str = "Person", manual_approval: bool = False
    ) -> str:
        """A new actor; its id. Its token is kept."""
        made = await app.create_actor(
            self.dsn,
            self.settings,
            name=name,
            type=type_,
            display_name=None,
            manual_approval=manual_approval,
            token=True,
        )
        assert made.token is not None
        self.tokens[name] = made.token
        self.handles[name] = made.handle
        return made.actor

    def id(self, name: str) -> str:
        """The id of an actor."""
        return f"{self.origin}/actors/{name}"

    async def get(self, url: str, *, as_: str | None = None, **headers: str) -> Reply:
        """GET a path or URL, with the token of ``as_``. Underscores in header names are dashes."""
        return await self.ask("GET", url, as_=as_, **headers)

    async def ask(
        self, method: str, url: str, *, as_: str | None = None, data: Any = None, **headers: str
    ) -> Reply:
        """Any request; ``data`` is bytes, text, or made into JSON."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if as_ is not None:
            sent["Authorization"] = f"Bearer {self.tokens[as_]}"
        if data is not None and not isinstance(data, bytes | str):
            data = json.dumps(data)
            data = data if len(data) < 1 << 20 else data.encode()
        if isinstance(data, bytes):
            data = io.BytesIO(data)  # aiohttp warns of many bytes in one piece
        address = URL(self.origin + url if url.startswith("/") else url, encoded=True)
        async with self.http.request(
            method, address, data=data, headers=sent, allow_redirects=False
        ) as response:
            text = await response.text(errors="replace")
            try:
                value = json.loads(text)
            except ValueError:
                value = None
            return Reply(response.status, response.headers, text, value)

    async def post(self, name: str, activity: Any, **headers: str) -> Reply:
        """POST to the outbox of an actor with its token."""
        sent = {"Content_Type": AS2, **headers}
        return await self.ask("POST", f"/actors/{name}/outbox", as_=name, data=activity, **sent)

    async def note(self, name: str, text: str, *to: str, cc: Iterable[str] = ()) -> dict[str, Any]:
        """Post a Note; the created activity."""
        note: dict[str, Any] = {"@context": CONTEXT, "type": "Note", "content": text}
        note |= {"to": list(to)} if to else {}
        note |= {"cc": list(cc)} if cc else {}
        reply = await self.post(name, note)
        assert reply.status == 201, reply.text
        activity: dict[str, Any] = reply.json
        return activity

    async def items(self, name: str, collection: str, *, as_: str | None = None) -> list[Any]:
        """All items of a collection of an actor, page by page, newest first."""
        return await self.collected(f"/actors/{name}/{collection}", as_=as_)

    async def collected(self, url: str, *, as_: str | None = None) -> list[Any]:
        """The same of any collection, by its id."""
        head = await self.get(url, as_=as_)
        assert head.status == 200, head.text
        items: list[Any] = []
        page = head.json.get("first")
        while page:
            reply = await self.get(page, as_=as_)
            assert reply.status == 200, reply.text
            items += reply.json["orderedItems"]
            page = reply.json.get("next")
        return items

    async def rows(self, query: str, *arguments: object) -> list[dict[str, Any]]:
        """Look into the database."""
        connection = await asyncpg.connect(self.dsn)
        try:
            return [dict(row) for row in await connection.fetch(query, *arguments)]
        finally:
            await connection.close()

    async def contents(self) -> dict[str, str]:
        """A digest of each table of the database: equal when nothing was stored or changed."""
        connection = await asyncpg.connect(self.dsn)
        try:
            tables = await connection.fetch(
                "SELECT table_name AS name FROM information_schema.tables "
                "WHERE table_schema = 'public' ORDER BY 1"
            )
            return {
                row["name"]: await connection.fetchval(
                    f"SELECT coalesce(md5(string_agg(t::text, '|' ORDER BY t::text)), '') "
                    f'FROM "{row["name"]}" t'
                )
                for row in tables
            }
        finally:
            await connection.close()

    async def drained(self, timeout_s: float = PATIENCE_S) -> None:
        """Wait until no job and no delivery is due or being done; what was put off stays."""

        async def empty() -> bool:
            [row] = await self.rows(
                # clock_timestamp(), for what is seen may have begun after this statement did.
                "SELECT (SELECT count(*) FROM job"
                " WHERE parked_at IS NULL AND (run_at <= clock_timestamp()"
                " OR kind IN ('apply', 'recall', 'announced', 'confirm', 'resolve', 'outbox',"
                " 'thread', 'profile', 'quote')"
                " AND attempt = 0))"
                " + (SELECT count(*)"
                " FROM host WHERE next_at <= clock_timestamp() OR lease_until > now()) AS n"
            )
            return bool(row["n"] == 0)

        await until(empty, timeout_s=timeout_s)


async def until(
    condition: Callable[[], Awaitable[Any]], *, timeout_s: float = PATIENCE_S, every_s: float = 0.02
) -> Any:
    """The first true value of a condition that is asked again and again."""
    end = time.monotonic() + timeout_s
    while True:
        value = await condition()
        if value:
            return value
        assert time.monotonic() < end, f"not within {timeout_s} s: {condition}"
        await asyncio.sleep(every_s)


def database_dsn(dsn: str, name: str) -> str:
    """The DSN of another database of the same server."""
    parts = urlsplit(dsn)
    return urlunsplit(parts._replace(path=f"/{name}", netloc=parts.netloc or ""))
