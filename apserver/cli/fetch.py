"""`apserver fetch`: a document of another server, as this server would get it."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Mapping
from typing import Any

from apserver.cli.connection import look, look_if_there, settings_of, settings_of_anybody
from apserver.cli.output import indented, show_json
from apserver.cli.parser import DONE, Commands, add_command, add_json
from apserver.core.origin import same_origin, typed_id
from apserver.core.vocabulary import ACTIVITY_JSON
from apserver.errors import Refused


def add(commands: Commands) -> None:
    """The command."""
    parser = add_command(
        commands,
        "fetch",
        summary="Get a document of another server and print it.",
        text="Get a document of another server and print its JSON. The request is signed by the "
        "instance actor and goes through the guard and the domain rules of the server, so what is "
        "refused here is refused there.",
        example="apserver fetch https://social.example.net/users/carol",
    )
    parser.add_argument("URL", help="an address of an ActivityStreams document")
    parser.add_argument(
        "--as-nobody", action="store_true", help="do not sign; needs no database and no origin"
    )
    add_json(parser)
    parser.set_defaults(run=fetch)


def fetch(arguments: argparse.Namespace) -> int:
    """`apserver fetch URL`."""
    settings = (settings_of_anybody if arguments.as_nobody else settings_of)(arguments)
    url = typed_id(arguments.URL)
    if same_origin(url, settings.origin):
        raise Refused(
            f"{url} is of this server itself, which asks only others. While it runs: "
            f"curl -H 'Accept: {ACTIVITY_JSON}' {shlex.quote(url)}"
        )

    async def work(dsn: str | None) -> Mapping[str, Any]:
        from apserver import app

        return await app.fetch(dsn, settings, url=url, signed=not arguments.as_nobody)

    document = (look_if_there if arguments.as_nobody else look)(settings, work)
    if arguments.json:
        show_json(document)
    else:
        print(indented(document))
    return DONE
