"""`apserver prune`: what the server does by itself every hour, now."""

from __future__ import annotations

import argparse

from apserver.cli.connection import change, settings_of
from apserver.cli.output import show
from apserver.cli.parser import DONE, Commands, add_command, add_dry_run, add_json


def add(commands: Commands) -> None:
    """The command."""
    parser = add_command(
        commands,
        "prune",
        summary="Remove now what need not be kept.",
        text="Remove now what [retention] and the limits say need not be kept, as the server does "
        "by itself every hour, and print how many rows went, by kind: receipts (places in "
        "inboxes), activities and objects of others, bodies (activities byte for byte), actors and "
        "keys of others, jobs that were given up, hosts that nothing waits for, reports that are "
        "closed, sessions of browsers that ended, and marks by which repeats are known "
        "(signatures, posted, undone). With --dry-run, what would only be free "
        "by what goes before it is not counted.",
        example="apserver prune --dry-run",
    )
    add_dry_run(parser)
    add_json(parser)
    parser.set_defaults(run=prune)


def prune(arguments: argparse.Namespace) -> int:
    """`apserver prune`."""
    settings = settings_of(arguments)

    async def work(dsn: str) -> dict[str, int]:
        from apserver import app

        return await app.prune(dsn, settings, dry_run=arguments.dry_run)

    removed = change(arguments, settings, work, would="these would be removed")
    show(removed, as_json=arguments.json)
    return DONE
