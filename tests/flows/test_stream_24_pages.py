"""Scenario 24: pages that show who follows what, and forms that change it (rows E6 to E9, F5)."""

from __future__ import annotations

from urllib.parse import parse_qs, quote, urlencode, urlsplit

from tests.conftest import StartServer
from tests.doubles.browser import HTML, Browser, forms_of
from tests.doubles.server import AS2, Server, until
from tests.flows.page_steps import FLAGS, PASSWORD, follows, set_password, signed_in, toggles
from tests.flows.site_steps import group, issue, start_site, told
from tests.flows.steps import check_problem


async def test_scenario_24_the_state_of_each_flag(start_server: StartServer) -> None:
    """E6, E7: the page of a thing shows who is signed in how they follow it, for each flag; the
    first button is for all of them. What it does is what the API does (F5)."""
    server = await start_site(start_server, "ann", flags=FLAGS)
    await told(server, "mit", "opened", object={"id": issue(2), "type": "Document", "name": "It"})
    browser = await signed_in(server)
    place = f"/things?id={issue(2)}"
    page = await browser.get(place)
    assert page.status == 200, page.text
    assert toggles(page) == {
        "": "follow",
        "liking": "follow",
        "watching": "follow",
        "mute": "follow",
    }
    pressed = await browser.press(page, "Start watching")
    assert (pressed.status, pressed.headers["Location"]) == (303, place)
    page = await browser.get(place)
    assert toggles(page) == {
        "*": "unfollow",  # E7: it says "unfollow" when any flag stands
        "liking": "follow",
        "watching": "unfollow",
        "mute": "follow",
    }
    [follow] = await follows(server, "ann", issue(2))
    assert (follow["followFlag"], follow["actorOnly"]) == ("watching", True)
    assert (await browser.press(page, "Start liking")).status == 303
    assert (await browser.press(page, "Stop watching")).status == 303
    [follow] = await follows(server, "ann", issue(2))
    assert follow["followFlag"] == "liking"
    assert (await browser.press(await browser.get(place), "Unfollow")).status == 303
    assert await follows(server, "ann", issue(2)) == []
    assert (await browser.press(await browser.get(place), "Follow all")).status == 303
    [follow] = await follows(server, "ann", issue(2))
    assert (follow.get("followFlag"), follow["actorOnly"]) == (None, False)


async def test_E7_X3_what_the_first_button_ends(start_server: StartServer) -> None:
    """E7, X3, X1: it ends the follows with all flags, and says so when there are several; what is
    muted is no follow, and stays so. Each other button ends one."""
    server = await start_server("ann", "bob", flags=FLAGS)
    browser = await signed_in(server)
    for text in ("Start mute", "Follow", "Start liking", "Start watching"):
        page = await browser.get("/actors/bob")
        assert (await browser.press(page, text)).status == 303
    await server.drained()
    page = await browser.get("/actors/bob")
    assert "You follow this (liking, watching)." in page.text
    assert (await browser.press(page, "Unfollow without a flag")).status == 303
    page = await browser.get("/actors/bob")
    assert set(toggles(page).values()) == {"unfollow"}
    assert "" not in toggles(page)
    assert (await browser.press(page, "Unfollow altogether")).status == 303
    page = await browser.get("/actors/bob")
    assert toggles(page) == {
        "": "follow",
        "liking": "follow",
        "watching": "follow",
        "mute": "unfollow",
    }
    await server.drained()
    undone = [
        one for one in await server.items("ann", "outbox", as_="ann") if one["type"] == "Undo"
    ]
    assert len(undone) == 3, "one for each follow that stood (B8, B9)"
    assert await server.items("bob", "followers", as_="bob") == []
    again = {**forms_of(page)[1].button("Follow"), "action": "unfollow", "flag": "liking"}
    assert (await browser.post("/follow", again)).status == 303
    assert len(await server.items("ann", "outbox", as_="ann")) == 7


