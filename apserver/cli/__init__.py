"""The command line: `apserver [--config FILE] COMMAND`. One module for each command group.

Results go to standard output, everything else to standard error. An error is one line with its
cure and no traceback; a traceback is a defect of ours.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from apserver import __version__
from apserver.cli import (
    activity,
    actor,
    configuration,
    deliver,
    doctor,
    domain,
    emoji,
    fetch,
    init,
    prune,
    report,
    serve,
    sink,
    token,
    trial,
    webfinger,
)
from apserver.cli.invocation import command
from apserver.cli.output import escaped
from apserver.cli.parser import (
    CONFIGURATION,
    EXIT_CODES,
    INTERRUPTED,
    REFUSED,
    USAGE,
    Parser,
    Run,
    add_config,
)
from apserver.cures import PROGRAM, pasteable
from apserver.errors import ApserverError, ConfigProblem

#: In the order of the help text.
_GROUPS = (
    trial,
    init,
    serve,
    doctor,
    actor,
    token,
    domain,
    emoji,
    activity,
    report,
    prune,
    configuration,
    fetch,
    webfinger,
    deliver,
    sink,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code; see `EXIT_CODES`."""
    parser = build_parser()
    words = sys.argv[1:] if argv is None else argv
    if not words:
        parser.print_help(sys.stderr)
        return USAGE
    arguments = parser.parse_args(words)
    run: Run = arguments.run
    try:
        return run(arguments)
    except ConfigProblem as error:
        return _fail(CONFIGURATION, error, config=arguments.config)
    except (ApserverError, OSError) as error:
        return _fail(REFUSED, error, config=arguments.config)
    except KeyboardInterrupt:
        return INTERRUPTED


def _fail(code: int, error: Exception, *, config: str | None) -> int:
    told = pasteable(" ".join(str(error).split()), command(config=config))
    print(f"{PROGRAM}: {escaped(told)}", file=sys.stderr)
    return code


def build_parser() -> Parser:
    """The whole command line."""
    codes = "\n".join(f"  {code:<4} {meaning}" for code, meaning in EXIT_CODES.items())
    parser = Parser(
        prog=PROGRAM,
        description="An ActivityPub server on PostgreSQL.",
        epilog=f"Exit codes:\n{codes}\n\nExample:\n  apserver try",
    )
    add_config(parser)
    parser.add_argument("--version", action="version", version=f"apserver {__version__}")
    commands = parser.add_commands()
    for group in _GROUPS:
        group.add(commands)
    return parser
