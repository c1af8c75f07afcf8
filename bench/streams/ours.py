"""Our side: pages over HTTP, one after the other on one connection; the same without HTTP."""

from __future__ import annotations

import json
import os
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit
from uuid import UUID

from apserver.app import worker
from apserver.core.names import Names
from apserver.core.origin import host_of, key_of
from apserver.core.stream_filters import Filter, Query
from apserver.core.vocabulary import ACTIVITY_JSON
from apserver.serve.pages import Window, read_cursor, window_of
from apserver.serve.site import Site
from apserver.serve.stream_pages import Look, Stream
from apserver.store.positions import Home, Position
from bench import wire
from bench.instance import BenchFailed, Instance
from bench.statements import counting
from bench.streams.cases import DEEP, Case
from bench.streams.fill_ours import SITE

COUNTED = 20  #: requests whose statements are counted; what else is logged then does not weigh
_MORE = 1 << 16


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a stream: its URL, its number from 1, and the numbers of its actions."""

    url: str
    number: int
    numbers: list[int]


class Reader:
    """One HTTP connection."""

    def __init__(self, instance: Instance, tokens: dict[str, str]):
        self._instance = instance
        self._tokens = tokens
        self._socket = socket.create_connection(instance.settings.listen_address, timeout=60)
        self._messages = wire.Messages()

    def find(self, case: Case) -> Page:
        """The page that a case is about."""
        page = self._page(case, case.url(Names(self._instance.origin)), 1)
        for number in range(2, DEEP + 1 if case.is_deep else 0):
            url = json.loads(self._get(case, page.url)).get("next")
            following = None if url is None else self._page(case, url, number)
            if following is None or not following.numbers:
                break
            page = following
        return page

    def time(self, case: Case, page: Page, *, repeats: int) -> list[float]:
        """Seconds from the request until the last byte, for each time."""
        taken = []
        for _ in range(repeats):
            begun = time.perf_counter()
            self._get(case, page.url)
            taken.append(time.perf_counter() - begun)
        return taken

    async def statements(self, case: Case, page: Page) -> float:
        """How many SQL statements one request makes."""
        found: Counter[str] = Counter()
        async with counting(self._instance, found):
            self.time(case, page, repeats=COUNTED)
        return sum(found.values()) / COUNTED

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def _page(self, case: Case, url: str, number: int) -> Page:
        url = url if number > 1 else f"{url}&page=first"
        items = json.loads(self._get(case, url))["orderedItems"]
        return Page(url, number, [UUID(item["id"].rsplit("/", 1)[1]).int for item in items])

    def _get(self, case: Case, url: str) -> bytes:
        headers = {"Host": host_of(self._instance.origin), "Accept": ACTIVITY_JSON}
        if case.reader is not None:
            headers["Authorization"] = f"Bearer {self._tokens[case.reader]}"
        parts = urlsplit(url)
        self._socket.sendall(wire.request("GET", f"{parts.path}?{parts.query}", headers))
        while True:
            for head, body in self._messages.feed(self._socket.recv(_MORE)):
                if head[9:12] != b"200":
                    raise BenchFailed(f"{url} was answered with {head[9:]!r}: {body!r}")
                return body


async def time_inside(site: Site, case: Case, page: Page, *, repeats: int) -> list[float]:
    """Seconds for finding and rendering a page in this process, without HTTP and access."""
    names = site.names
    stream = _stream(case, names)
    viewer = None if case.reader is None else names.actor(case.reader)
    window = window_of(dict(parse_qsl(urlsplit(page.url).query)), _position, _position) or Window()
    taken = []
    for _ in range(repeats):
        begun = time.perf_counter()
        async with site.db.connection() as conn:
            look = Look(conn, site, stream, viewer)
            seen = look.fitting(await look.at(window), window)
            await look.items(seen.items, "ids")
        taken.append(time.perf_counter() - begun)
    return taken


@asynccontextmanager
async def site_of(instance: Instance) -> AsyncIterator[Site]:
    """The parts of a worker in this process, at the database of the instance."""
    listening = socket.create_server(("127.0.0.1", 0))
    ready, told = os.pipe()
    order = worker.Order(instance.settings, instance.dsn, listening.detach(), told, 1, 2)
    async with worker.running(order) as running:
        yield running.parts.site
    os.close(ready)
    os.close(told)


def _stream(case: Case, names: Names) -> Stream:
    if case.reader is not None:
        owner = key_of(names.actor(case.reader))
        return Stream(id="", query=Query(), owner=owner, home=Home(owner=owner))
    if case.person is not None:
        return _of(Filter(actor=names.actor(f"p{case.person}")))
    if case.role.startswith("type/"):
        return _of(Filter(of_type=case.role.removeprefix("type/")))
    if case.thing is None:
        return Stream(id="", query=Query(public=True))
    thing = f"{SITE}/groups/{case.thing}"
    filters = {
        "object": Filter(object=thing),
        "target": Filter(target=thing),
        "any": Filter(any=thing),
    }
    return _of(filters[case.role])


def _of(one: Filter) -> Stream:
    return Stream(id="", query=Query(any_of=(one,)))


def _position(text: str) -> Position:
    return Position(*read_cursor(text))
