"""What a request says of a stream: filters, which page, and how items are shown; and its URLs.

A parameter that is not known is refused: what is passed over would look like an answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from aiohttp import web

from apserver.core import limits
from apserver.core.stream_filters import PARAMETERS as FILTERS
from apserver.core.stream_filters import Filter, Query, is_filter, read_filter
from apserver.errors import BadInput
from apserver.serve.pages import PARAMETERS as PAGES
from apserver.serve.pages import Window, read_cursor, window_of, write_cursor
from apserver.serve.site import site_of
from apserver.serve.stream_pages import Expand, Stream
from apserver.store.positions import Position

_EXPAND: Mapping[str, Expand] = {"none": "none", "ids": "ids", "full": "full"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a request says of a stream: its own parameters, filters, and which page how."""

    url: str  #: without the parameters of pages
    own: Mapping[str, str]
    filter: Filter
    window: Window[Position] | None
    expand: Expand

    @classmethod
    def of(cls, request: web.Request, *own: str) -> Asked:
        """Read it; ``own`` are the parameters that this stream has. BadInput names what is not
        understood."""
        query = request.query
        for name in query:
            if name not in own and name not in (*PAGES, "expand") and not is_filter(name):
                known = ", ".join((*own, *FILTERS, *PAGES, "expand"))
                raise BadInput(f"Unknown parameter: {name[:100]}. Known: {known}.")
            if len(query.getall(name)) > 1:
                raise BadInput(f"{name} is given more than once.")
            if "\0" in name + query[name]:
                raise BadInput("NUL is in no text.")
        filters = {name: value for name, value in query.items() if is_filter(name)}
        expand = _EXPAND.get(query.get("expand", "ids"))
        if expand is None:
            raise BadInput(f"expand is one of {', '.join(_EXPAND)}.")
        kept = sorted((name, value) for name, value in query.items() if name not in PAGES)
        origin = site_of(request).names.origin
        return cls(
            url=_joined(f"{origin}{request.rel_url.raw_path}", urlencode(kept)),
            own={name: query[name] for name in own if name in query},
            filter=read_filter({name: filters[name] for name in filters if name not in own}),
            window=window_of(query, _read_position, _read_position),
            expand=expand,
        )

    @property
    def id(self) -> str:
        """The thing that the stream is about."""
        id_ = self.own.get("id", "")
        # Of other servers there are ids that no standard takes for an IRI: a scheme is enough.
        if len(id_) > limits.IRI or ":" not in id_:
            raise BadInput("id must say of what: the IRI of an actor or of another thing.")
        return id_

    def stream(
        self, *, any_of: tuple[Filter, ...] = (Filter(),), public: bool = False, name: str = ""
    ) -> Stream:
        """The stream of these filters, with what was asked besides."""
        query = Query(any_of=any_of, also=(self.filter,), public=public)
        return Stream(id=self.url, query=query, name=name)


def page_url(stream: Stream, window: Window[Position]) -> str:
    if window.after is not None:
        place = {"after": write_cursor(*window.after)}
    elif window.before is not None:
        place = {"before": write_cursor(*window.before)}
    else:
        place = {"page": "first"}
    size = {} if window.limit == limits.PAGE else {"limit": window.limit}
    return _joined(stream.id, urlencode({**place, **size}))


def _joined(url: str, query: str) -> str:
    if not query:
        return url
    return f"{url}{'&' if '?' in url else '?'}{query}"


def _read_position(text: str) -> Position:
    return Position(*read_cursor(text))
