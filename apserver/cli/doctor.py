"""`apserver doctor`: what is wrong, and how to mend it."""

from __future__ import annotations

import argparse
import asyncio
import textwrap
from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from apserver.cli.certificates import check_certificates
from apserver.cli.connection import database, has_database, settings_of
from apserver.cli.invocation import command
from apserver.cli.output import show_json
from apserver.cli.parser import DONE, REFUSED, WIDTH, Commands, add_command, add_json
from apserver.config import Settings
from apserver.cures import pasteable
from apserver.errors import ApserverError, ConfigProblem

if TYPE_CHECKING:
    from apserver.app.doctor import Check


def add(commands: Commands) -> None:
    """The command."""
    parser = add_command(
        commands,
        "doctor",
        summary="Look for what is wrong, and say how to mend it.",
        text="Look at the configuration, the data folder, the database, the clock, the port, and "
        "at the origin and the handle host as the world sees them. Each finding is ok, warn or "
        "fail, with a cure. Nothing is changed. Exit code 1 when something fails.",
        example="apserver doctor",
    )
    add_json(parser)
    parser.set_defaults(run=doctor)


def doctor(arguments: argparse.Namespace) -> int:
    """`apserver doctor`."""
    from apserver.app.doctor import Check, is_well

    try:
        settings = settings_of(arguments)
        check_certificates(settings)
    except ConfigProblem as error:
        checks = [Check("configuration", "fail", str(error), "See: apserver config check")]
    else:
        well = Check("configuration", "ok", f"{settings.origin}, @NAME@{settings.handle_host}")
        checks = [well, *_examine(settings)]
    checks = [_pasteable(check, command(config=arguments.config)) for check in checks]
    if arguments.json:
        show_json({"ok": is_well(checks), "checks": [asdict(check) for check in checks]})
    else:
        _print(checks)
    return DONE if is_well(checks) else REFUSED


def _pasteable(check: Check, program: str) -> Check:
    return replace(
        check, detail=pasteable(check.detail, program), cure=pasteable(check.cure, program)
    )


def _examine(settings: Settings) -> Iterator[Check]:
    from apserver.app.doctor import examine_folder, examine_outside

    yield from examine_folder(settings.data_dir)
    yield from _examine_hooks(settings)
    yield from _examine_database(settings)
    yield from asyncio.run(_all_of(examine_outside(settings)))


def _examine_hooks(settings: Settings) -> Iterator[Check]:
    """A warning only: the server may have a path of its own, as by its unit of systemd."""
    from apserver.app.doctor import Check
    from apserver.app.hooks import screen_of

    if not settings.hooks.check:
        return
    try:
        screen_of(settings)
    except ConfigProblem as error:
        cure = "Without it the server does not start. PYTHONPATH says where Python looks"
        yield Check("hooks", "warn", str(error), cure)
    else:
        yield Check("hooks", "ok", f"{settings.hooks.check} is there")


def _examine_database(settings: Settings) -> list[Check]:
    from apserver.app.doctor import Check, examine_database

    try:
        if not has_database(settings):
            cure = "Start the server, which makes it: apserver serve"
            return [Check("database", "warn", f"there is none in {settings.data_dir} yet", cure)]
        with database(settings) as dsn:
            return asyncio.run(_all_of(examine_database(dsn, settings)))
    except ApserverError as error:
        return [Check("database", "fail", str(error), "See the message")]


async def _all_of(checks: AsyncIterator[Check]) -> list[Check]:
    return [check async for check in checks]


def _print(checks: list[Check]) -> None:
    width = max(len(check.name) for check in checks)
    wrapper = textwrap.TextWrapper(
        WIDTH,
        subsequent_indent=" " * (6 + width + 2),
        break_long_words=False,
        break_on_hyphens=False,
    )
    for check in checks:
        print(wrapper.fill(f"{check.state:<6}{check.name:<{width}}  {check.detail}"))
        if check.cure:
            print(wrapper.fill(f"{wrapper.subsequent_indent}-> {check.cure}"))
