"""`apserver token …`: bearer tokens, with which programs act for an actor."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from apserver.cli.connection import change, look, settings_of
from apserver.cli.output import show, show_table
from apserver.cli.parser import DONE, Commands, add_command, add_dry_run, add_json, add_name
from apserver.core.scopes import USUAL, Scope, parse_scopes
from apserver.errors import BadInput

if TYPE_CHECKING:
    from apserver.app import CreatedToken, TokenRow

COLUMNS = ("id", "actor", "scopes", "created", "revoked")


def add(commands: Commands) -> None:
    """The group and its commands."""
    summary = "Make, list and revoke bearer tokens."
    group = add_command(commands, "token", summary=summary).add_commands()
    _add_create(group)
    _add_list(group)
    _add_revoke(group)


def _add_create(group: Commands) -> None:
    parser = add_command(
        group,
        "create",
        summary="Make a bearer token for an actor.",
        text="Make a bearer token, with which a program reads what an actor may see (scope read) "
        "and posts to its outbox (scope write). With scope import it also says when something "
        "was, for what happened elsewhere before. With scope site, which only the actor named "
        "instance can have, it writes the things of a site and acts for its users. It is shown "
        "once: only its hash is stored.",
        example="apserver token create ann --scope read",
    )
    add_name(parser)
    parser.add_argument(
        "--scope",
        type=scopes,
        default=USUAL,
        metavar="SCOPES",
        help="some of read, write, import and site, with commas (default: read,write)",
    )
    add_dry_run(parser)
    add_json(parser)
    parser.set_defaults(run=create)


def scopes(text: str) -> tuple[Scope, ...]:
    """Scopes with commas between them."""
    try:
        return parse_scopes(text)
    except BadInput as error:
        raise argparse.ArgumentTypeError(str(error).removesuffix(".")) from error


def create(arguments: argparse.Namespace) -> int:
    """`apserver token create NAME`."""
    settings = settings_of(arguments)

    async def work(dsn: str) -> CreatedToken:
        from apserver.app import create_token

        return await create_token(
            dsn,
            settings,
            name=arguments.NAME,
            scopes=arguments.scope,
            dry_run=arguments.dry_run,
        )

    made = change(arguments, settings, work, would="a token would be made")
    result: dict[str, Any] = {"actor": made.actor, "scopes": list(made.scopes)}
    if not arguments.dry_run:
        result |= {"id": made.id, "token": made.token}
    show(result, as_json=arguments.json)
    return DONE


def _add_list(group: Commands) -> None:
    parser = add_command(
        group,
        "list",
        summary="List bearer tokens.",
        text="List the bearer tokens of all actors, or of one. The token itself is nowhere: what "
        "names it is the beginning of its hash, which opens nothing.",
        example="apserver token list ann",
    )
    parser.add_argument(
        "NAME", nargs="?", help="the name of an actor of this server (default: all)"
    )
    add_json(parser, what="an array of objects")
    parser.set_defaults(run=list_)


def list_(arguments: argparse.Namespace) -> int:
    """`apserver token list [NAME]`."""
    settings = settings_of(arguments)

    async def work(dsn: str) -> Sequence[TokenRow]:
        from apserver.app import list_tokens

        return await list_tokens(dsn, settings, name=arguments.NAME)

    found = look(settings, work)
    show_table([_described(one) for one in found], COLUMNS, as_json=arguments.json)
    return DONE


def _described(token: TokenRow) -> dict[str, Any]:
    return {
        "id": token.id,
        "actor": token.name,
        "scopes": list(token.scopes),
        "created": token.created_at,
        "revoked": token.revoked_at,
    }


def _add_revoke(group: Commands) -> None:
    parser = add_command(
        group,
        "revoke",
        summary="Revoke a bearer token.",
        text="Revoke a bearer token: from the next request on it opens nothing.",
        example="apserver token revoke 0f1e2d3c",
    )
    parser.add_argument("ID", help="the id of the token, as `apserver token list` prints it")
    add_dry_run(parser)
    add_json(parser)
    parser.set_defaults(run=revoke)


def revoke(arguments: argparse.Namespace) -> int:
    """`apserver token revoke ID`."""
    settings = settings_of(arguments)

    async def work(dsn: str) -> TokenRow:
        from apserver.app import revoke_token

        return await revoke_token(dsn, settings, id=arguments.ID, dry_run=arguments.dry_run)

    token = change(arguments, settings, work, would="this token would be revoked")
    show({"id": token.id, "actor": token.name}, as_json=arguments.json)
    return DONE
