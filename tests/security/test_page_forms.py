"""Forms of pages: who may have sent them, where they lead, and what a page may do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from aiohttp import web

from apserver.core import limits
from tests.conftest import StartPeer, StartServer
from tests.doubles.browser import Browser, Form, forms_of
from tests.doubles.peer import Peer
from tests.doubles.server import PUBLIC, Reply, Server
from tests.doubles.wire import Wire
from tests.flows.page_steps import is_signed_in, set_password, signed_in
from tests.security.outgoing import guarded, public_peer

SUBSCRIBE = "http://ostatus.org/schema/1.0/subscribe"
FOREIGN: tuple[dict[str, str], ...] = (
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
)


async def every_form(browser: Browser) -> dict[str, dict[str, str]]:
    """A good form for each POST of a page, by where it goes. Nobody is signed in for /login and
    /subscribe, and somebody for the others."""
    visitor = Browser(browser.server)
    ann, elsewhere = browser.server.id("ann"), "https://there.example/users/x"
    pages = [
        await visitor.get("/login"),
        await visitor.get(f"/subscribe?{urlencode({'id': ann, 'handle': 'x@y.example'})}"),
        await browser.get("/actors/dora"),
        await browser.get(f"/authorize_interaction?{urlencode({'uri': elsewhere})}"),
    ]
    browser.cookies |= visitor.cookies
    return {one.action: pressed(one) for page in pages for one in forms_of(page)}


def pressed(form: Form) -> dict[str, str]:
    """The fields of a form, and of its first button."""
    return form.button(form.buttons[0][0])


async def test_consent_page_posts_from_elsewhere(start_server: StartServer) -> None:
    """security.md: consent-page: CSRF: what another site makes a browser post changes nothing,
    though it carried cookie and token; nor does a form with the token of somebody else."""
    server = await start_server("ann", "bob", "dora")
    browser = await signed_in(server)
    forms = await every_form(browser)
    assert set(forms) == {"/login", "/logout", "/follow", "/subscribe", "/authorize_interaction"}
    other = await every_form(await signed_in(server, "bob"))
    before = await server.contents()
    for action, fields in forms.items():
        for headers in FOREIGN:
            reply = await browser.post(action, fields, **headers)
            assert (reply.status, "Only our own pages" in reply.text) == (403, True), action
        for csrf in (other[action]["csrf"], "", "0" * 64):
            reply = await browser.post(action, {**fields, "csrf": csrf})
            assert (reply.status, "Load its page again" in reply.text) == (403, True), action
        assert "Set-Cookie" not in reply.headers
        plain = await browser.post(action, fields, Content_Type="text/plain")
        assert plain.status == 415
    assert await server.contents() == before
    assert await is_signed_in(browser)


async def test_nobody_is_signed_in_as_another(server: Server) -> None:
    """Login CSRF: a login needs the cookie that came with its form, so that nobody sends a victim's
    browser a form which signs it in under the attacker's name."""
    await set_password(server, "bob")
    attacker, victim = Browser(server), Browser(server)
    form = forms_of(await attacker.get("/login"))[0]
    sent = {**form.fields, "name": "bob", "password": "correct horse battery"}
    for planted in ({}, {"apserver-form": "x" * 22}):
        victim.cookies = dict(planted)
        assert (await victim.post("/login", sent)).status == 403
        assert "apserver-session" not in victim.cookies
    silent = await attacker.post("/login", sent, Origin="", Sec_Fetch_Site="")
    assert silent.status == 303, "a browser that says nothing has cookie and token to show"


