"""The page of an actor: its h-card (microformats 2), and what can be done with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apserver.core.document import as_list, first, id_of
from apserver.core.hypertext import NOTHING, Html, cleaned, fill, named
from apserver.core.lexical import is_web_iri
from apserver.core.page import Reader, alternate, page
from apserver.core.summaries import plain

_MAIN = """\
<article class="h-card">
{moved}<h1 class="p-name">{name}</h1>
<p><a class="u-url u-uid" rel="me" href="{id}">{handle}</a> <span class="type">{type}</span></p>
{note}{url}</article>
{below}"""
_NOTE = '<div class="p-note" dir="auto">{note}</div>\n'
_MOVED = '<p class="moved" role="status">Has moved to <a href="{to}">{to}</a>.</p>\n'
_URL = '<p><a class="u-url" href="{url}">{url}</a></p>\n'


def profile_page(
    actor: Mapping[str, Any],
    *,
    handle: str,
    reader: Reader | None,
    below: Html = NOTHING,
    here: str = "",
) -> str:
    """The page of an actor, given its document and its handle, ``@name@host``."""
    id_, note = str(actor["id"]), actor.get("summary")
    name = actor.get("name")
    shown = plain(name) if isinstance(name, str) else ""
    main = fill(
        _MAIN,
        moved=_moved(actor),
        name=named(shown or handle),
        id=id_,
        handle=named(handle),
        type=actor.get("type", ""),
        note=fill(_NOTE, note=cleaned(note)) if isinstance(note, str) and note else NOTHING,
        url=_url(actor, id_),
        below=below,
    )
    return page(shown or handle, main, reader=reader, head=alternate(id_), here=here)


def _moved(actor: Mapping[str, Any]) -> Html:
    """Where it went on (`core.rules.move`)."""
    to = id_of(first(actor.get("movedTo")))
    return fill(_MOVED, to=to) if is_web_iri(to) else NOTHING


def _url(actor: Mapping[str, Any], id_: str) -> Html:
    """Where it is at home, when that is not here: a thing stands on its site."""
    url = next(iter(as_list(actor.get("url"))), None)
    is_elsewhere = isinstance(url, str) and url != id_ and is_web_iri(url)
    return fill(_URL, url=url) if is_elsewhere else NOTHING
