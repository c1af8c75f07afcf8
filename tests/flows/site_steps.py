"""A site that uses an apserver: its types of things, and what it posts with its token."""

from __future__ import annotations

import json
from typing import Any

from apserver import app
from tests.conftest import StartServer
from tests.doubles.server import AS2, CONTEXT, PUBLIC, Reply, Server

#: The web site. Nobody answers there: what asked it would fail.
SITE = "https://shop.example"
TYPES: dict[str, dict[str, Any]] = {
    "user": {
        "iri": f"{SITE}/users/{{name}}",
        "type": "Person",
        "user": True,
        "handle": "{name}",
        "access": "public",
        "members": ["name"],
    },
    "issue": {
        "iri": f"{SITE}/issues/{{id}}",
        "type": "Document",
        "followable": True,
        "facade": "Group",
        "handle": "issue_{id}",
        "access": "public",
        "members": ["name", "url"],
    },
    "group": {
        "iri": f"{SITE}/groups/{{id}}",
        "type": "Group",
        "followable": True,
        "access": "public",
        "deletion": "cascade",
        "members": ["name"],
    },
    "club": {
        "iri": f"{SITE}/clubs/{{id}}",
        "type": "Group",
        "followable": True,
        "approval": True,
        "members": ["name"],
    },
    "secret": {"iri": f"{SITE}/secrets/{{id}}", "type": "Note", "members": ["name"]},
}


def user(name: str) -> str:
    """The site's IRI of a user."""
    return f"{SITE}/users/{name}"


def issue(number: object) -> str:
    """The site's IRI of an issue."""
    return f"{SITE}/issues/{number}"


def group(number: object) -> str:
    """The site's IRI of a group."""
    return f"{SITE}/groups/{number}"


def club(number: object) -> str:
    """The site's IRI of a club, which admits its followers."""
    return f"{SITE}/clubs/{number}"


async def start_site(start_server: StartServer, *actors: str, **settings: object) -> Server:
    """A server with the types above, whose token of scope site is that of "site"."""
    settings.setdefault("things", json.dumps(TYPES))
    return await with_site_token(await start_server(*actors, **settings))


async def with_site_token(server: Server) -> Server:
    """The server, with a token of scope site as that of "site"."""
    made = await app.create_token(
        server.dsn, server.settings, name="instance", scopes=("site",), dry_run=False
    )
    server.tokens["site"] = made.token
    return server


async def tell(server: Server, activity: dict[str, Any], *, as_: str = "site") -> Reply:
    """POST to the outbox of the site."""
    document = {"@context": CONTEXT, **activity}
    return await server.ask("POST", "/outbox", as_=as_, data=document, Content_Type=AS2)


async def told(server: Server, actor: str, verb: str, **members: Any) -> dict[str, Any]:
    """A public action of a user of the site; the activity as it is created."""
    activity = {"verbPhrase": verb, "actor": user(actor), "to": [PUBLIC], **members}
    reply = await tell(server, activity)
    assert reply.status == 201, reply.text
    created: dict[str, Any] = reply.json
    assert reply.headers["Location"] == created["id"]
    return created


async def stream(server: Server, role: str, iri: str, **asked: Any) -> list[str]:
    """The ids of the activities on the first page of a stream of a thing."""
    reply = await server.get(f"/streams/{role}?id={iri}&page=first&expand=ids", **asked)
    assert reply.status == 200, reply.text
    return [one if isinstance(one, str) else one["id"] for one in reply.json["orderedItems"]]
