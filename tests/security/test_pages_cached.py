"""What a cache in front may show to whom (RFC 9110 12.5.5, CWE-524)."""

from __future__ import annotations

import pytest

from tests.doubles.browser import HTML
from tests.doubles.server import AS2, Server

CREDENTIALS = {"Authorization", "Cookie", "Signature"}


@pytest.mark.parametrize("header", ["Signature", "Authorization"])
async def test_what_a_program_gets_is_shown_to_no_person(server: Server, header: str) -> None:
    """Cache poisoning: who asks for a page with a signature or a token gets the document. Every
    cache may keep it, but not for the browsers that ask for the page without."""
    asked = {"Accept": HTML, header: "x"}
    for path in ("/actors/ann", "/tags/tea", "/actors/ann/followers"):
        reply = await server.get(path, **asked)
        if "public" in reply.headers.get("Cache-Control", ""):
            varies = set(reply.headers["Vary"].split(", "))
            assert header in varies, (path, varies)
    page = await server.get("/actors/ann", **asked)
    assert page.headers["Content-Type"].startswith(AS2)
    assert set(page.headers["Vary"].split(", ")) >= CREDENTIALS
    plain = await server.get("/actors/ann", Accept=AS2, **{header: "x"})
    assert plain.headers["Vary"] == "Accept", "signed requests share one copy"
