"""Pages between servers: for a visitor who follows from elsewhere, and for one of ours who was sent
here from elsewhere."""

from __future__ import annotations

from apserver.core.hypertext import NOTHING, Html, fill
from apserver.core.page import Reader, page

_SUBSCRIBE = """\
<h1>Follow from your own server</h1>
<p>You are about to follow <a href="{uri}">{uri}</a>.</p>
{trouble}<form class="column" method="post" action="/subscribe">
<input type="hidden" name="csrf" value="{csrf}">
<input type="hidden" name="id" value="{id}">
<label for="handle">Your handle</label>
<input id="handle" name="handle" value="{handle}" placeholder="you@example.org" required \
maxlength="400" autocapitalize="none" autocomplete="off" spellcheck="false" inputmode="email">
<button>Go to my server</button>
</form>
"""
_LOOK_UP = """\
<h1>Follow somebody elsewhere</h1>
<p><strong>{uri}</strong></p>
{trouble}<form class="column" method="post" action="/authorize_interaction">
<input type="hidden" name="csrf" value="{csrf}">
<input type="hidden" name="uri" value="{uri}">
<button>Look it up</button>
</form>
"""
_TROUBLE = '<p role="alert">{trouble}</p>\n'


def subscribe_page(uri: str, *, id: str, csrf: str, handle: str = "", trouble: str = "") -> str:
    """Asks a visitor for their handle. ``uri`` is what they follow, ``id`` what they asked for."""
    told = _told(trouble)
    main = fill(_SUBSCRIBE, uri=uri, id=id, csrf=csrf, handle=handle, trouble=told)
    return page("Follow from your own server", main, reader=None)


def look_up_page(uri: str, *, reader: Reader, trouble: str = "") -> str:
    """Asks whether to ask another server: a page that was only opened makes us ask nobody."""
    main = fill(_LOOK_UP, uri=uri, csrf=reader.csrf, trouble=_told(trouble))
    return page("Follow somebody elsewhere", main, reader=reader)


def _told(trouble: str) -> Html:
    return fill(_TROUBLE, trouble=trouble) if trouble else NOTHING
