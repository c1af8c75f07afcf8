"""`apserver webfinger`: whom a handle stands for."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from apserver.cli.connection import look_if_there, settings_of_anybody
from apserver.cli.output import indented, show
from apserver.cli.parser import DONE, Commands, add_command, add_json

if TYPE_CHECKING:
    from apserver.app import LookedUp


def add(commands: Commands) -> None:
    """The command."""
    parser = add_command(
        commands,
        "webfinger",
        summary="Find the actor behind a handle.",
        text="Ask the host of a handle by WebFinger, and print the actor's id, the handle that "
        "the host calls the right one, whether the actor calls itself so too, and the answer.",
        example="apserver webfinger @carol@social.example.net",
    )
    parser.add_argument("HANDLE", help="@name@host, name@host or acct:name@host")
    add_json(parser)
    parser.set_defaults(run=webfinger)


def webfinger(arguments: argparse.Namespace) -> int:
    """`apserver webfinger HANDLE`."""
    settings = settings_of_anybody(arguments)

    async def work(dsn: str | None) -> LookedUp:
        from apserver import app

        return await app.webfinger(dsn, settings, handle=arguments.HANDLE)

    looked_up = look_if_there(settings, work)
    found = looked_up.found
    result = {
        "actor": found.actor,
        "handle": f"@{found.handle}",
        "actor_agrees": not looked_up.objection,
        "objection": looked_up.objection or None,
    }
    if arguments.json:
        show({**result, "jrd": found.jrd}, as_json=True)
    else:
        show(result, as_json=False)
        print(indented(found.jrd))
    return DONE
