"""`apserver serve`, and the plan that `apserver try` shares with it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

from apserver import supervisor
from apserver.cli.certificates import check_certificates
from apserver.cli.connection import settings_of
from apserver.cli.invocation import command
from apserver.cli.parser import Commands, add_command
from apserver.config import Settings
from apserver.core import limits
from apserver.cures import PROGRAM

#: PostgreSQL's own defaults: how many, and how many of them only a superuser gets.
MAX_CONNECTIONS = 100
RESERVED_CONNECTIONS = 3


def add(commands: Commands) -> None:
    """The command."""
    parser = add_command(
        commands,
        "serve",
        summary="Run the server until it is stopped.",
        text="Run the server until Ctrl-C or SIGTERM: the embedded database unless another one is "
        "configured, and the workers.",
        example="apserver serve --config /etc/apserver/config.toml",
    )
    parser.add_argument(
        "--workers",
        type=worker_count,
        default=1,
        metavar="N",
        help="processes that serve requests and do the work (default: 1)",
    )
    parser.set_defaults(run=serve)


def worker_count(text: str) -> int:
    """A whole number, 1 or more."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number, 1 or more")
    return int(text)


def serve(arguments: argparse.Namespace) -> int:
    """`apserver serve`."""
    settings = settings_of(arguments)
    # As a worker does it, but before anything is started.
    check_certificates(settings)

    def announce(listening: str) -> None:
        print(f"apserver: serving {settings.origin} at {listening}", file=sys.stderr, flush=True)

    program = command(config=arguments.config)
    return supervisor.run(
        plan(settings, workers=arguments.workers, on_ready=announce, program=program)
    )


def plan(
    settings: Settings,
    *,
    workers: int,
    on_ready: Callable[[str], None],
    program: str = PROGRAM,
) -> supervisor.Plan:
    """What the supervisor is to run; ``on_ready`` is called once requests are answered, and
    ``program`` is how other commands for this server begin."""
    host, port = settings.listen_address
    return supervisor.Plan(
        data_dir=settings.data_dir,
        database_url=settings.database.url,
        listen_host=host,
        listen_port=port,
        workers=workers,
        max_connections=max(
            MAX_CONNECTIONS, limits.connections_needed(workers) + RESERVED_CONNECTIONS
        ),
        settings_json=settings.to_json(),
        on_ready=on_ready,
        program=program,
    )