async def test_csp_gaps_of_pages(server: Server) -> None:
    """security.md: csp-gaps, consent-page, media-answers: nothing runs, nothing is loaded but our
    stylesheet, forms lead to us, nobody frames a page or reads it from another; on every page and
    on errors. Where a visitor is led is known late: that one page lets its form lead on."""
    note = (await server.note("bob", "for all", PUBLIC))["object"]["id"]
    browser = await signed_in(server)
    subscribe = f"/subscribe?id={quote(server.id('ann'), safe='')}"
    places = [
        "/login",
        "/actors/ann",
        "/actors/bob",
        note,
        subscribe,
        "/authorize_interaction?uri=https://there.example/x",
        "/nowhere",
        "/login?next=//evil.example",
    ]
    for place in places:
        for reader in (browser, Browser(server)):
            page = await reader.get(place)
            if page.status == 303:
                continue
            assert page.headers["Content-Type"] == "text/html; charset=utf-8"
            policy = dict(
                one.split(" ", 1) for one in page.headers["Content-Security-Policy"].split("; ")
            )
            targets = policy.pop("form-action")
            assert policy == {
                "default-src": "'none'",
                "style-src": "'self'",
                "base-uri": "'none'",
                "frame-ancestors": "'none'",
            }
            own = "'none'" if page.status >= 400 else "'self'"
            assert targets == ("'self' https: http:" if place == subscribe else own), place
            assert page.headers["X-Frame-Options"] == "DENY"
            assert page.headers["X-Content-Type-Options"] == "nosniff"
            assert page.headers["Referrer-Policy"] == "same-origin"
            assert page.headers["Access-Control-Allow-Origin"] == server.origin
            assert "Access-Control-Allow-Credentials" not in page.headers
            assert "<script" not in page.text
            assert "style=" not in page.text
    style = await browser.get("/style.css")
    assert (style.status, style.headers["Content-Type"]) == (200, "text/css; charset=utf-8")
    assert "url(" not in style.text


async def test_CVE_2026_33868_next_is_a_page_of_ours(server: Server) -> None:
    """CVE-2026-33868: a form that leads elsewhere does nothing at all (see `core/test_forms.py`
    for all the spellings)."""
    browser = await signed_in(server)
    page = await browser.get("/actors/bob")
    fields = pressed(next(one for one in forms_of(page) if one.action == "/follow"))
    before = await server.contents()
    for next_ in ("https://evil.example/", "//evil.example", "/\\evil.example", "/%2Fevil.example"):
        assert (await browser.post("/follow", {**fields, "next": next_})).status == 400
    for uri in (f"{server.origin}//evil.example", f"{server.origin}/\\evil.example"):
        led = await browser.get(f"/authorize_interaction?{urlencode({'uri': uri})}")
        assert (led.status, "Location" in led.headers) == (400, False)
    assert await server.contents() == before
    led = await browser.post("/follow", {**fields, "next": ""})
    followed = quote(server.id("bob"), safe="")
    assert led.headers["Location"] == f"/authorize_interaction?uri={followed}"
    assert (await browser.get(led.headers["Location"])).headers["Location"] == "/actors/bob"


async def visit(browser: Browser, handle: str) -> Reply:
    """A visitor gives a handle at the page for ann."""
    form = await browser.get(f"/subscribe?id={quote(browser.server.id('ann'), safe='')}")
    return await browser.press(form, "Go to my server", handle=handle)


def jrd(peer: Peer, template: str) -> Callable[[web.Request], Awaitable[web.Response]]:
    """What a peer answers to WebFinger."""

    async def answer(_: web.Request) -> web.Response:
        own: dict[str, Any] = {"rel": "self", "type": "application/activity+json"}
        links = [{**own, "href": peer.id("carol")}, {"rel": SUBSCRIBE, "template": template}]
        return web.json_response({"links": links}, content_type="application/jrd+json")

    return answer


async def test_a_visitor_is_led_to_their_own_server_alone(
    start_server: StartServer, carol: Peer
) -> None:
    """CVE-2026-33868: what a server answers leads to that server, or nowhere; and a link to the
    page leads nobody on, and asks nobody."""
    server = await guarded(start_server)
    browser = Browser(server)
    host = carol.origin.partition("://")[2]
    at = f"/.well-known/webfinger?resource=acct:carol@{host}"
    linked = {"id": server.id("ann"), "handle": f"carol@{host}"}
    assert (await browser.get(f"/subscribe?{urlencode(linked)}")).status == 200
    assert carol.asked == []
    for template in ("https://evil.example/?{uri}", "javascript:{uri}", f"{carol.origin}/x"):
        carol.documents[at] = jrd(carol, template)
        reply = await visit(browser, f"carol@{host}")
        assert (reply.status, "Location" in reply.headers) == (400, False), template
        assert forms_of(reply)[0].fields["handle"] == f"carol@{host}"
    carol.documents[at] = jrd(carol, f"{carol.origin}/follow?u={{uri}}")
    reply = await visit(browser, f"@carol@{host}")
    led = f"{carol.origin}/follow?u={quote(server.id('ann'), safe='')}"
    assert (reply.status, reply.headers["Location"]) == (303, led)
    hostile = await visit(browser, '"><script>@x')
    assert (hostile.status, "<script" in hostile.text) == (400, False)


