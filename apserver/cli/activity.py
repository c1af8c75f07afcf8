"""`apserver activity …`: what an admin does about something that was done."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from apserver.cli.connection import change, settings_of
from apserver.cli.output import show
from apserver.cli.parser import DONE, Commands, add_command, add_dry_run, add_json

if TYPE_CHECKING:
    from apserver.app import Hidden


def add(commands: Commands) -> None:
    """The group and its command."""
    group = add_command(commands, "activity", summary="Hide what somebody did.").add_commands()
    parser = add_command(
        group,
        "hide",
        summary="Take an activity or a post down.",
        text="Take an activity or a post down: its id answers 410, and it is in no inbox, outbox "
        "or stream any more. When it is of an actor of this server, all who got it are told to "
        "delete it. A post and its Create go together. It cannot be taken back. Who did it and "
        "when is kept in the audit.",
        example="apserver activity hide https://social.example.org/activities/ID",
    )
    parser.add_argument("ID", help="the id of the activity or of the post, an IRI")
    add_dry_run(parser)
    add_json(parser)
    parser.set_defaults(run=hide, act="activity hide")


def hide(arguments: argparse.Namespace) -> int:
    """`apserver activity hide ID`."""
    settings = settings_of(arguments)

    async def work(dsn: str) -> Hidden:
        from apserver.app import hide_activity

        return await hide_activity(
            dsn, settings, id=arguments.ID, act=arguments.act, dry_run=arguments.dry_run
        )

    done = change(arguments, settings, work, would="this would be hidden")
    result: dict[str, str | None] = {"id": done.id, "actor": done.actor}
    if not arguments.dry_run:
        result["delete"] = done.delete
    show(result, as_json=arguments.json)
    return DONE
