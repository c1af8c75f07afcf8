"""`apserver actor suspend` and `apserver actor unsuspend`."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from apserver.cli.connection import change, settings_of
from apserver.cli.output import show
from apserver.cli.parser import DONE, Commands, Parser, add_command, add_dry_run, add_json

if TYPE_CHECKING:
    from apserver.flow.moderation import ActorChange


def add(group: Commands) -> None:
    """Both commands, to the group of commands on actors."""
    suspending = add_command(
        group,
        "suspend",
        summary="Shut an actor out, here or elsewhere.",
        text="Shut an actor out until it is taken back. One of this server can do nothing, "
        "receives nothing and is not shown. Of one elsewhere nothing is heard or shown, by "
        "whomever it comes, and follows both ways are ended.",
        example="apserver actor suspend https://bad.example/users/carol",
    )
    _add_arguments(suspending, act="actor suspend")
    unsuspending = add_command(
        group,
        "unsuspend",
        summary="Take a suspension back.",
        text="Take a suspension back. What the actor made is shown again; follows that were "
        "ended do not come back.",
        example="apserver actor unsuspend https://bad.example/users/carol",
    )
    _add_arguments(unsuspending, act="actor unsuspend")


def _add_arguments(parser: Parser, *, act: str) -> None:
    parser.add_argument(
        "ACTOR", help="the name of one of this server, or the id or handle of any that is known"
    )
    add_dry_run(parser)
    add_json(parser)
    parser.set_defaults(run=run, act=act)


def run(arguments: argparse.Namespace) -> int:
    """`apserver actor suspend|unsuspend ACTOR`."""
    settings = settings_of(arguments)

    async def work(dsn: str) -> ActorChange:
        from apserver.app import moderating

        async with moderating(dsn, settings, dry_run=arguments.dry_run) as acts:
            do = acts.suspend if arguments.act == "actor suspend" else acts.unsuspend
            return await do(arguments.ACTOR, act=arguments.act)

    done = change(arguments, settings, work, would="this would be done")
    result = {
        "actor": done.actor,
        "follows_ended": done.follows,
        "deliveries_dropped": done.deliveries,
    }
    show(result, as_json=arguments.json)
    return DONE
