"""Streams of installed Python packages: entry points of the group ``apserver.streams``."""

from __future__ import annotations

from dataclasses import replace
from importlib.metadata import entry_points

from apserver.core.custom_streams import CustomStream
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
            streams[point.name] = CustomStream.of_function(point.name, point.load())
        except Exception as error:  # whatever the package raises when it is imported
            raise ConfigProblem(
                f"The stream {point.name} ({point.value}) is none: {error}. "
                "Mend the package, or remove it."
            ) from error
    return replace(registry, streams=streams)