async def test_scenario_24_no_get_changes_anything(server: Server) -> None:
    """X7, F5: GET on the URL that follows is 405, and nothing is changed; nor is it by a form
    without its token (403), by a form that leads elsewhere (400), or without a session (401)."""
    browser = await signed_in(server)
    page = await browser.get("/actors/bob")
    fields = forms_of(page)[1].button("Follow")
    before = await server.contents()
    for method in ("GET", "HEAD"):
        reply = await server.ask(method, f"/follow?{urlencode(fields)}", Accept=HTML)
        assert (reply.status, set(reply.headers["Allow"].split(", "))) == (405, {"OPTIONS", "POST"})
    bare = {name: value for name, value in fields.items() if name != "csrf"}
    for wrong in (bare, {**bare, "csrf": ""}, {**bare, "csrf": "0" * 64}):
        assert (await browser.post("/follow", wrong)).status == 403
    assert (
        await browser.post("/follow", {**fields, "next": "https://evil.example/"})
    ).status == 400
    assert (await browser.post("/follow", {**fields, "next": "//evil.example"})).status == 400
    assert (await Browser(server).post("/follow", fields)).status == 401
    assert await server.contents() == before
    assert (await browser.post("/follow", fields)).status == 303
    await server.drained()
    assert await server.items("ann", "following", as_="ann") == [server.id("bob")]


async def test_scenario_24_errors_in_the_readers_own_form(server: Server) -> None:
    """Pages of errors for browsers, problem details for programs, with the same words and id."""
    browser = await signed_in(server)
    page = await browser.get("/nowhere")
    assert (page.status, page.headers["Content-Type"]) == (404, "text/html; charset=utf-8")
    assert "There is nothing here." in page.text
    assert page.headers["X-Request-Id"] in page.text
    fields = forms_of(await browser.get("/actors/bob"))[1].button("Follow")
    refused = await browser.post("/follow", {**fields, "id": f"{server.origin}/objects/none"})
    assert (refused.status, refused.headers["Cache-Control"]) == (404, "no-store")
    assert "<script" not in (await browser.get("/<script>")).text
    program = await browser.post("/follow", {**fields, "csrf": "x"}, Accept="application/json")
    check_problem(program, 403)


