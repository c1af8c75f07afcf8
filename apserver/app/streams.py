"""Streams of installed Python packages: entry points of the group ``apserver.streams``."""

from __future__ import annotations

from dataclasses import replace
from importlib.metadata import entry_points
from inspect import Parameter, getdoc, signature
from typing import Any, get_args

from apserver.core.custom_streams import RESERVED_PARAMETERS, Compute, CustomStream, StreamScope
from apserver.core.registry import Registry
from apserver.errors import ConfigProblem

GROUP = "apserver.streams"


def with_python_streams(registry: Registry) -> Registry:
    """The registry with the streams of all packages that are installed.

    ConfigProblem when one cannot be loaded, is no stream, or has a name that is taken.
    """
    streams = dict(registry.streams)
    for point in entry_points(group=GROUP):
        if point.name in streams:
            raise ConfigProblem(f"There are two streams named {point.name}. Rename one.")
        try:
            streams[point.name] = stream_of(point.name, point.load())
        except Exception as error:  # whatever the package raises when it is imported
            raise ConfigProblem(
                f"The stream {point.name} ({point.value}) is none: {error}. "
                "Mend the package, or remove it."
            ) from error
    return replace(registry, streams=streams)


_NOT_NAMED: frozenset[Any] = frozenset(
    {Parameter.POSITIONAL_ONLY, Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD}
)


def stream_of(slug: str, function: Compute) -> CustomStream:
    """The stream of a function: its parameters are those of the stream, its first line of
    documentation the name, and its attribute ``scope``, if it has one, the scope.

    ValueError or TypeError when it cannot be one.
    """
    scope: Any = getattr(function, "scope", "public")
    if scope not in get_args(StreamScope):
        raise ValueError(f"scope is {scope!r}")
    parameters = signature(function).parameters
    if any(one.kind in _NOT_NAMED for one in parameters.values()):
        raise ValueError("each of its parameters must be one that can be given by name")
    if taken := RESERVED_PARAMETERS.intersection(parameters):
        raise ValueError(f"every stream has a parameter {min(taken)}; name it otherwise")
    return CustomStream(
        slug=slug,
        name=(getdoc(function) or "").partition("\n")[0],
        parameters=tuple(parameters),
        scope=scope,
        compute=function,
        required=tuple(name for name, one in parameters.items() if one.default is Parameter.empty),
    )
