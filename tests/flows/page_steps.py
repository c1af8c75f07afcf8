"""Steps that tests of pages share: somebody signs in, and what the buttons of a page would do."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from apserver import app
from tests.doubles.browser import Browser, forms_of
from tests.doubles.server import Reply, Server

PASSWORD = "correct horse battery"
FLAGS = json.dumps({"liking": {}, "watching": {}, "mute": {"mutes": True}})


async def signed_in(server: Server, name: str = "ann") -> Browser:
    """A browser in which somebody is signed in, by a new password."""
    await set_password(server, name)
    browser = Browser(server)
    reply = await browser.sign_in(name, PASSWORD)
    assert (reply.status, reply.headers["Location"]) == (303, server.id(name)), reply.text
    return browser


async def set_password(server: Server, name: str, password: str = PASSWORD) -> None:
    """What `apserver actor password` does."""
    await app.set_password(server.dsn, server.settings, name=name, password=password)


async def is_signed_in(browser: Browser) -> bool:
    """Whether a page says so."""
    page = await browser.get("/actors/ann")
    assert page.status == 200, page.text
    return "Signed in as" in page.text


def toggles(page: Reply) -> dict[str, str]:
    """What the button for each flag would do."""
    return {
        one.fields["flag"]: one.fields["action"]
        for one in forms_of(page)
        if one.action == "/follow"
    }


async def follows(server: Server, name: str, object_: str) -> list[dict[str, Any]]:
    """The Follows of one thing, as the API tells its owner."""
    asked = f"/actors/{name}/following?view=relation&object={quote(object_, safe='')}"
    reply = await server.get(asked, as_=name)
    assert reply.status == 200, reply.text
    return list(reply.json["orderedItems"])
