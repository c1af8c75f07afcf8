"""Passwords, sessions and their cookies (docs/decisions/0015)."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from apserver import app
from apserver.core import limits
from tests.conftest import StartServer
from tests.doubles.authority import Authority
from tests.doubles.browser import Browser, forms_of
from tests.doubles.server import Reply, Server
from tests.flows.page_steps import PASSWORD, is_signed_in, set_password, signed_in
from tests.flows.site_steps import issue, start_site, told

SESSION = "apserver-session"


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The passwords that are hashed while a test lasts: what they cost, in place of seconds."""
    counted: list[bytes] = []
    scrypt = hashlib.scrypt

    def counting(password: bytes, **cost: Any) -> bytes:
        counted.append(password)
        return scrypt(password, **cost)

    monkeypatch.setattr(hashlib, "scrypt", counting)
    return counted


def cookies_set(reply: Reply) -> dict[str, list[str]]:
    """The attributes of each cookie that an answer sets."""
    lines = reply.headers.getall("Set-Cookie", [])  # type: ignore[attr-defined]
    return {
        line.partition("=")[0]: sorted(part.strip() for part in line.split(";")[1:])
        for line in lines
    }


async def refused(browser: Browser, name: str, password: str) -> str:
    """Somebody tries to sign in, and may not; what the page says."""
    reply = await browser.sign_in(name, password)
    assert reply.status == 403, reply.text
    assert SESSION not in browser.cookies
    return reply.text.partition('role="alert">')[2].partition("<")[0]


@pytest.mark.parametrize("tls", [False, True])
async def test_attributes_of_cookies(start_server: StartServer, tmp_path: Path, tls: bool) -> None:
    """No script reads a cookie, no other site sends it with a form; over TLS it is bound to this
    host (RFC 6265bis 4.1.3.2). Only its SHA-256 is stored."""
    options: dict[str, object] = {}
    if tls:
        authority = Authority.at(tmp_path)
        cert, key = authority.certify("127.0.0.1")
        options = {"tls__cert": cert, "tls__key": key, "federation__ca_file": authority.ca_file}
    server = await start_server("ann", **options)
    prefix = "__Host-" if tls else ""
    common = ["HttpOnly", "Path=/", "SameSite=Lax", *(["Secure"] if tls else [])]
    await set_password(server, "ann")
    browser = Browser(server)
    form = await browser.get("/login")
    an_hour = f"Max-Age={limits.FORM_COOKIE_S}"
    assert cookies_set(form) == {f"{prefix}apserver-form": sorted([*common, an_hour])}
    reply = await browser.sign_in("ann", PASSWORD)
    months = f"Max-Age={limits.SESSION_S}"
    assert cookies_set(reply)[prefix + SESSION] == sorted([*common, months])
    token = browser.cookies[prefix + SESSION]
    [row] = await server.rows("SELECT hash FROM session")
    assert row["hash"] == hashlib.sha256(token.encode()).digest()
    assert await is_signed_in(browser)


async def test_CVE_2025_24896_a_session_ends_for_good(server: Server) -> None:
    """CVE-2025-24896: signed out, the old cookie opens nothing; and it is ended by a POST alone."""
    browser = await signed_in(server)
    kept = Browser(server, dict(browser.cookies))
    assert await is_signed_in(kept)
    assert (await browser.get("/logout")).status == 405
    page = await browser.get("/actors/ann")
    assert (await browser.press(page, "Sign out")).status == 303
    assert browser.cookies == {}
    assert await server.rows("SELECT FROM session") == []
    assert not await is_signed_in(kept)
    fields = forms_of(page)[0].button("Sign out")
    assert (await kept.post("/logout", fields)).status == 401


async def test_nobody_is_given_a_session_before(server: Server) -> None:
    """Session fixation: a cookie that somebody planted is not taken up at the login, and a session
    that was there in this browser ends with it."""
    await set_password(server, "ann")
    planted = "x" * 43
    browser = Browser(server, {SESSION: planted})
    assert not await is_signed_in(browser)
    assert (await browser.sign_in("ann", PASSWORD)).status == 303
    first = browser.cookies[SESSION]
    assert first != planted
    assert (await browser.sign_in("ann", PASSWORD)).status == 303
    assert browser.cookies[SESSION] not in (first, planted)
    for old in (first, planted):
        assert not await is_signed_in(Browser(server, {SESSION: old}))
    assert len(await server.rows("SELECT FROM session")) == 1


