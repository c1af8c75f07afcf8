"""Pages as a real browser takes them: cookies, Origin, policies, a narrow window (scenario 24)."""

from __future__ import annotations

from pathlib import Path

from tests.conftest import StartServer
from tests.doubles.chromium import Window
from tests.doubles.server import until
from tests.flows.page_steps import FLAGS, PASSWORD, follows, set_password
from tests.flows.site_steps import issue, start_site, told

NARROW = 320  #: pixels, of the smallest telephone (WCAG 1.4.10)


async def test_scenario_24_in_a_browser(start_server: StartServer, tmp_path: Path) -> None:
    """E7, F5, WF-16: sign in, follow with a flag and without, sign out; then, as a visitor, be led
    to one's own server, sign in there, and follow from there. The browser sends cookie and Origin
    as our forms want them, its policies let all of it happen, and it loads nothing of others."""
    here = await start_site(start_server, "ann", flags=FLAGS)
    there = await start_server("bob")
    name = "A door that does not close when it is cold outside in a morning of November"
    await told(here, "mit", "opened", object={"id": issue(2), "type": "Document", "name": name})
    await set_password(here, "ann")
    await set_password(there, "bob")
    async with Window.opened(tmp_path, width=NARROW) as window:
        place = f"/things?id={issue(2)}"
        await window.go(f"{here.origin}/login?next={place}")
        await window.fill_in(name="ann", password=PASSWORD)
        await window.press("Sign in")
        for text, shown in (("Follow all", "follow this."), ("Start liking", "this (liking).")):
            await window.shows("document.querySelector('.follow')")
            await window.press(text)
            await window.shows(
                f"(document.querySelector('.follow p')||{{}}).textContent?.endsWith({shown!r})"
            )
        assert {one.get("followFlag", "") for one in await follows(here, "ann", issue(2))} == {
            "",
            "liking",
        }
        assert await window.evaluate("document.documentElement.scrollWidth <= innerWidth")
        style = "getComputedStyle(document.querySelector('button.on')).cursor"
        assert await window.evaluate(style) == "pointer", "the stylesheet counts"
        await window.press("Sign out")
        await window.shows("location.pathname == '/login'")
        await window.go(here.id("ann"))
        await window.fill_in(handle=f"bob@{there.origin.partition('://')[2]}")
        await window.press("Go on")
        await window.shows("location.pathname == '/subscribe'")
        await window.press("Go to my server")
        await window.shows(f"location.origin == {there.origin!r} && location.pathname == '/login'")
        await window.fill_in(name="bob", password=PASSWORD)
        await window.press("Sign in")
        await window.shows("location.pathname == '/authorize_interaction'")
        await window.press("Look it up")
        await window.shows("document.querySelector('.h-card')")
        assert await window.evaluate("document.documentElement.scrollWidth <= innerWidth")
        await window.press("Follow")

        async def followed() -> bool:
            return await here.items("ann", "followers", as_="ann") == [there.id("bob")]

        await until(followed)
        await window.shows("document.querySelector('.follow p')")
    assert window.troubles == []
    elsewhere = [
        one for one in window.asked if not one.split()[1].startswith((here.origin, there.origin))
    ]
    assert elsewhere == []