async def test_visitors_make_nobody_a_nuisance(
    start_server: StartServer, start_peer: StartPeer, inside: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Look-ups are counted by visitor and by host, and go through the same guard as all others:
    who is not signed in reaches nothing inside (security.md: rule-7)."""
    monkeypatch.setattr(limits, "VISITS_PER_ADDRESS", 5)
    monkeypatch.setattr(limits, "VISITS_PER_HOST", 3)
    server = await guarded(start_server)
    one, other = await public_peer(start_peer), await public_peer(start_peer)
    browser = Browser(server)
    assert (await visit(browser, f"x@{inside.origin.partition('://')[2]}")).status == 502
    assert inside.connections == 0
    first, second = (peer.origin.partition("://")[2] for peer in (one, other))
    statuses = [(await visit(browser, f"x@{first}")).status for _ in range(4)]
    assert statuses == [502, 502, 502, 429]
    assert len(one.asked) == 3
    assert (await visit(browser, f"x@{second}")).status == 429
    assert other.asked == []


async def test_opening_a_page_asks_nobody(start_server: StartServer, carol: Peer) -> None:
    """X7: a link to /authorize_interaction makes the server of who is signed in ask nobody and
    store nothing; its form does. Who is not signed in is sent to do that first."""
    server = await guarded(start_server)
    browser = await signed_in(server)
    uri = carol.id("carol")
    before = await server.contents()
    form = await browser.get(f"/authorize_interaction?{urlencode({'uri': uri})}")
    assert (form.status, carol.asked) == (200, [])
    assert await server.contents() == before
    found = await browser.press(form, "Look it up")
    assert found.status == 303, found.text
    assert carol.asked == ["GET /users/carol"]
    profile = await browser.get(found.headers["Location"])
    assert f"@carol@{carol.origin.partition('://')[2]}" in profile.text
    for odd in ("javascript:alert(1)", 'https://x.example/"><script>', "x", "", "/actors/ann"):
        page = await browser.get(f"/authorize_interaction?{urlencode({'uri': odd})}")
        assert (page.status, "<script" in page.text) == (400, False), odd
    stranger = await Browser(server).get(f"/authorize_interaction?{urlencode({'uri': uri})}")
    assert stranger.headers["Location"].startswith("/login?next=%2Fauthorize_interaction%3F")


async def test_homograph_names_on_pages(start_server: StartServer, carol: Peer) -> None:
    """security.md: homograph: the host of a stranger is shown in letters that cannot be taken for
    others, and names turn nothing round; what others wrote is cleaned on our pages too."""
    mallory = carol.add_actor("mallory", summary="<script>x</script>")
    mallory["name"] = "\u202egro.doog\u202c<b>x"
    server = await guarded(start_server)
    browser = await signed_in(server)
    form = await browser.get(f"/authorize_interaction?uri={quote(carol.id('mallory'), safe='')}")
    found = await browser.press(form, "Look it up")
    page = await browser.get(found.headers["Location"])
    assert "<bdi>gro.doog" in page.text
    assert not {"\u202e", "\u202c"}.intersection(page.text)
    assert "<script" not in page.text
    host = "\u0430\u0440\u0440\u04cf\u0435.example"
    id_, handle = f"https://{host}/users/x", f"x@{host}"
    shown = await browser.get(f"/authorize_interaction?{urlencode({'uri': id_})}")
    assert shown.status == 400, "ids are spelt with the host in ASCII"
    shown = await browser.get(f"/authorize_interaction?{urlencode({'uri': handle})}")
    assert "x@xn--80ak6aa92e.example" in shown.text
    assert "\u0430" not in shown.text
    summary = "<p>me <img src=x onerror=alert(1)><script>x</script></p>"
    ann = {"id": server.id("ann"), "type": "Person", "summary": summary}
    assert (await server.post("ann", {"type": "Update", "object": ann})).status == 201
    mine = await Browser(server).get("/actors/ann")
    assert '<div class="p-note" dir="auto"><p>me </p></div>' in mine.text
