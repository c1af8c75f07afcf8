"""What a command needs of the outside: its settings, a database, a way to show its result."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from apserver.config import Settings, load
from apserver.store.embedded import running


def settings_of(arguments: argparse.Namespace, **options: str | None) -> Settings:
    """The settings for this command line. ``options`` that are given win over everything."""
    overrides = {name: value for name, value in options.items() if value is not None}
    return load(arguments.config, os.environ, cwd=Path.cwd(), overrides=overrides)


@contextmanager
def database(settings: Settings) -> Iterator[str]:
    """The DSN of the configured database, or of the embedded one.

    The embedded server is used when it runs, and otherwise runs as long as the command.
    """
    if settings.database.url:
        yield settings.database.url
        return
    with running(settings.data_dir) as dsn:
        yield dsn


def show(result: Mapping[str, str], *, as_json: bool) -> None:
    """Print a result to standard output: one JSON object, or a line for each member."""
    if as_json:
        print(json.dumps(result))
        return
    width = max(map(len, result)) + 2
    for name, value in result.items():
        print(f"{name:<{width}}{value}")
