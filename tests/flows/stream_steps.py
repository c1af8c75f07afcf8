"""Steps of tests about streams: somebody acts, somebody looks."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from tests.doubles.server import PUBLIC, Reply, Server

ISSUE = {"id": "https://shop.example/issues/70", "type": "Document", "name": "issue 70"}
FLASK = {"id": "https://shop.example/groups/flask", "type": "Group", "name": "flask"}


async def act(server: Server, name: str, type_: str, **members: Any) -> str:
    """Somebody here does something, for everybody unless it is said otherwise; its id."""
    reply = await server.post(name, {"type": type_, "to": PUBLIC, **members})
    assert reply.status == 201, reply.text
    id_: str = reply.json["id"]
    return id_


def of(role: str, id_: str) -> str:
    """The path of the stream of a thing."""
    return f"/streams/{role}?id={quote(id_, safe='')}"


async def walk(
    server: Server, path: str, *, as_: str | None = None, limit: int = 20, link: str = "next"
) -> list[list[Any]]:
    """The items of a stream, page by page, from its first page on."""
    head = await server.get(path, as_=as_)
    assert head.status == 200, head.text
    assert head.json["type"] == "OrderedCollection"
    url: str | None = f"{head.json['first']}&limit={limit}"
    pages = []
    while url:
        page = await read(server, url, as_=as_)
        assert page["partOf"] == head.json["id"]
        pages.append(page["orderedItems"])
        url = page.get(link)
    return pages


async def read(server: Server, url: str, *, as_: str | None = None) -> dict[str, Any]:
    """One page."""
    reply = await server.get(url, as_=as_)
    assert reply.status == 200, reply.text
    page: dict[str, Any] = reply.json
    assert page["type"] == "OrderedCollectionPage"
    return page


async def ids(server: Server, path: str, *, as_: str | None = None) -> list[str]:
    """The ids of all that is in a stream, newest first."""
    pages = await walk(server, path, as_=as_)
    return [one["id"] if isinstance(one, dict) else one for page in pages for one in page]


async def home(server: Server, name: str, query: str = "") -> list[str]:
    """The ids of what is in somebody's home."""
    return await ids(server, f"/actors/{name}/streams/home{query}", as_=name)


async def follow(server: Server, name: str, object_: str, **members: Any) -> Reply:
    """Somebody here follows somebody or something here, and it stands."""
    reply = await server.post(name, {"type": "Follow", "object": object_, **members})
    assert reply.status in (200, 201), reply.text
    await server.drained()
    return reply


async def unfollow(server: Server, name: str, follow_id: str) -> None:
    """Somebody here takes a follow back."""
    reply = await server.post(name, {"type": "Undo", "object": follow_id})
    assert reply.status == 201, reply.text
