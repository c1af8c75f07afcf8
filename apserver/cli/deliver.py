"""`apserver deliver`: an activity written by hand, posted to an inbox."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from apserver.cli.connection import look, settings_of
from apserver.cli.output import note, show, show_json
from apserver.cli.parser import DONE, REFUSED, Commands, add_command, add_dry_run, add_json
from apserver.core.names import INSTANCE
from apserver.errors import Refused

if TYPE_CHECKING:
    from apserver.app import Sent, Unsent


def add(commands: Commands) -> None:
    """The command."""
    parser = add_command(
        commands,
        "deliver",
        summary="Post an activity to an inbox, signed by an actor of this server.",
        text="Post an activity from a file to an inbox, byte for byte, signed by an actor of this "
        "server, and print the answer. Nothing is stored and nothing is tried again. With "
        "--dry-run it prints the headers and the very text that is signed.",
        example="apserver deliver activity.json --to https://social.example.net/inbox --as ann "
        "--dry-run",
    )
    parser.add_argument("FILE", help="a file with the JSON of an activity, or - for standard input")
    parser.add_argument("--to", metavar="INBOX", required=True, help="the address of the inbox")
    parser.add_argument(
        "--as",
        dest="name",
        metavar="NAME",
        default=INSTANCE,
        help=f"the actor of this server that signs (default: {INSTANCE})",
    )
    add_dry_run(parser)
    add_json(parser)
    parser.set_defaults(run=deliver)


def deliver(arguments: argparse.Namespace) -> int:
    """`apserver deliver FILE --to INBOX`."""
    settings = settings_of(arguments)
    body = _activity(arguments.FILE)

    async def send(dsn: str) -> Sent:
        from apserver import app

        return await app.deliver(dsn, settings, body=body, inbox=arguments.to, name=arguments.name)

    async def rehearse(dsn: str) -> Unsent:
        from apserver import app

        return await app.rehearse_delivery(
            dsn, settings, body=body, inbox=arguments.to, name=arguments.name
        )

    if arguments.dry_run:
        unsent = look(settings, rehearse)
        _compare(body, unsent.key_id)
        return _show_unsent(arguments, unsent)
    answer = look(settings, send)
    _compare(body, answer.key_id)
    show({"status": answer.status, "answer": answer.body}, as_json=arguments.json)
    return DONE if 200 <= answer.status < 300 else REFUSED


def _activity(file: str) -> bytes:
    if file == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise Refused(
            f"{file} cannot be read: {error.strerror}. Name the file of an activity, or - for "
            "standard input"
        ) from error


def _compare(body: bytes, key_id: str) -> None:
    """Say it when the activity is somebody else's than the signature."""
    actor = json.loads(body).get("actor")
    if actor != key_id.partition("#")[0]:
        note(f"the signer, {key_id}, is not the actor, {actor}: most servers refuse that")


def _show_unsent(arguments: argparse.Namespace, unsent: Unsent) -> int:
    note("this would be sent; nothing was")
    if arguments.json:
        show_json({"inbox": arguments.to, "headers": unsent.headers, "signed": unsent.signed})
        return DONE
    print(f"POST {arguments.to}\n")
    show(unsent.headers, as_json=False)
    print(f"\nThe signed text:\n\n{unsent.signed}")
    return DONE
