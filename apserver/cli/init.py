"""`apserver init`: the configuration file, and what to do next."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from apserver.cli.example import render_file
from apserver.cli.output import note
from apserver.cli.parser import DONE, Commands, add_command, add_dry_run
from apserver.config import FILE_NAME, FILE_VARIABLE, KEYS, check_handle_host, check_origin
from apserver.errors import ConfigProblem, Refused

ALLOWED = {key.name: key.allowed for key in KEYS if not key.section}


def add(commands: Commands) -> None:
    """The command."""
    parser = add_command(
        commands,
        "init",
        summary="Write a configuration file.",
        text="Write a configuration file with every key explained, and print the next steps. "
        "A file that is there already is never changed.",
        example="apserver init https://social.example.org --handle-host example.org",
    )
    parser.add_argument(
        "ORIGIN",
        help="the address under which the world reaches the server. It becomes part of every id "
        "and can never change",
    )
    parser.add_argument(
        "--handle-host",
        metavar="HOST",
        help="the host in handles, @name@HOST (default: the host and port of ORIGIN)",
    )
    add_dry_run(parser)
    parser.set_defaults(run=init)


def init(arguments: argparse.Namespace) -> int:
    """`apserver init ORIGIN`."""
    values: dict[str, object] = {"origin": _origin(arguments.ORIGIN)}
    if arguments.handle_host is not None:
        values["handle_host"] = _handle_host(arguments.handle_host)
    if str(values["origin"]).startswith("http:"):
        values["federation.allow_http"] = True
    named = arguments.config or os.environ.get(FILE_VARIABLE) or FILE_NAME
    if arguments.dry_run:
        _check_vacant(Path(named))
        note(f"{named} would be written so; nothing was changed")
        print(render_file(values), end="")
        return DONE
    _write(Path(named), render_file(values))
    print(next_steps(str(values["origin"]), named, is_default=not arguments.config), end="")
    return DONE


def _origin(text: str) -> str:
    try:
        return check_origin(text)
    except ValueError as error:
        host = text.partition("://")[2] or text
        cure = f"https://{host.partition('/')[0]}"
        raise ConfigProblem(
            f'ORIGIN = "{text}" is not allowed. Allowed: {ALLOWED["origin"]}. '
            f"Perhaps: apserver init {cure}"
        ) from error


def _handle_host(text: str) -> str:
    try:
        return check_handle_host(text)
    except ValueError as error:
        raise ConfigProblem(
            f'--handle-host = "{text}" is not allowed. Allowed: {ALLOWED["handle_host"]}'
        ) from error


def _check_vacant(path: Path) -> None:
    if path.exists():
        raise Refused(
            f"{path} exists and is left as it is. Edit it, remove it, "
            "or name another file by --config FILE"
        )


def _write(path: Path, text: str) -> None:
    _check_vacant(path)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise Refused(
            f"{path} cannot be written: {error.strerror}. Name another place by --config FILE"
        ) from error


def next_steps(origin: str, named: str, *, is_default: bool) -> str:
    """What `init` prints: the commands to type next, with the real names in them."""
    option = "" if is_default else f" --config {named}"
    steps = f"""\
Wrote {named}. Next:

  apserver actor create NAME --token{option}
  apserver serve{option}
"""
    if origin.startswith("http:"):
        return f"{steps}\nhttp:// is for trying things on one machine; allow_http is set for it.\n"
    return f"""{steps}
A proxy in front of it does TLS and must pass the Host header on. With Caddy, that is:

  {origin.partition("://")[2]} {{
      reverse_proxy 127.0.0.1:8080
  }}
"""
