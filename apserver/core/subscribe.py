"""Where a visitor follows something with their own server (OStatus "subscribe" template).

The host of a handle names by WebFinger, beside the actor, a page at which its people begin to
follow: a template in which ``{uri}`` stands for what is to be followed. The word of another server
leads a browser away from us, so no more is taken than is needed: the page lies at the host of the
handle itself, or at that of the actor which that host says the handle stands for; and what is
filled in is percent-encoded, in one place that the template marks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from apserver.core.document import as_list
from apserver.core.origin import Handle, check_id, host_of
from apserver.errors import BadInput

#: An identifier, spelt with `http:` for ever.
SUBSCRIBE: Final = "http://ostatus.org/schema/1.0/subscribe"
_PLACE = "{uri}"


def subscribe_url(
    jrd: Mapping[str, Any], uri: str, *, handle: Handle, actor: str, allow_http: bool
) -> str:
    """The page to send a visitor to. ``jrd`` is what the host of ``handle`` answered, ``actor`` the
    id that it names. BadInput when there is no such page, or none that may be led to."""
    template = _template(jrd)
    before, place, after = template.partition(_PLACE)
    if not place or "{" in before + after or "}" in before + after:
        raise BadInput(f"The page that {handle.host} names for this cannot be used.")
    url = check_id(f"{before}{quote(uri, safe='')}{after}", allow_http=allow_http)
    if not url.isascii() or host_of(url) not in (handle.host, host_of(actor)):
        raise BadInput(f"The page that {handle.host} names for this lies elsewhere.")
    return url


def _template(jrd: Mapping[str, Any]) -> str:
    for link in as_list(jrd.get("links")):
        if isinstance(link, Mapping) and link.get("rel") == SUBSCRIBE:
            template = link.get("template")
            if isinstance(template, str):
                return template
    raise BadInput("That server does not say where its people begin to follow somebody.")
