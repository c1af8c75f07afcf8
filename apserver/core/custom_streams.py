"""Streams that a site defines for itself: in its configuration (``[streams.NAME]``), or by a
function in Python (entry points of the group ``apserver.streams``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from inspect import Parameter, getdoc, signature
from typing import Any, Literal, TypeAlias, get_args

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

    @classmethod
    def of_function(cls, slug: str, function: Compute) -> CustomStream:
        """The stream of a function: its parameters are those of the stream, its first line of
        documentation the name, and its attribute ``scope``, if it has one, the scope.
        ValueError when it cannot be one."""
        scope: Any = getattr(function, "scope", "public")
        if scope not in get_args(StreamScope):
            raise ValueError(f"scope is {scope!r}")
        parameters = signature(function).parameters
        if any(one.kind in _NOT_NAMED for one in parameters.values()):
            raise ValueError("each of its parameters must be one that can be given by name")
        if taken := RESERVED_PARAMETERS.intersection(parameters):
            raise ValueError(f"every stream has a parameter {min(taken)}; name it otherwise")
        name = (getdoc(function) or "").partition("\n")[0]
        return cls(
            slug=slug, name=name, parameters=tuple(parameters), scope=scope, compute=function
        )

    def any_of(self, given: Mapping[str, str]) -> tuple[Filter, ...]:
        """The filters, of which an action must meet one, for these values of parameters.
        BadInput when they make no sense."""
        if self.compute is None:
            return tuple(read_filter(_filled(one, given)) for one in self.filters) or (Filter(),)
        try:
            signature(self.compute).bind(**given)
        except TypeError as error:
            raise BadInput(f"The stream {self.slug} has a parameter more: {error}.") from None
        try:
            made = self.compute(**given)
        except ValueError as error:
            raise BadInput(f"The stream {self.slug} does not take this: {error}") from error
        return (made,) if isinstance(made, Filter) else tuple(made)


_NOT_NAMED: frozenset[Any] = frozenset(
    {Parameter.POSITIONAL_ONLY, Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD}
)


def _filled(conditions: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    return {
        name: fill(text, given)
        for name, text in conditions.items()
        if set(names_in(text)) <= given.keys()
    }