async def test_AP_GET_03_a_profile_for_people(start_server: StartServer) -> None:
    """AP-GET-03, F1, E9: an h-card with a link to the document, for whoever prefers HTML; with the
    way to the reader's own server for strangers, who share one copy. Programs see no cookie."""
    server = await start_server("ann", "bob")
    page = await Browser(server).get("/actors/ann")
    assert (page.status, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    for piece in (
        f'<link rel="alternate" type="application/activity+json" href="{server.id("ann")}">',
        'class="h-card"',
        f'class="u-url u-uid" rel="me" href="{server.id("ann")}"',
        '<h1 class="p-name"><bdi>ann</bdi></h1>',
    ):
        assert piece in page.text, piece
    assert [one.action for one in forms_of(page)] == ["/subscribe"]
    assert page.headers["Cache-Control"] == "public, max-age=60"
    assert {"Cookie", "Accept"} <= set(page.headers["Vary"].split(", "))
    assert "Set-Cookie" not in page.headers
    browser = await signed_in(server)
    mine = await browser.get("/actors/ann")
    assert toggles(mine) == {}
    assert "Signed in as" in mine.text
    assert mine.headers["Cache-Control"] == "private, no-store"
    assert (await browser.get("/actors/instance")).status == 200
    cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    plain, with_cookie = [
        await server.get("/actors/ann", Accept=AS2, **one) for one in ({}, {"Cookie": cookie})
    ]
    assert plain.json == with_cookie.json
    assert "Cookie" not in plain.headers["Vary"]
    assert with_cookie.headers["Cache-Control"] == plain.headers["Cache-Control"]


async def test_scenario_24_the_page_of_a_note(server: Server) -> None:
    """E6: an object can be followed from its page, and who may read it reads it there."""
    private = await server.note("bob", "for ann alone", server.id("ann"))
    place = private["object"]["id"].removeprefix(server.origin)
    assert (await Browser(server).get(place)).status == 404
    browser = await signed_in(server)
    page = await browser.get(place)
    assert (page.status, page.headers["Cache-Control"]) == (200, "private, no-store")
    assert "for ann alone" in page.text
    assert toggles(page) == {"": "follow"}
    assert (await browser.press(page, "Follow")).status == 303
    page = await browser.get(place)
    assert toggles(page) == {"*": "unfollow"}
    assert (await browser.get(private["id"].removeprefix(server.origin))).status == 200


async def test_scenario_24_a_remote_visitor_is_led_home(start_server: StartServer) -> None:
    """E7, WF-16: who is on another server gives their handle, is led to its page for that, signs in
    there, and follows from there."""
    here, there = await start_server("ann"), await start_server("bob")
    visitor = Browser(here)
    page = await visitor.get("/actors/ann")
    handle = f"bob@{there.origin.partition('://')[2]}"
    form = await visitor.press(page, "Go on", handle=handle)
    assert form.status == 200, form.text
    led = await visitor.press(form, "Go to my server")
    ann = here.id("ann")
    assert led.status == 303, led.text
    assert led.headers["Location"] == (
        f"{there.origin}/authorize_interaction?uri={quote(ann, safe='')}"
    )
    browser = Browser(there)
    asked = await browser.get(led.headers["Location"])
    assert asked.status == 303
    await set_password(there, "bob")
    next_ = parse_qs(urlsplit(asked.headers["Location"]).query)["next"][0]
    back = await browser.sign_in("bob", PASSWORD, next=next_)
    assert (back.status, back.headers["Location"]) == (303, next_)
    form = await browser.get(next_)
    assert (toggles(form), ann in form.text) == ({}, True)
    found = await browser.press(form, "Look it up")
    assert found.status == 303, found.text
    profile = await browser.get(found.headers["Location"])
    assert f"@ann@{here.origin.partition('://')[2]}" in profile.text
    assert (await browser.press(profile, "Follow")).status == 303

    async def followed() -> bool:
        return await here.items("ann", "followers", as_="ann") == [there.id("bob")]

    await until(followed)


async def test_scenario_24_a_visitor_of_a_thing(start_server: StartServer) -> None:
    """E7, R5: from elsewhere the façade is followed in place of the thing; what has none, or is
    not there, has no such form."""
    server = await start_site(start_server, "ann")
    await told(server, "mit", "opened", object={"id": issue(2), "type": "Document"})
    await told(server, "mit", "joined", object=group(1))
    visitor = Browser(server)
    page = await visitor.get(f"/things?id={issue(2)}")
    assert [one.fields["id"] for one in forms_of(page)] == [issue(2)]
    handle = f"ann@{server.origin.partition('://')[2]}"
    form = await visitor.press(page, "Go on", handle=handle)
    assert server.id("issue_2") in form.text
    led = await visitor.press(form, "Go to my server")
    facade = quote(server.id("issue_2"), safe="")
    assert led.headers["Location"] == f"/authorize_interaction?uri={facade}"
    assert forms_of(await visitor.get(f"/things?id={group(1)}")) == []
    for id_ in (issue(9), group(1), server.id("nobody"), server.id("instance"), "x", ""):
        reply = await visitor.get(f"/subscribe?{urlencode({'id': id_})}")
        assert reply.status == 404, id_


async def test_WF_16_links_to_the_page_and_for_following(server: Server) -> None:
    """WF-16: the profile page and the subscribe template; there are no avatars here."""
    host = server.origin.partition("://")[2]
    jrd = (await server.get(f"/.well-known/webfinger?resource=acct:ann@{host}")).json
    links = {one["rel"]: one for one in jrd["links"]}
    page = links["http://webfinger.net/rel/profile-page"]
    assert (page["type"], page["href"]) == ("text/html", server.id("ann"))
    template = links["http://ostatus.org/schema/1.0/subscribe"]["template"]
    assert template == f"{server.origin}/authorize_interaction?uri={{uri}}"
    browser = await signed_in(server)
    led = await browser.get(template.replace("{uri}", f"acct:bob@{host}"))
    assert (led.status, led.headers["Location"]) == (303, "/actors/bob")
