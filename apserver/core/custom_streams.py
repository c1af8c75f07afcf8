"""Streams that a site defines for itself: in its configuration (``[streams.NAME]``), or by a
function in Python (entry points of the group ``apserver.streams``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias
from urllib.parse import urlencode

from apserver.core.names import collection_id
from apserver.core.stream_filters import Filter, read_filter
from apserver.core.things import fill, names_in
from apserver.errors import BadInput

#: Of what the stream is a part: of all that is public, or of what one thing takes part in.
StreamScope: TypeAlias = Literal["public", "actor", "object", "target", "any"]
#: What every stream takes.
RESERVED_PARAMETERS = frozenset({"page", "before", "after", "limit", "expand", "id"})
#: Takes the parameters that were given, as texts; a list means any of its filters.
Compute: TypeAlias = Callable[..., Filter | Iterable[Filter]]


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomStream:
    """One stream. ``parameters`` are what its URL takes besides pages. An action is in it that
    meets all of one of the ``filters`` (parameters of streams, such as ``verb``); a value such
    as ``{verb}`` stands for the parameter of that name; what is asked for without it does not
    count. In place of filters there may be a function, ``compute``.
    """

    slug: str
    name: str = ""
    parameters: tuple[str, ...] = ()
    scope: StreamScope = "public"
    filters: tuple[Mapping[str, str], ...] = ()
    compute: Compute | None = None
    required: tuple[str, ...] = ()  #: parameters that the function cannot do without

    def any_of(self, given: Mapping[str, str]) -> tuple[Filter, ...]:
        """The filters, of which an action must meet one, for these values of parameters.
        BadInput when they make no sense."""
        if self.compute is None:
            return tuple(read_filter(_filled(one, given)) for one in self.filters) or (Filter(),)
        for name in self.required:
            if name not in given:
                raise BadInput(f"The stream {self.slug} needs the parameter {name}.")
        try:
            made = self.compute(**given)
        except ValueError as error:
            raise BadInput(f"The stream {self.slug} does not take this: {error}") from error
        return (made,) if isinstance(made, Filter) else tuple(made)


def streams_of(actor: str, origin: str, slugs: Iterable[str]) -> dict[str, Any]:
    """The streams that an actor of ours names (ActivityPub 4.1), as a Collection: a plain list
    makes the whole actor unreadable for servers whose models know one value there (apkit). They
    hang on the configuration, and so are not stored with it."""
    ids = [
        f"{actor}/streams/home",
        *(f"{origin}/streams/{role}?{urlencode({'id': actor})}" for role in ("actor", "any")),
        *(f"{actor}/streams/{slug}" for slug in slugs if slug != "home"),
    ]
    id_ = collection_id(actor, "streams")
    items = [{"id": one, "type": "OrderedCollection"} for one in ids]
    return {"id": id_, "type": "Collection", "totalItems": len(items), "items": items}


def _filled(conditions: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    return {
        name: fill(text, given)
        for name, text in conditions.items()
        if set(names_in(text)) <= given.keys()
    }
