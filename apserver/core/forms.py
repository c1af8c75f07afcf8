"""What forms send, and what shows that it was our own page that sent them.

A page of somebody else can make a browser post to us, with our cookies (CSRF). Three things stand
against it, each by itself:

* our cookies are ``SameSite=Lax``, so that a browser sends none with such a post;
* each of our forms holds a token that is made of the cookie (`form_token`): a page that can read
  neither cannot send it. Who is not signed in gets a cookie for that with the form, as signing
  somebody in under another's name is an attack too (login CSRF);
* a browser says where a post comes from, in ``Sec-Fetch-Site`` and ``Origin``; what does not come
  from here is refused (`is_foreign`). A client that says nothing has the token to show.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from hashlib import sha256
from urllib.parse import parse_qsl, unquote

from apserver.core import limits
from apserver.errors import BadInput

#: The media type of forms (HTML 4.10.21.6).
FORM_TYPE = "application/x-www-form-urlencoded"

#: A path of ours as it stands in an address: what has another meaning to any reader is not in it.
_LOCAL = re.compile(r"/[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*")


def form_token(secret: str) -> str:
    """The token of forms for whom this cookie was made."""
    return hmac.new(secret.encode(), b"a form of apserver", sha256).hexdigest()


def is_token(given: str, secret: str) -> bool:
    """Whether it is that token."""
    return hmac.compare_digest(given.encode(), form_token(secret).encode())


def is_foreign(*, fetch_site: str, origin: str, own: str) -> bool:
    """Whether a browser says that another site made it send this (Fetch Metadata, Fetch 3.1).

    Both headers are empty when they are missing. "none" is a person who sends it again.
    """
    if fetch_site not in ("", "same-origin", "none"):
        return True
    return origin not in ("", own)


def parse_form(body: bytes) -> Mapping[str, str]:
    """The fields of a form (``application/x-www-form-urlencoded``); BadInput for what no form of
    ours sends: bytes that are no UTF-8, NUL, a field twice."""
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=limits.FORM_FIELDS,
        )
    except ValueError:
        raise BadInput("The form is not readable.") from None
    fields = dict(pairs)
    if len(fields) < len(pairs) or any("\0" in text for pair in pairs for text in pair):
        raise BadInput("The form is not one of ours.")
    return fields


def local_path(text: str) -> str:
    """A path of our own, with its query, to lead a browser to; else BadInput.

    Browsers read ``//host``, ``/\\host`` and ``/<tab>/host`` as other hosts, and servers decode
    what is percent-encoded before they lead on (CVE-2026-33868), so neither spelling is taken.
    """
    if len(text) <= limits.IRI and _LOCAL.fullmatch(text):
        path = unquote(text.partition("?")[0])
        if "//" not in path and path.isprintable() and not set('\\%"<> ').intersection(path):
            return text
    raise BadInput("Only a path of this server can come next.")
