"""`apserver actor …`"""

from __future__ import annotations

import argparse
import asyncio
from typing import TYPE_CHECKING

from apserver.cli.connection import database, settings_of, show
from apserver.cli.parser import DONE, Commands, add_command, add_json
from apserver.config import Settings
from apserver.core.vocabulary import ACTOR_TYPES

if TYPE_CHECKING:
    from apserver.app import CreatedActor


def add(commands: Commands) -> None:
    """The group and its commands."""
    group = add_command(commands, "actor", summary="Make actors.").add_commands()
    parser = add_command(
        group,
        "create",
        summary="Make an actor.",
        text="Make an actor and print its addresses. Works while the server runs and when it "
        "does not.",
        example='apserver actor create ann --name "Ann Example" --token',
    )
    parser.add_argument("NAME", help="letters, digits and _, at most 30: the name in @NAME@host")
    parser.add_argument(
        "--type",
        choices=sorted(ACTOR_TYPES),
        default="Person",
        metavar="TYPE",
        help=f"{', '.join(sorted(ACTOR_TYPES))} (default: Person)",
    )
    parser.add_argument("--name", metavar="TEXT", help="the name to show (default: none)")
    parser.add_argument(
        "--manual-approval", action="store_true", help="followers wait until they are accepted"
    )
    parser.add_argument(
        "--token", action="store_true", help="also make a bearer token for its inbox and outbox"
    )
    add_json(parser)
    parser.set_defaults(run=create)


def create(arguments: argparse.Namespace) -> int:
    """`apserver actor create NAME`."""
    settings = settings_of(arguments)
    with database(settings) as dsn:
        made = asyncio.run(_create(dsn, settings, arguments))
    result = {
        "actor": made.actor,
        "handle": made.handle,
        "inbox": made.inbox,
        "outbox": made.outbox,
    }
    if made.token is not None:
        result["token"] = made.token
    show(result, as_json=arguments.json)
    return DONE


async def _create(dsn: str, settings: Settings, arguments: argparse.Namespace) -> CreatedActor:
    # Late, so that the other commands, and above all the supervisor, do not load the server.
    from apserver.app import create_actor, migrate

    await migrate(dsn, settings)
    return await create_actor(
        dsn,
        settings,
        name=arguments.NAME,
        type=arguments.type,
        display_name=arguments.name,
        manual_approval=arguments.manual_approval,
        token=arguments.token,
    )
