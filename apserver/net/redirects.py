"""Where an answer leads on to. Nothing here is asked: each step goes through the guard anew."""

from __future__ import annotations

from urllib.parse import urljoin

from apserver.core import limits
from apserver.core.origin import check_id
from apserver.errors import Astray, BadInput, RemoteTrouble
from apserver.net.client import Answer

_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class Trail:
    """The places that one look-up has been to: one to begin with, and `limits.REDIRECTS` more,
    whatever led there, a redirect or the id that a document claims (GHSA-97w4-f4rq-mgqm)."""

    def __init__(self) -> None:
        self._been: list[str] = []

    def step(self, url: str) -> None:
        """Go there. Astray for a place that it has been to, and for one too many."""
        if url in self._been:
            raise Astray(f"{self._been[0]} leads in a circle: redirects back to {url}")
        if len(self._been) > limits.REDIRECTS:
            raise Astray(f"{self._been[0]}: more than {limits.REDIRECTS} redirects")
        self._been.append(url)

    def has_been(self, url: str) -> bool:
        """Whether it has been to this place."""
        return url in self._been


def leads_on(answer: Answer) -> bool:
    """Whether it is a redirect that a GET follows (RFC 9110 15.4)."""
    return answer.status in _REDIRECTS


def next_url(url: str, answer: Answer, *, allow_http: bool) -> str:
    """The absolute address that a redirect from ``url`` names, without fragment.

    RemoteTrouble when it names none, or leads away from https.
    """
    given = answer.headers.get("location", "")
    try:
        location = check_id(urljoin(url, given), allow_http=True).partition("#")[0]
    except (ValueError, BadInput) as error:
        raise RemoteTrouble(f"{url} leads to {given[:200]!r}, which is no address") from error
    if location.startswith("http:") and (url.startswith("https:") or not allow_http):
        raise RemoteTrouble(f"{url} leads away from https")
    return location
