"""`apserver emoji …`: the emoji that posts of this server may use."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from apserver.cli.connection import change, look, settings_of
from apserver.cli.output import show, show_table
from apserver.cli.parser import DONE, Commands, Parser, add_command, add_dry_run, add_json
from apserver.core import limits
from apserver.errors import Refused

if TYPE_CHECKING:
    from apserver.app import Emoji

COLUMNS = ("shortcode", "media_type", "updated", "url")


def add(commands: Commands) -> None:
    """The group and its commands."""
    summary = "Add, list and remove emoji of this server."
    group = add_command(commands, "emoji", summary=summary).add_commands()
    _add_add(group)
    _add_list(group)
    _add_remove(group)


def _add_shortcode(parser: Parser) -> None:
    parser.add_argument("SHORTCODE", help="its name without the colons, such as blob_cat")


def _add_add(group: Commands) -> None:
    parser = add_command(
        group,
        "add",
        summary="Add an emoji, or give it a new image.",
        text="Add an emoji, or give one a new image. Whoever writes :SHORTCODE: in a post, or in "
        "the name or description of an actor, shows the image to readers everywhere. It is a "
        f"PNG, GIF or WebP image of at most {limits.EMOJI >> 10} KiB, and is stored in the "
        "database.",
        example="apserver emoji add blob_cat blob_cat.png",
    )
    _add_shortcode(parser)
    parser.add_argument("FILE", type=Path, help="the image")
    add_dry_run(parser)
    add_json(parser)
    parser.set_defaults(run=put)


def put(arguments: argparse.Namespace) -> int:
    """`apserver emoji add SHORTCODE FILE`."""
    settings = settings_of(arguments)
    image = _read(arguments.FILE)

    async def work(dsn: str) -> Emoji:
        from apserver.app import add_emoji

        return await add_emoji(
            dsn, settings, shortcode=arguments.SHORTCODE, image=image, dry_run=arguments.dry_run
        )

    added = change(arguments, settings, work, would="this emoji would be added")
    show(_described(added), as_json=arguments.json)
    return DONE


def _read(path: Path) -> bytes:
    """A file, or a little more of it than may be there."""
    try:
        with path.open("rb") as file:
            return file.read(limits.EMOJI + 1)
    except OSError as error:
        raise Refused(f"{path} cannot be read: {error.strerror}. Name an image file.") from error


def _add_list(group: Commands) -> None:
    parser = add_command(
        group, "list", summary="List the emoji of this server.", example="apserver emoji list"
    )
    add_json(parser, what="an array of objects")
    parser.set_defaults(run=list_)


def list_(arguments: argparse.Namespace) -> int:
    """`apserver emoji list`."""
    settings = settings_of(arguments)

    async def work(dsn: str) -> list[Emoji]:
        from apserver.app import list_emoji

        return await list_emoji(dsn, settings)

    found = look(settings, work)
    show_table([_described(one) for one in found], COLUMNS, as_json=arguments.json)
    return DONE


def _described(emoji: Emoji) -> dict[str, Any]:
    return {
        "shortcode": emoji.shortcode,
        "media_type": emoji.media_type,
        "updated": emoji.updated,
        "url": emoji.url,
    }


def _add_remove(group: Commands) -> None:
    parser = add_command(
        group,
        "remove",
        summary="Remove an emoji.",
        text="Remove an emoji: nobody can use it any more. Posts that have it keep its tag; its "
        "image is gone, but for servers that have kept it.",
        example="apserver emoji remove blob_cat",
    )
    _add_shortcode(parser)
    add_dry_run(parser)
    add_json(parser)
    parser.set_defaults(run=remove)


def remove(arguments: argparse.Namespace) -> int:
    """`apserver emoji remove SHORTCODE`."""
    settings = settings_of(arguments)

    async def work(dsn: str) -> str:
        from apserver.app import remove_emoji

        await remove_emoji(dsn, shortcode=arguments.SHORTCODE, dry_run=arguments.dry_run)
        return str(arguments.SHORTCODE)

    gone = change(arguments, settings, work, would="this emoji would be removed")
    show({"shortcode": gone}, as_json=arguments.json)
    return DONE
