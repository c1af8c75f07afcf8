"""`apserver init`: the configuration file, and what to do next."""

from __future__ import annotations

import argparse
import ipaddress
import os
from pathlib import Path

from apserver.cli.example import render_file
from apserver.cli.invocation import command
from apserver.cli.output import note
from apserver.cli.parser import DONE, Commands, add_command, add_dry_run
from apserver.config import (
    BY_DOTTED,
    FILE_NAME,
    FILE_VARIABLE,
    KEYS,
    check_handle_host,
    check_origin,
    default_data_dir,
)
from apserver.core.origin import origin_of
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
    origin = _origin(arguments.ORIGIN)
    values: dict[str, object] = {"origin": origin}
    if arguments.handle_host is not None:
        values["handle_host"] = _handle_host(arguments.handle_host)
    if origin.startswith("http:"):
        values |= {"federation.allow_http": True, **of_one_machine(origin)}
    named = arguments.config or os.environ.get(FILE_VARIABLE) or FILE_NAME
    text = render_file(values, shown={"data_dir": str(default_data_dir(os.environ))})
    if arguments.dry_run:
        _check_vacant(Path(named))
        note(f"{named} would be written so; nothing was changed")
        print(text, end="")
        return DONE
    _write(Path(named), text)
    print(next_steps(origin, named, config=arguments.config), end="")
    return DONE


def of_one_machine(origin: str) -> dict[str, object]:
    """What an http origin needs at a loopback address, where no proxy stands before the server:
    it listens there itself, and its own calls may go there."""
    _, host, port = origin_of(origin)
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return {}
    if not address.is_loopback:
        return {}
    return {"listen": f"{host}:{port}", "federation.allow_networks": ["127.0.0.0/8", "::1/128"]}


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


def next_steps(origin: str, named: str, *, config: str | None) -> str:
    """What `init` prints: the commands to type next, with the real names in them."""
    data_dir = BY_DOTTED["data_dir"]
    folder = os.environ.get(data_dir.variable) or default_data_dir(os.environ)
    steps = f"""\
Wrote {named}. Keys and database will lie in {folder}:
for another folder, set data_dir there, or {data_dir.variable}. Next:

  {command("actor", "create", "NAME", "--token", config=config)}
  {command("serve", config=config)}
"""
    if origin.startswith("http:"):
        keys = ["allow_http", *(name.split(".")[-1] for name in of_one_machine(origin))]
        set_for_it = ", ".join(keys)
        told = f"http:// is for trying things on one machine. The file sets {set_for_it} for it."
        return f"{steps}\n{told}\n"
    return f"""{steps}
A proxy in front of it does TLS and must pass the Host header on. With Caddy, that is:

  {origin.partition("://")[2]} {{
      reverse_proxy 127.0.0.1:8080
  }}
"""
