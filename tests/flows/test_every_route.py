"""What holds for every URL of the table: who may keep its answers (BP-19), that pages in browsers
may use it (BP-18), and that it tells what may still be asked (BP-20). A new route needs an example
here, and says itself who may keep it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from apserver.core.forms import FORM_TYPE
from apserver.serve.route import Route
from apserver.serve.routes import ROUTES
from tests.conftest import StartServer
from tests.doubles.server import AS2, PUBLIC, Reply, Server
from tests.flows.emoji_steps import add_emoji
from tests.flows.site_steps import issue, start_site, told, user

PAGE = "https://client.example"
A_MINUTE = 1_000
STREAM = {"news": {"filters": [{"verb": "opened"}]}}


async def start(start_server: StartServer) -> tuple[Server, Mapping[str, str]]:
    """A server, and one URL of each route by its path."""
    server = await start_site(
        start_server, "ann", streams=json.dumps(STREAM), limits__requests_per_minute=A_MINUTE
    )
    shown = {"id": issue(7), "type": "Document", "name": "seven"}
    await told(server, "lee", "opened", object=shown)
    made = await server.note("ann", "for all", PUBLIC)
    note, thing = made["object"]["id"], f"id={issue(7)}"
    examples = {
        "/.well-known/webfinger": f"/.well-known/webfinger?resource={server.id('ann')}",
        "/actors/{name}": "/actors/ann",
        "/actors/{name}/inbox": "/actors/ann/inbox",
        "/actors/{name}/outbox": "/actors/ann/outbox",
        "/actors/{name}/outbox/bulk": "/actors/ann/outbox/bulk",
        "/actors/{name}/{collection}": "/actors/ann/outbox?page=first",
        "/actors/{name}/streams": "/actors/ann/streams",
        "/actors/{name}/streams/{stream}": "/actors/ann/streams/home?page=first",
        "/streams/type/{type}": "/streams/type/Note?page=first",
        "/streams/custom/{stream}": "/streams/custom/news?page=first",
        "/streams/{role}": f"/streams/object?{thing}",
        "/tags/{tag}": "/tags/tea?page=first",
        "/emoji/{shortcode}": "/emoji/tea",
        "/emoji/{shortcode}/{file}": (await add_emoji(server, "tea"))["url"],
        "/objects/{unique}": note,
        "/objects/{unique}/{collection}": f"{note}/replies",
        "/activities/{unique}": made["id"],
        "/things": f"/things?{thing}",
        "/things/followers": f"/things/followers?{thing}",
        "/things/pending": f"/things/pending?{thing}",
    }
    return server, {route.template: examples.get(route.template, route.path) for route in ROUTES}


async def ask(server: Server, route: Route, url: str) -> list[Reply]:
    """The answers to nobody, and to whoever may have it."""
    who = "site" if route.scope == "site" else "ann"
    data: dict[str, Any] | str | None = None
    if route.path == "/proxy":
        data = urlencode({"id": server.id("ann")})
    elif route.method == "POST":
        data = {"type": "Note", "content": "hi"} | ({"actor": user("lee")} if who == "site" else {})
    if route.path.endswith("/bulk"):
        data = {"type": "OrderedCollection", "orderedItems": [data]}
    sent = {"Origin": PAGE}
    if data is not None:
        sent["Content_Type"] = FORM_TYPE if isinstance(data, str) else AS2
    return [
        await server.ask(route.method, url, as_=one, data=data, **sent)
        for one in ((None,) if route.who == "signature" else (None, who))
    ]


def check_cache(route: Route, reply: Reply) -> None:
    """The answer says who may keep it, as its route does (RFC 9111 5.2.2, 4.1)."""
    kept = reply.headers.get("Cache-Control", "")
    if reply.status >= 400 or route.cache == "none":
        assert "no-store" in kept
        return
    varies = set(re.split(", *", reply.headers.get("Vary", "")))
    if route.cache == "shared":
        assert kept.startswith("public, max-age=")
        assert not varies & {"Authorization", "Signature"}
    else:
        assert kept == "private, no-store" or kept.startswith("public, max-age=")
        assert varies >= {"Authorization", "Signature"}
    assert reply.headers["ETag"]


async def test_BP_19_every_route_says_who_may_keep_its_answers(start_server: StartServer) -> None:
    """BP-19: RFC 9111. What is shown to some only is kept by nobody; each answer that may be kept
    has a validator."""
    server, examples = await start(start_server)
    for route in ROUTES:
        replies = await ask(server, route, examples[route.template])
        for reply in replies:
            check_cache(route, reply)
        allowed = [one for one in replies if one.status < 400]
        assert allowed or route.who == "signature", (route.path, replies[-1].text)
        if route.cache == "shared":
            assert len({(one.text, one.headers["ETag"]) for one in allowed}) == 1, route.path


async def test_BP_18_BP_20_every_route_is_for_pages_in_browsers(start_server: StartServer) -> None:
    """BP-18, BP-20: the preflight names the method and Authorization; the answer, also a refusal,
    is shown with the headers that a client needs, and tells what may still be asked."""
    server, examples = await start(start_server)
    for route in ROUTES:
        url = examples[route.template]
        asks = {"Access_Control_Request_Method": route.method, "Origin": PAGE}
        reply = await server.ask("OPTIONS", url, **asks)
        assert reply.status == 204, route.path
        assert route.method in reply.headers["Access-Control-Allow-Methods"].split(", ")
        assert "Authorization" in reply.headers["Access-Control-Allow-Headers"].split(", ")
        for reply in await ask(server, route, url):
            assert reply.headers["Access-Control-Allow-Origin"] == "*"
            exposed = set(reply.headers["Access-Control-Expose-Headers"].split(", "))
            assert exposed >= {"Location", "Link", "Retry-After", "WWW-Authenticate"}
            assert exposed >= {"RateLimit", "RateLimit-Policy"}
            assert reply.headers["RateLimit-Policy"].startswith(f'"burst";q={A_MINUTE};w=60, ')
            assert reply.headers["RateLimit"].startswith('"burst";r=')
