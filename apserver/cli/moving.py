"""`apserver actor alias`, `apserver actor move` and `apserver actor resend`."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from apserver.cli.connection import change, settings_of
from apserver.cli.output import show
from apserver.cli.parser import DONE, Commands, add_command, add_dry_run, add_json, add_name
from apserver.core.lexical import is_absolute_iri

if TYPE_CHECKING:
    from apserver.flow.moving import Aliases, MovedAccount, SentProfile


def add(group: Commands) -> None:
    """The commands, to the group of commands on actors."""
    _add_alias(group)
    _add_move(group)
    _add_resend(group)


def _add_alias(group: Commands) -> None:
    parser = add_command(
        group,
        "alias",
        summary="Name another account of the same person.",
        text="Name another account of the same person in alsoKnownAs. It is what lets that account "
        "move here: set it here first, then move there.",
        example="apserver actor alias ann https://old.example/users/ann",
    )
    add_name(parser)
    parser.add_argument(
        "ID", type=_account, help="the id of the other account: the URL of its document"
    )
    parser.add_argument("--remove", action="store_true", help="name it no longer")
    add_dry_run(parser)
    add_json(parser)
    parser.set_defaults(run=alias)


def alias(arguments: argparse.Namespace) -> int:
    """`apserver actor alias NAME ID`."""
    settings = settings_of(arguments)

    async def work(dsn: str) -> Aliases:
        from apserver.app import moving

        async with moving(dsn, settings, dry_run=arguments.dry_run) as acts:
            return await acts.alias(arguments.NAME, arguments.ID, remove=arguments.remove)

    done = change(arguments, settings, work, would="these would be its other ids")
    result = {"actor": done.actor, "also_known_as": list(done.also_known_as)}
    show(result, as_json=arguments.json)
    return DONE


def _account(text: str) -> str:
    if not is_absolute_iri(text):
        raise argparse.ArgumentTypeError(
            f"{text!r} is no id, such as https://other.example/users/ann. To find that of a "
            "handle: apserver webfinger HANDLE"
        )
    return text


def _add_move(group: Commands) -> None:
    parser = add_command(
        group,
        "move",
        summary="Move an actor to another account.",
        text="Move an actor to another account, which must name it in alsoKnownAs. Its followers "
        "are told, and their servers let them follow the other; those here do so at once. The "
        "actor stays, says where it is now, and makes nothing new. It can move again after a week. "
        "Deliveries are made while the server runs.",
        example="apserver actor move ann https://new.example/users/ann",
    )
    add_name(parser)
    parser.add_argument(
        "TARGET", type=_account, help="the id of the other account: the URL of its document"
    )
    parser.add_argument(
        "--again", action="store_true", help="tell followers of the same move once more"
    )
    add_dry_run(parser)
    add_json(parser)
    parser.set_defaults(run=move)


def move(arguments: argparse.Namespace) -> int:
    """`apserver actor move NAME TARGET`."""
    settings = settings_of(arguments)

    async def work(dsn: str) -> MovedAccount:
        from apserver.app import moving

        async with moving(dsn, settings, dry_run=arguments.dry_run) as acts:
            return await acts.move(arguments.NAME, arguments.TARGET, again=arguments.again)

    done = change(arguments, settings, work, would="it would be moved there and its followers told")
    result = {"actor": done.actor, "moved_to": done.target, "activity": done.activity}
    show(result, as_json=arguments.json)
    return DONE


def _add_resend(group: Commands) -> None:
    parser = add_command(
        group,
        "resend",
        summary="Send an actor's profile to all servers that know it.",
        text="Send an actor's profile to all servers that ever got anything of it. Servers that "
        "have given this one up, after a week without an answer, deliver here again when they hear "
        "from it. Deliveries are made while the server runs.",
        example="apserver actor resend ann",
    )
    add_name(parser)
    add_dry_run(parser)
    add_json(parser)
    parser.set_defaults(run=resend)


def resend(arguments: argparse.Namespace) -> int:
    """`apserver actor resend NAME`."""
    settings = settings_of(arguments)

    async def work(dsn: str) -> SentProfile:
        from apserver.app import moving

        async with moving(dsn, settings, dry_run=arguments.dry_run) as acts:
            return await acts.resend(arguments.NAME)

    done = change(arguments, settings, work, would="its profile would be sent")
    result = {"actor": done.actor, "activity": done.activity, "other_servers": done.servers}
    show(result, as_json=arguments.json)
    return DONE
