"""What a command needs of the outside: its settings and a database."""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from apserver.cli.output import note
from apserver.config import Settings, default_data_dir, load, read, settle
from apserver.errors import Busy, Refused
from apserver.store.binaries import cluster_major
from apserver.store.data_folder import unusable
from apserver.store.embedded import running

T = TypeVar("T")

NO_ORIGIN = "https://apserver.invalid"  #: RFC 2606: it is nobody's


def settings_of(arguments: argparse.Namespace, **options: str | None) -> Settings:
    """The settings for this command line. ``options`` that are given win over everything."""
    overrides = {name: value for name, value in options.items() if value is not None}
    return load(arguments.config, os.environ, cwd=Path.cwd(), overrides=overrides)


def settings_of_anybody(arguments: argparse.Namespace) -> Settings:
    """As `settings_of`, but for commands that need no origin: without one it is NO_ORIGIN."""
    given = read(arguments.config, os.environ, cwd=Path.cwd())
    return settle(given, {"data_dir": default_data_dir(os.environ), "origin": NO_ORIGIN})


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


def change(
    arguments: argparse.Namespace,
    settings: Settings,
    work: Callable[[str], Coroutine[Any, Any, T]],
    *,
    would: str,
) -> T:
    """What ``work`` gives for the DSN of a database that is brought up to date first.

    With --dry-run as `look`, and a note says what ``would`` be done: ``work`` itself sees to it
    that nothing is changed then.
    """
    if arguments.dry_run:
        planned = look(settings, work)
        note(f"{would}; nothing was changed")
        return planned
    with _answering(settings) as dsn:
        return asyncio.run(_change(settings, work, dsn))


def look(settings: Settings, work: Callable[[str], Coroutine[Any, Any, T]]) -> T:
    """As `change`, and nothing is made or brought up to date for it. Refused when there is no
    database yet, or an old one: for commands that read, and for --dry-run."""
    if not has_database(settings):
        raise Refused(
            f"There is no database in {settings.data_dir} yet. It is made by: apserver serve, or "
            "apserver actor create NAME"
        )
    with _answering(settings) as dsn:
        return asyncio.run(_look(settings, work, dsn))


def look_if_there(settings: Settings, work: Callable[[str | None], Coroutine[Any, Any, T]]) -> T:
    """As `look` where there is a database; else ``work`` gets None, and the user is told that the
    domain rules, which stand in it, are not looked at."""
    if settings.origin != NO_ORIGIN and has_database(settings):
        return look(settings, work)
    note("there is no database here, so no domain rules are looked at")
    return asyncio.run(work(None))


@contextmanager
def _answering(settings: Settings) -> Iterator[str]:
    """As `database`, with a cure for one that goes away: it may be a server's that stops."""
    try:
        with database(settings) as dsn:
            yield dsn
    except (Busy, ConnectionError) as error:
        raise Refused(
            f"The database is away ({error}). If a server is stopping or starting, run this "
            "again when it has; else see: apserver doctor"
        ) from error


def has_database(settings: Settings) -> bool:
    """Whether a database is configured, or the embedded one has been made."""
    if settings.database.url:
        return True
    try:
        return cluster_major(settings.data_dir / "postgres") is not None
    except OSError as error:
        raise unusable(settings.data_dir, error) from error


# apserver.app is imported late, here and everywhere below cli, so that the other commands, and
# above all the supervisor, do not load the server.


async def _change(settings: Settings, work: Callable[[str], Coroutine[Any, Any, T]], dsn: str) -> T:
    from apserver.app import migrate

    await migrate(dsn, settings)
    return await work(dsn)


async def _look(settings: Settings, work: Callable[[str], Coroutine[Any, Any, T]], dsn: str) -> T:
    from apserver.app import check_migrated

    await check_migrated(dsn, settings)
    return await work(dsn)
