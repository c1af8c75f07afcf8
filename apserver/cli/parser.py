"""The shape that all commands share: options, help texts, exit codes."""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, TypeAlias

from apserver.cli.invocation import command
from apserver.config import FILE_NAME, FILE_VARIABLE
from apserver.cures import pasteable

Run: TypeAlias = Callable[[argparse.Namespace], int]
Commands: TypeAlias = "argparse._SubParsersAction[Parser]"

WIDTH = 90  #: of help texts, on every terminal, so that the docs can quote them

DONE, REFUSED, USAGE, CONFIGURATION, INTERRUPTED = 0, 1, 2, 78, 130
EXIT_CODES = {
    DONE: "done",
    REFUSED: "refused: understood, and not done for the reason given",
    USAGE: "usage: the command line is not understood",
    CONFIGURATION: "configuration: a file, variable or option cannot be used",
    INTERRUPTED: "ended by Ctrl-C; serve, try and sink, which run until then, end with 0",
}


class _Format(argparse.RawDescriptionHelpFormatter):
    """Descriptions and examples as they are written."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=26, width=WIDTH)


class Parser(argparse.ArgumentParser):
    """A parser that knows no abbreviations and says what is wrong in one line."""

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_abbrev=False, formatter_class=_Format, **options)

    def error(self, message: str) -> NoReturn:
        """Exit code 2."""
        self.exit(
            USAGE, f"apserver: {message}. See: {pasteable(f'{self.prog} --help', command())}\n"
        )

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> tuple[Any, list[str]]:
        """Of a command what it does not know is an error at once, so that its own help is named."""
        known, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return known, unknown

    def add_commands(self) -> Commands:
        """Sub-commands, one of which must be given."""
        return self.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def sub_commands(self) -> Sequence[Parser]:
        """The parsers of its sub-commands, in the order of the help text."""
        groups = [a for a in self._actions if isinstance(a, argparse._SubParsersAction)]
        return [parser for group in groups for parser in group.choices.values()]


def add_command(
    commands: Commands, name: str, *, summary: str, text: str = "", example: str = ""
) -> Parser:
    """A sub-command or a group of them, with --config and an example in its help."""
    parser = commands.add_parser(
        name,
        help=summary,
        description=textwrap.fill(text or summary, WIDTH),
        epilog=f"Example:\n  {example}" if example else None,
    )
    # The default of the sub-command would hide a --config that stands before it.
    add_config(parser, default=argparse.SUPPRESS)
    return parser


def add_config(parser: Parser, *, default: str | None = None) -> None:
    """--config, which stands before or after the sub-command."""
    parser.add_argument(
        "--config",
        metavar="FILE",
        default=default,
        help=f"the configuration file (else the one named by {FILE_VARIABLE}, "
        f"else ./{FILE_NAME} when it exists)",
    )


def add_name(parser: Parser) -> None:
    """NAME, for commands on an actor of ours."""
    parser.add_argument("NAME", help="the name of an actor of this server")


def add_json(parser: Parser, *, what: str = "one JSON object") -> None:
    """--json, for commands that print a result."""
    parser.add_argument(
        "--json", action="store_true", help=f"print the result as {what} on one line"
    )


def add_dry_run(parser: Parser) -> None:
    """--dry-run, for commands that change something."""
    parser.add_argument(
        "--dry-run", action="store_true", help="say what would be done, and change nothing"
    )