async def test_CVE_2024_25619_what_ends_all_sessions(server: Server) -> None:
    """CVE-2024-25619: a new password, a suspension (which brings none back), a deletion."""
    browser = await signed_in(server)
    await set_password(server, "ann", "another password")
    assert not await is_signed_in(browser)
    assert await refused(Browser(server), "ann", PASSWORD)
    browser = await signed_in(server, "bob")
    async with app.moderating(server.dsn, server.settings) as moderation:
        await moderation.suspend("bob", act="actor suspend")
        assert await server.rows("SELECT FROM session") == []
        assert await refused(Browser(server), "bob", PASSWORD)
        await moderation.unsuspend("bob", act="actor unsuspend")
    assert not await is_signed_in(browser)
    browser = await signed_in(server, "bob")
    await app.delete_actor(server.dsn, server.settings, name="bob", dry_run=False)
    assert await server.rows("SELECT FROM session") == []
    assert (
        await server.rows(
            "SELECT FROM password AS p JOIN actor a ON a.key = p.actor WHERE a.name = 'bob'"
        )
        == []
    )
    assert not await is_signed_in(browser)


async def test_GHSA_3xjw_who_cannot_sign_in_looks_alike(
    start_server: StartServer, hashed: list[bytes]
) -> None:
    """GHSA-3xjw-gv43-3w62, secrets-timing: a wrong password, no password, no such name, a
    suspended or deleted actor, a façade and the server's own actor: the same answer for the same
    work. Work is counted, for seconds tell nothing on a busy machine."""
    server = await start_site(start_server, "ann", "bob", "carol", "dora")
    await told(server, "mit", "opened", object={"id": issue(2), "type": "Document"})
    await server.get(f"/.well-known/webfinger?resource=acct:issue_2@{server.origin[7:]}")
    for name in ("ann", "bob", "carol"):
        await set_password(server, name)
    async with app.moderating(server.dsn, server.settings) as moderation:
        await moderation.suspend("bob", act="actor suspend")
    await app.delete_actor(server.dsn, server.settings, name="carol", dry_run=False)
    browser = Browser(server)
    for name in ("ann", "bob", "carol", "dora", "nobody", "instance", "issue_2"):
        hashed.clear()
        password = "wrong password" if name == "ann" else PASSWORD
        assert await refused(browser, name, password) == "The name or the password is not right."
        assert len(hashed) == 1, name


async def test_passwords_are_not_guessed(
    start_server: StartServer, monkeypatch: pytest.MonkeyPatch, hashed: list[bytes]
) -> None:
    """Brute force: tries are counted by name and by address, right or wrong, before anything is
    hashed; and no token of a form gets around it."""
    monkeypatch.setattr(limits, "LOGINS_PER_NAME", 2)
    monkeypatch.setattr(limits, "LOGINS_PER_ADDRESS", 4)
    server = await start_server("ann", "bob")
    await set_password(server, "ann")
    browser = Browser(server)
    await refused(browser, "ann", "wrong password")
    await refused(browser, "ANN", "wrong password")
    hashed.clear()
    late = await browser.sign_in("@ann", PASSWORD)
    assert (late.status, hashed) == (429, [])
    assert int(late.headers["Retry-After"]) > 0
    await refused(Browser(server), "nobody", PASSWORD)
    late = await Browser(server).sign_in("bob", PASSWORD)
    assert late.status == 429, "the fifth try from this address"


