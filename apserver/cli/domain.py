"""`apserver domain …`: which other servers this one deals with, and how far."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from apserver.cli.connection import change, look, settings_of
from apserver.cli.output import note, show, show_table
from apserver.cli.parser import DONE, Commands, Parser, Run, add_command, add_dry_run, add_json
from apserver.core.domain_files import render_csv, render_json, render_plain
from apserver.core.domains import DomainRule, Severity, new_rule
from apserver.errors import BadInput, Refused

if TYPE_CHECKING:
    from apserver.flow.moderation import Moderation, RuleChange

COLUMNS = ("domain", "severity", "reject_media", "reject_reports", "public_comment")
RENDER = {"csv": render_csv, "json": render_json, "plain": render_plain}
SWITCHES = ("reject_media", "reject_reports", "obfuscate", "public_comment", "private_comment")


def add(commands: Commands) -> None:
    """The group and its commands."""
    summary = "Decide which other servers this one deals with."
    text = (
        "Decide which other servers this one deals with. A rule is for a domain and all below "
        "it; the longest domain decides, and allow beats block. Workers follow a change within a "
        "second."
    )
    group = add_command(commands, "domain", summary=summary, text=text).add_commands()
    _add_block(group)
    _add_limit(group)
    _add_allow(group)
    _add_remove(group)
    _add_list(group)
    _add_import(group)
    _add_export(group)


def _add_block(group: Commands) -> None:
    parser = add_command(
        group,
        "block",
        summary="Have no dealings with a domain.",
        text="Have no dealings with a domain: what it sends and asks is refused, nothing is "
        "fetched from it or delivered to it, and its content is not shown. Follows both ways "
        "are ended and do not come back with remove; --dry-run counts them.",
        example='apserver domain block bad.example --comment "Harassment"',
    )
    _add_rule(parser, Severity.SUSPEND, act="domain block")


def _add_limit(group: Commands) -> None:
    parser = add_command(
        group,
        "limit",
        summary="Show a domain only to those who follow there.",
        text="Show what comes from a domain only to those who follow its author. Requests to "
        "follow from there wait until they are accepted by hand. What is said of media is kept and "
        "exported; this version takes none from anybody.",
        example="apserver domain limit loud.example --reject-reports",
    )
    parser.add_argument(
        "--visible",
        action="store_true",
        help="hide nothing; only refuse what the other options name",
    )
    parser.add_argument(
        "--reject-media",
        action="store_true",
        help="take no media from there (kept for later: none are taken yet)",
    )
    parser.add_argument(
        "--reject-reports", action="store_true", help="take no reports (Flag) from there"
    )
    _add_rule(parser, Severity.LIMIT, act="domain limit")


def _add_allow(group: Commands) -> None:
    parser = add_command(
        group,
        "allow",
        summary="Deal with a domain, whatever lists of blocks say.",
        text="Deal with a domain in full, though it, or one above it, is blocked. With "
        "[federation] mode = closed no other domains are dealt with.",
        example="apserver domain allow friend.example",
    )
    _add_rule(parser, Severity.ALLOW, act="domain allow")


def _add_rule(parser: Parser, severity: Severity, *, act: str) -> None:
    _add_domain(parser)
    parser.add_argument(
        "--comment", dest="public_comment", default="", metavar="TEXT", help="why, for everybody"
    )
    parser.add_argument(
        "--private-comment", default="", metavar="TEXT", help="why, for whoever runs this server"
    )
    parser.add_argument(
        "--obfuscate",
        action="store_true",
        help="hide part of the name where rules are shown to the public",
    )
    _add_change(parser, put, act=act)
    parser.set_defaults(severity=severity, visible=False, reject_media=False, reject_reports=False)


def put(arguments: argparse.Namespace) -> int:
    """`apserver domain block|limit|allow DOMAIN`."""
    severity = Severity.NONE if arguments.visible else arguments.severity
    given = {name: getattr(arguments, name) for name in SWITCHES}
    rule = new_rule(arguments.DOMAIN, severity, **given)
    done = _change(arguments, lambda acts: acts.put(rule, act=arguments.act))
    _show(arguments, done, domain=rule.domain, severity=rule.severity.value)
    return DONE


def _add_remove(group: Commands) -> None:
    parser = add_command(
        group,
        "remove",
        summary="Take a rule back.",
        text="Remove the rules for exactly this domain, block and allow. What is above or below "
        "it stays. Follows that a block has ended do not come back.",
        example="apserver domain remove bad.example",
    )
    _add_domain(parser)
    _add_change(parser, remove, act="domain remove")


def remove(arguments: argparse.Namespace) -> int:
    """`apserver domain remove DOMAIN`."""
    done = _change(arguments, lambda acts: acts.remove(arguments.DOMAIN, act=arguments.act))
    _show(arguments, done, domain=arguments.DOMAIN)
    return DONE


def _add_list(group: Commands) -> None:
    parser = add_command(
        group,
        "list",
        summary="List the rules.",
        text="List the rules by domain. severity is suspend, limit, none (nothing but what is "
        "rejected) or allow. --json shows private comments too.",
        example="apserver domain list",
    )
    add_json(parser, what="an array of objects")
    parser.set_defaults(run=list_)


def list_(arguments: argparse.Namespace) -> int:
    """`apserver domain list`."""
    rules = _rules(arguments)
    rows = [asdict(rule) | {"severity": rule.severity.value} for rule in rules]
    show_table(rows, COLUMNS, as_json=arguments.json)
    return DONE


def _add_import(group: Commands) -> None:
    parser = add_command(
        group,
        "import",
        summary="Take in a list of domains.",
        text="Take in a list of domains: Mastodon's CSV, a domain a line, or GoToSocial's JSON. "
        "Every row is checked first; when one is bad, nothing changes. Rules that are not in the "
        "list stay, unless --replace is given. --dry-run counts what would be cut off.",
        example="apserver domain import domain_blocks.csv --dry-run",
    )
    parser.add_argument("FILE", help="the list; - for standard input")
    parser.add_argument(
        "--allow",
        action="store_true",
        help="rows without a severity are allowed (default: they are blocked)",
    )
    parser.add_argument(
        "--replace",
        action="store_true",
        help="remove other rules of the same kind, blocks or allows",
    )
    _add_change(parser, import_, act="domain import")


def import_(arguments: argparse.Namespace) -> int:
    """`apserver domain import FILE`."""
    content = _read(arguments.FILE)
    severity = Severity.ALLOW if arguments.allow else Severity.SUSPEND

    async def take(acts: Moderation) -> RuleChange:
        try:
            return await acts.take_list(
                content, severity=severity, replacing=arguments.replace, act=arguments.act
            )
        except BadInput as error:
            raise Refused(f"{arguments.FILE}: {error} Nothing was changed.") from error

    done = _change(arguments, take)
    _show(arguments, done, added=done.added, changed=done.changed, removed=done.removed)
    return DONE


def _read(file: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise Refused(f"{file} cannot be read: {error.strerror}.") from error


def _add_export(group: Commands) -> None:
    parser = add_command(
        group,
        "export",
        summary="Print the rules as a list for other servers.",
        text="Print the blocks as a list that this and other servers can import, to standard "
        "output. Private comments are left out.",
        example="apserver domain export --format csv",
    )
    parser.add_argument(
        "--format",
        choices=sorted(RENDER),
        default="csv",
        help="csv as Mastodon's, json as GoToSocial's, or plain: a domain a line (default: csv)",
    )
    parser.add_argument("--allowed", action="store_true", help="the allowed domains instead")
    parser.set_defaults(run=export)


def export(arguments: argparse.Namespace) -> int:
    """`apserver domain export`."""
    rules = [rule for rule in _rules(arguments) if rule.allows == arguments.allowed]
    print(RENDER[arguments.format](rules), end="")
    return DONE


def _add_domain(parser: Parser) -> None:
    parser.add_argument("DOMAIN", help="such as example.org; what is below it is included")


def _add_change(parser: Parser, run: Run, *, act: str) -> None:
    add_dry_run(parser)
    add_json(parser)
    parser.set_defaults(run=run, act=act)


def _change(
    arguments: argparse.Namespace, act: Callable[[Moderation], Awaitable[RuleChange]]
) -> RuleChange:
    settings = settings_of(arguments)

    async def work(dsn: str) -> RuleChange:
        from apserver.app import moderating

        async with moderating(dsn, settings, dry_run=arguments.dry_run) as acts:
            return await act(acts)

    return change(arguments, settings, work, would="this would be done")


def _rules(arguments: argparse.Namespace) -> list[DomainRule]:
    settings = settings_of(arguments)

    async def work(dsn: str) -> list[DomainRule]:
        from apserver.app import moderating

        async with moderating(dsn, settings) as acts:
            return await acts.rules()

    return look(settings, work)


def _show(arguments: argparse.Namespace, done: RuleChange, **about: object) -> None:
    if not (arguments.dry_run or done.added or done.changed or done.removed):
        note("nothing had to be changed")
    cut = {
        "accounts_there": done.accounts,
        "follows_ended": done.follows,
        "deliveries_dropped": done.deliveries,
    }
    show(about | cut, as_json=arguments.json)
