"""`apserver report …`: what was reported to whoever runs this server."""

from __future__ import annotations

import argparse
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

from apserver.cli.connection import change, look, settings_of
from apserver.cli.output import indented, show, show_json, show_table
from apserver.cli.parser import DONE, Commands, Parser, add_command, add_dry_run, add_json

if TYPE_CHECKING:
    from apserver.flow.reports import Reports
    from apserver.store.reports import Report

COLUMNS = ("id", "state", "reported_at", "reported", "reporter")


def add(commands: Commands) -> None:
    """The group and its commands."""
    summary = "Look at what was reported, and close it."
    text = (
        "Look at what was reported, by actors of this server and by other servers, and close what "
        "is dealt with. Nobody else sees it. What to do about it: apserver activity hide, actor "
        "suspend, actor delete, domain limit."
    )
    group = add_command(commands, "report", summary=summary, text=text).add_commands()
    _add_list(group)
    _add_show(group)
    _add_close(group)
    _add_reopen(group)


def _add_list(group: Commands) -> None:
    parser = add_command(
        group,
        "list",
        summary="List reports, the newest first.",
        text="List the newest reports. state is open, closed, or taken back by who reported it; "
        "reported is whom they are about.",
        example="apserver report list --open",
    )
    parser.add_argument("--open", action="store_true", help="those alone that are not closed")
    add_json(parser, what="an array of objects")
    parser.set_defaults(run=list_)


def list_(arguments: argparse.Namespace) -> int:
    """`apserver report list`."""

    async def read(reports: Reports) -> Sequence[Report]:
        return await reports.list(only_open=arguments.open)

    rows = [_told(one) for one in _look(arguments, read)]
    show_table(rows, COLUMNS, as_json=arguments.json)
    return DONE


def _add_show(group: Commands) -> None:
    parser = add_command(
        group,
        "show",
        summary="Show one report.",
        text="Show one report with its evidence: what was reported as it was then, whatever has "
        "become of it since.",
        example="apserver report show 5",
    )
    _add_id(parser)
    add_json(parser)
    parser.set_defaults(run=show_)


def show_(arguments: argparse.Namespace) -> int:
    """`apserver report show ID`."""

    async def read(reports: Reports) -> Report:
        return await reports.show(arguments.ID)

    report = _look(arguments, read)
    evidence = json.loads(report.evidence)
    if arguments.json:
        show_json(_told(report) | {"evidence": evidence})
        return DONE
    show(_told(report), as_json=False)
    for one in evidence:
        print(indented(one))
    return DONE


def _add_close(group: Commands) -> None:
    parser = add_command(
        group,
        "close",
        summary="Close reports that are dealt with.",
        text="Close reports that are dealt with, all or none of them. They are kept for as many "
        "days as [retention] reports_days says. Nobody is told.",
        example='apserver report close 5 --note "Suspended"',
    )
    _add_id(parser, many=True)
    parser.add_argument("--note", default="", metavar="TEXT", help="what was done about it")
    _add_change(parser, close, act="report close")


def close(arguments: argparse.Namespace) -> int:
    """`apserver report close ID`."""
    return _change(
        arguments,
        lambda reports: reports.close(arguments.ID, note=arguments.note, act=arguments.act),
    )


def _add_reopen(group: Commands) -> None:
    parser = add_command(
        group,
        "reopen",
        summary="Open closed reports again.",
        text="Open closed reports again, so that they are kept until they are closed.",
        example="apserver report reopen 5",
    )
    _add_id(parser, many=True)
    _add_change(parser, reopen, act="report reopen")


def reopen(arguments: argparse.Namespace) -> int:
    """`apserver report reopen ID`."""
    return _change(arguments, lambda reports: reports.reopen(arguments.ID, act=arguments.act))


def _add_id(parser: Parser, *, many: bool = False) -> None:
    parser.add_argument(
        "ID",
        type=_number,
        nargs="+" if many else None,
        help="the number of the report, as list shows it",
    )


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 0 < int(text) < 2**63):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of a report, such as 5")
    return int(text)


def _add_change(parser: Parser, run: Callable[[argparse.Namespace], int], *, act: str) -> None:
    add_dry_run(parser)
    add_json(parser, what="an array of objects")
    parser.set_defaults(run=run, act=act)


def _look(arguments: argparse.Namespace, read: Callable[[Reports], Awaitable[Any]]) -> Any:
    async def work(dsn: str) -> Any:
        from apserver.app import reports_of

        async with reports_of(dsn) as reports:
            return await read(reports)

    return look(settings_of(arguments), work)


def _change(
    arguments: argparse.Namespace, act: Callable[[Reports], Awaitable[Sequence[Report]]]
) -> int:
    settings = settings_of(arguments)

    async def work(dsn: str) -> Sequence[Report]:
        from apserver.app import reports_of

        async with reports_of(dsn, dry_run=arguments.dry_run) as reports:
            return await act(reports)

    done = change(arguments, settings, work, would="this would be so")
    show_table([_told(one) for one in done], COLUMNS, as_json=arguments.json)
    return DONE


def _told(report: Report) -> dict[str, Any]:
    return {
        "id": report.id,
        "state": report.state,
        "reporter": report.reporter,
        "reported": report.subjects,
        "posts": report.posts,
        "content": report.content,
        "forwarded_to": report.forwarded_to,
        "reported_at": report.reported_at,
        "closed_at": report.closed_at,
        "note": report.note,
    }