async def test_password_dos(server: Server, hashed: list[bytes]) -> None:
    """security.md: password-dos: what is longer than any password is not hashed."""
    browser = Browser(server)
    long = await browser.sign_in("ann", "x" * (limits.PASSWORD + 1))
    wide = await browser.sign_in("ann", "é" * (limits.PASSWORD // 2 + 1))
    assert (long.status, wide.status) == (422, 422)
    assert (await browser.sign_in("ann", "x" * limits.FORM)).status == 413
    assert hashed == []


async def test_a_password_has_one_spelling(server: Server) -> None:
    """RFC 8265 4.2.2: the same characters, whichever way a keyboard composes them."""
    await set_password(server, "ann", "na\u00efve caf\u00e9")
    assert (await Browser(server).sign_in("ann", "nai\u0308ve cafe\u0301")).status == 303


async def test_sessions_end_by_themselves(
    start_server: StartServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is not used for long, or is old, opens nothing and is removed; of many the oldest
    ends."""
    monkeypatch.setattr(limits, "SESSIONS", 2)
    server = await start_server("ann")
    browsers = [await signed_in(server)]
    for _ in range(2):
        browsers.append(Browser(server))
        assert (await browsers[-1].sign_in("ann", PASSWORD)).status == 303
    assert [await is_signed_in(one) for one in browsers] == [False, True, True]
    [row] = await server.rows(
        "SELECT max(ends_at) - min(started_at) > $1 * interval '0.99 second' AS idle FROM session",
        limits.SESSION_IDLE_S,
    )
    assert row["idle"]
    await server.rows(
        "UPDATE session SET seen_at = seen_at - interval '1 day',"
        " started_at = started_at - $1 * interval '1 second'",
        limits.SESSION_S - 86_400,
    )
    assert await is_signed_in(browsers[1])  # which is written, and cannot go beyond the whole time
    [row] = await server.rows(
        "SELECT min(ends_at) < now() + interval '25 hours' AS soon FROM session"
    )
    assert row["soon"]
    await server.rows("UPDATE session SET ends_at = now() - interval '1 second'")
    assert not await is_signed_in(browsers[1])
    removed = await app.prune(server.dsn, server.settings, dry_run=False)
    assert removed["sessions"] == 2
    assert await server.rows("SELECT FROM session") == []


async def test_a_cookie_opens_nothing_of_the_api(server: Server) -> None:
    """Who asks with a cookie and no token is nobody: not in the outbox, not for documents, whatever
    it accepts. So no page elsewhere can use it by making a browser ask."""
    private = await server.note("bob", "for ann alone", server.id("ann"))
    browser = await signed_in(server)
    note = {"type": "Note", "content": "hi"}
    for media_type in ("application/activity+json", "application/x-www-form-urlencoded"):
        reply = await server.ask(
            "POST",
            "/actors/ann/outbox",
            data=note,
            Content_Type=media_type,
            Cookie=f"{SESSION}={browser.cookies[SESSION]}",
        )
        assert reply.status == 401
    assert (await browser.get("/actors/ann/inbox")).status == 401
    assert (await browser.get("/actors/ann/inbox", Accept="*/*")).status == 401
    assert (await browser.get("/actors/ann/streams/home")).status == 401
    asked = await browser.get("/actors/ann/following?view=ids", Accept="application/json")
    assert asked.status == 401
    for accept in ("application/activity+json", "*/*", "application/json"):
        assert (await browser.get(private["object"]["id"], Accept=accept)).status == 404
    album = {"type": "OrderedCollection", "name": "mine", "to": [server.id("ann")]}
    made = await server.post("bob", album)
    assert made.status == 201, made.text
    mine = made.json["object"]["id"]
    assert (await server.get(mine, as_="ann")).status == 200
    assert (await browser.get(mine)).status == 404
    odd = await browser.get("/actors/ann", Cookie='a="\\; =; ;x; apserver-session="ab')
    assert (odd.status, "Signed in" in odd.text) == (200, False)
    token = f"Bearer {server.tokens['bob']}"
    both = await browser.get("/actors/ann/inbox", Authorization=token)
    assert both.status == 403


async def test_what_is_typed_is_shown_as_text(server: Server) -> None:
    """The name of a failed login, and where it leads, come back as text."""
    browser = Browser(server)
    form = await browser.get("/login")
    sent = {**forms_of(form)[0].fields, "name": '"><script>x</script>', "password": "wrong"}
    reply = await browser.post("/login", sent)
    assert reply.status == 403
    assert "<script" not in reply.text
    assert forms_of(reply)[0].fields["name"] == sent["name"]
    assert forms_of(reply)[0].fields["password"] == ""
    for next_ in ('/x"><script>', "https://evil.example", "//evil.example", "/%5Cevil.example"):
        assert (await browser.get(f"/login?{urlencode({'next': next_})}")).status == 400
        fields = {**sent, "next": next_, "csrf": forms_of(reply)[0].fields["csrf"]}
        assert (await browser.post("/login", fields)).status == 400
