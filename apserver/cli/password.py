"""`apserver actor password`: what an actor signs in with, in a browser."""

from __future__ import annotations

import argparse
import getpass
import sys
from typing import TYPE_CHECKING

from apserver.cli.connection import change, settings_of
from apserver.cli.output import show
from apserver.cli.parser import DONE, Commands, add_command, add_dry_run, add_json, add_name
from apserver.core import limits
from apserver.core.passwords import check_password
from apserver.errors import Refused, Unprocessable

if TYPE_CHECKING:
    from apserver.app import ChangedPassword


def add(group: Commands) -> None:
    """The command."""
    parser = add_command(
        group,
        "password",
        summary="Set the password that an actor signs in with.",
        text="Set the password with which an actor signs in at /login, in a browser, and end the "
        "sessions that it has. The password is asked for, or read from standard input when that "
        "is no terminal: one line. With --generate it is made and printed, this once. Programs use "
        "tokens instead: apserver token create.",
        example="apserver actor password ann --generate",
    )
    add_name(parser)
    parser.add_argument(
        "--generate", action="store_true", help="make a password that nobody guesses, and print it"
    )
    add_dry_run(parser)
    add_json(parser)
    parser.set_defaults(run=password)


def password(arguments: argparse.Namespace) -> int:
    """`apserver actor password NAME`."""
    from apserver.passwords import new_password

    settings = settings_of(arguments)
    chosen = new_password() if arguments.generate else _asked()

    async def work(dsn: str) -> ChangedPassword:
        from apserver.app import set_password

        return await set_password(
            dsn, settings, name=arguments.NAME, password=chosen, dry_run=arguments.dry_run
        )

    done = change(arguments, settings, work, would="the password would be set")
    result: dict[str, object] = {"actor": done.actor, "sessions_ended": done.sessions_ended}
    if arguments.generate and not arguments.dry_run:
        result["password"] = chosen
    show(result, as_json=arguments.json)
    return DONE


def _asked() -> str:
    """The password, typed twice or read from standard input. Refused when it cannot be one."""
    if sys.stdin.isatty():
        given = getpass.getpass("New password: ")
        if getpass.getpass("Once more: ") != given:
            raise Refused("These are two passwords. Nothing was changed.")
    else:
        given = sys.stdin.readline(4 * limits.PASSWORD).rstrip("\r\n")
    try:
        check_password(given)
    except Unprocessable as error:
        raise Refused(str(error)) from error
    return given
