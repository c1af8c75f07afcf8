"""`apserver token …`"""

from __future__ import annotations

import argparse
import asyncio
from typing import TYPE_CHECKING

from apserver.cli.connection import database, settings_of, show
from apserver.cli.parser import DONE, Commands, add_command, add_json
from apserver.config import Settings

if TYPE_CHECKING:
    from apserver.app import CreatedToken


def add(commands: Commands) -> None:
    """The group and its commands."""
    group = add_command(commands, "token", summary="Make bearer tokens.").add_commands()
    parser = add_command(
        group,
        "create",
        summary="Make a bearer token for an actor.",
        text="Make a bearer token, with which a program reads the inbox of an actor and posts to "
        "its outbox. It is shown once: only its hash is stored.",
        example="apserver token create ann",
    )
    parser.add_argument("NAME", help="the name of an actor of this server")
    add_json(parser)
    parser.set_defaults(run=create)


def create(arguments: argparse.Namespace) -> int:
    """`apserver token create NAME`."""
    settings = settings_of(arguments)
    with database(settings) as dsn:
        made = asyncio.run(_create(dsn, settings, arguments.NAME))
    show({"actor": made.actor, "token": made.token}, as_json=arguments.json)
    return DONE


async def _create(dsn: str, settings: Settings, name: str) -> CreatedToken:
    from apserver.app import create_token, migrate  # late, as in `apserver actor create`

    await migrate(dsn, settings)
    return await create_token(dsn, settings, name=name)
