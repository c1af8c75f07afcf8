"""`apserver fetch`: a document of another server, as this server would get it."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Mapping
from typing import Any

from apserver.cli.connection import look, settings_of
from apserver.cli.output import indented, show_json
from apserver.cli.parser import DONE, Commands, add_command, add_json


def add(commands: Commands) -> None:
    """The command."""
    parser = add_command(
        commands,
        "fetch",
        summary="Get a document of another server and print it.",
        text="Get a document of another server and print its JSON. The request is signed by the "
        "instance actor and goes through the guard of the server, so what is refused here is "
        "refused there.",
        example="apserver fetch https://social.example.net/users/carol",
    )
    parser.add_argument("URL", help="an address of an ActivityStreams document")
    parser.add_argument(
        "--as-nobody", action="store_true", help="do not sign; needs no database either"
    )
    add_json(parser)
    parser.set_defaults(run=fetch)


def fetch(arguments: argparse.Namespace) -> int:
    """`apserver fetch URL`."""
    settings = settings_of(arguments)

    async def work(dsn: str | None) -> Mapping[str, Any]:
        from apserver import app

        return await app.fetch(dsn, settings, url=arguments.URL)

    document = asyncio.run(work(None)) if arguments.as_nobody else look(settings, work)
    if arguments.json:
        show_json(document)
    else:
        print(indented(document))
    return DONE
