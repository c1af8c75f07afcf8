"""`apserver actor …`: the actors of this server."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from apserver.cli import moving, password, suspension
from apserver.cli.connection import change, look, settings_of
from apserver.cli.invocation import command
from apserver.cli.output import note, show, show_table
from apserver.cli.parser import (
    DONE,
    Commands,
    add_command,
    add_dry_run,
    add_json,
    add_name,
)
from apserver.core.vocabulary import ACTOR_TYPES
from apserver.errors import Refused

if TYPE_CHECKING:
    from apserver.app import CreatedActor, Departure, OwnActor, RotatedKey

COLUMNS = ("name", "id", "type", "created", "followers", "state")


def add(commands: Commands) -> None:
    """The group and its commands."""
    summary = "Make, list, move, suspend and delete actors, and change their keys."
    group = add_command(commands, "actor", summary=summary).add_commands()
    _add_create(group)
    _add_list(group)
    _add_show(group)
    password.add(group)
    _add_rotate_key(group)
    suspension.add(group)
    moving.add(group)
    _add_delete(group)


def _add_create(group: Commands) -> None:
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
    add_dry_run(parser)
    add_json(parser)
    parser.set_defaults(run=create)


def create(arguments: argparse.Namespace) -> int:
    """`apserver actor create NAME`."""
    settings = settings_of(arguments)

    async def work(dsn: str) -> CreatedActor:
        from apserver.app import create_actor

        return await create_actor(
            dsn,
            settings,
            name=arguments.NAME,
            type=arguments.type,
            display_name=arguments.name,
            manual_approval=arguments.manual_approval,
            token=arguments.token,
            dry_run=arguments.dry_run,
        )

    made = change(arguments, settings, work, would="this actor would be made")
    result = {
        "actor": made.actor,
        "handle": made.handle,
        "inbox": made.inbox,
        "outbox": made.outbox,
    }
    if made.token is not None and not arguments.dry_run:
        result["token"] = made.token
    show(result, as_json=arguments.json)
    if not (arguments.token or arguments.dry_run or arguments.json):
        step = command("token", "create", arguments.NAME, config=arguments.config)
        note(f"make a token for it with: {step}")
    return DONE


def _add_list(group: Commands) -> None:
    parser = add_command(
        group,
        "list",
        summary="List the actors of this server.",
        text="List the actors of this server: name, id, type, when it was made, followers, and "
        "state, which is active, suspended or deleted. The actor named instance stands for the "
        "server.",
        example="apserver actor list",
    )
    add_json(parser, what="an array of objects")
    parser.set_defaults(run=list_)


def list_(arguments: argparse.Namespace) -> int:
    """`apserver actor list`."""

    async def work(dsn: str) -> list[OwnActor]:
        from apserver.app import own_actors

        return await own_actors(dsn)

    found = look(settings_of(arguments), work)
    show_table([_described(one) for one in found], COLUMNS, as_json=arguments.json)
    return DONE


def _add_show(group: Commands) -> None:
    parser = add_command(
        group,
        "show",
        summary="Show one actor.",
        text="Show one actor of this server with its figures and keys, also when it is deleted.",
        example="apserver actor show ann",
    )
    add_name(parser)
    add_json(parser)
    parser.set_defaults(run=show_)


def show_(arguments: argparse.Namespace) -> int:
    """`apserver actor show NAME`."""
    settings = settings_of(arguments)

    async def work(dsn: str) -> OwnActor:
        from apserver.app import own_actor

        return await own_actor(dsn, settings, name=arguments.NAME)

    show(_described(look(settings, work)), as_json=arguments.json)
    return DONE


def _described(actor: OwnActor) -> dict[str, Any]:
    return {
        "name": actor.name,
        "handle": actor.handle,
        "id": actor.id,
        "type": actor.type,
        "created": actor.created_at,
        "state": actor.state,
        "deleted": actor.deleted_at,
        "moved_to": actor.moved_to,
        "followers": actor.followers,
        "following": actor.following,
        "posts": actor.posts,
        "manual_approval": actor.manual_approval,
        "keys": list(actor.key_ids),
    }


def _add_rotate_key(group: Commands) -> None:
    parser = add_command(
        group,
        "rotate-key",
        summary="Give an actor a new key.",
        text="Give an actor a new key, and tell its followers by an Update that the old key "
        "signs. Works for the actor named instance too, which signs what the server fetches.",
        example="apserver actor rotate-key ann",
    )
    add_name(parser)
    add_dry_run(parser)
    add_json(parser)
    parser.set_defaults(run=rotate_key)


def rotate_key(arguments: argparse.Namespace) -> int:
    """`apserver actor rotate-key NAME`."""
    settings = settings_of(arguments)

    async def work(dsn: str) -> RotatedKey:
        from apserver import app

        return await app.rotate_key(dsn, settings, name=arguments.NAME, dry_run=arguments.dry_run)

    would = "a new key would be made and its Update be sent"
    rotated = change(arguments, settings, work, would=would)
    show({"actor": rotated.actor, "key": rotated.key_id}, as_json=arguments.json)
    return DONE


def _add_delete(group: Commands) -> None:
    parser = add_command(
        group,
        "delete",
        summary="Delete an actor for good.",
        text="Delete an actor for good. All servers that ever got anything of it get a Delete; its "
        "document and its posts answer 410 Gone; its inbox and its other collections are removed, "
        "and its tokens revoked. Its name is never given out again. Deliveries are made while the "
        "server runs, and so is the rest of the work when it has very many posts or followers.",
        example="apserver actor delete ann --dry-run",
    )
    add_name(parser)
    parser.add_argument("--yes", action="store_true", help="do it: it cannot be undone")
    add_dry_run(parser)
    add_json(parser)
    parser.set_defaults(run=delete)


def delete(arguments: argparse.Namespace) -> int:
    """`apserver actor delete NAME`."""
    settings = settings_of(arguments)
    if not (arguments.yes or arguments.dry_run):
        raise Refused(
            f"This deletes {arguments.NAME} for good and tells other servers so. Add --yes to do "
            "it, or --dry-run to see what it would do"
        )

    async def work(dsn: str) -> Departure:
        from apserver.app import delete_actor

        return await delete_actor(dsn, settings, name=arguments.NAME, dry_run=arguments.dry_run)

    done = change(arguments, settings, work, would="this would be deleted and sent")
    result = {
        "actor": done.actor,
        "inboxes_told": done.deliveries,
        "posts_deleted": done.objects,
        "tokens_revoked": done.tokens,
    }
    show(result, as_json=arguments.json)
    return DONE
