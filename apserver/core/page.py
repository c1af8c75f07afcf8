"""What all pages have in common: the frame, and who reads them.

Pages need no script and run none. They say who is signed in, and sign out by a form like all that
changes something: a POST with a token that only our own pages know (`core.forms`).
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from apserver.core.hypertext import NOTHING, Html, fill, unturned

STYLESHEET = "/style.css"

_PAGE = """\
<!DOCTYPE html>
<html lang="{lang}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<link rel="stylesheet" href="{stylesheet}">
{head}</head>
<body>
<header>
<nav>{reader}</nav>
</header>
<main>
{main}</main>
</body>
</html>
"""
_SIGNED_IN = """\
<span>Signed in as <a href="{id}">{name}</a></span>
<form method="post" action="/logout"><input type="hidden" name="csrf" value="{csrf}">\
<button>Sign out</button></form>"""
_ALTERNATE = '<link rel="alternate" type="application/activity+json" href="{id}">\n'


@dataclass(frozen=True, slots=True)
class Reader:
    """Who is signed in: an actor of ours. ``csrf`` is the token of the forms it is shown."""

    id: str
    name: str
    csrf: str


def page(
    title: str,
    main: Html,
    *,
    reader: Reader | None,
    lang: str = "en",
    head: Html = NOTHING,
    here: str = "",
) -> str:
    """A whole page. ``here`` is its own path, to come back to after signing in; without one
    it does not offer that."""
    return fill(
        _PAGE,
        lang=lang,
        title=unturned(title),
        stylesheet=STYLESHEET,
        head=head,
        reader=_reader(reader, here),
        main=main,
    )


def alternate(id_: str) -> Html:
    """The link of a page to the document that it shows."""
    return fill(_ALTERNATE, id=id_)


def _reader(reader: Reader | None, here: str) -> Html:
    if reader is not None:
        return fill(_SIGNED_IN, id=reader.id, name=f"@{reader.name}", csrf=reader.csrf)
    if not here:
        return NOTHING
    return fill('<a href="/login?next={here}">Sign in</a>', here=quote(here, safe=""))
