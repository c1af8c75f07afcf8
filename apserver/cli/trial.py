"""`apserver try`: a server on this machine with two actors, and lines to paste.

The first start makes the actors and keeps what it prints in `try.json` in the data folder, so
that the next start prints the same, at the same address. It writes `config.toml` there too, which
other commands are pointed at, and which the next start reads when no other file is named. The
folder is not that of `apserver serve`: a database belongs to one origin for good, and this one is
only for trying.
"""

from __future__ import annotations

import argparse
import asyncio
import ipaddress
import json
import os
import shlex
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from apserver import supervisor
from apserver.cli.connection import database
from apserver.cli.example import render_file
from apserver.cli.invocation import command
from apserver.cli.output import note
from apserver.cli.parser import DONE, Commands, add_command
from apserver.cli.serve import plan
from apserver.config import (
    BY_DOTTED,
    FILE_NAME,
    Given,
    Settings,
    check_origin,
    default_data_dir,
    find_file,
    read,
    settle,
    split_listen,
)
from apserver.core.names import Names, collection_id
from apserver.core.vocabulary import ACTIVITY_JSON, AS2_CONTEXT, PUBLIC
from apserver.errors import ConfigProblem, Refused
from apserver.store.data_folder import open_private
from apserver.supervisor.sockets import bind

KEPT_IN = "try.json"
LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))
ACTORS = {"ann": "Ann", "bob": "Bob"}  #: the first is yours, the second is there to be followed


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What the first start made. ``other`` is the id of the actor to follow."""

    listen: str
    origin: str
    actor: str
    handle: str
    token: str
    other: str


def add(commands: Commands) -> None:
    """The command."""
    parser = add_command(
        commands,
        "try",
        summary="Run a server on this machine, with an actor and lines to paste.",
        text="Run a server on this machine until Ctrl-C. It needs no configuration. It makes two "
        "actors, and prints one with its token and three curl lines that work as pasted. The next "
        "start finds its data, and reads the configuration file among them when no other one is "
        "named.",
        example="apserver try",
    )
    parser.add_argument(
        "--listen",
        metavar="ADDRESS",
        help="IP address and port, which become part of every id (default: those of the first "
        f"start, which are {BY_DOTTED['listen'].default} by default)",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """`apserver try`."""
    settings = trial_settings(arguments.config, os.environ, cwd=Path.cwd(), listen=arguments.listen)
    kept = kept_trial(settings.data_dir)
    check_port(settings, is_first=kept is None)
    trial = kept or first_start(settings)

    def announce(_: str) -> None:
        print(render(trial, settings.data_dir), end="", flush=True)

    program = command(config=str(settings.data_dir / FILE_NAME))
    code = supervisor.run(plan(settings, workers=1, on_ready=announce, program=program))
    if code == DONE:
        note(f"stopped. Start again with: {command('try', config=arguments.config)}")
    return code


def check_port(settings: Settings, *, is_first: bool) -> None:
    """That we can listen, before anything is written: the address becomes part of every id."""
    host, port = settings.listen_address
    again = command("try", "--listen", "ADDRESS")
    or_else = f"run: {again}" if is_first else f"begin another trial: {_in_another_folder(again)}"
    for bound in bind(host, port, count=1, data_dir=settings.data_dir, or_else=or_else):
        bound.close()


def _in_another_folder(line: str) -> str:
    return f"{BY_DOTTED['data_dir'].variable}=FOLDER {line}"


def trial_settings(
    config_file: str | None, environ: Mapping[str, str], *, cwd: Path, listen: str | None
) -> Settings:
    """Settings for one machine, with what is configured in place of each default."""
    overrides = {} if listen is None else {"listen": listen}
    given = read(config_file, environ, cwd=cwd, overrides=overrides)
    default_dir = default_data_dir(environ, "apserver-try")
    folder = given["data_dir"].value if "data_dir" in given else default_dir
    kept = kept_trial(folder)
    own = folder / FILE_NAME
    if kept and find_file(config_file, environ, cwd=cwd) is None and own.exists():
        given = _of_own_file(own, environ, cwd=cwd, overrides=overrides)
    if "origin" in given and not given["origin"].value.startswith("http:"):
        raise ConfigProblem(
            f'{given["origin"].where}: origin = "{given["origin"].value}" is not allowed here. '
            "Allowed: none, or one with http://, as a trial is for one machine. "
            "Try it in another folder, or run: apserver serve"
        )
    defaults: dict[str, Any] = {
        "data_dir": folder,
        "federation.allow_http": True,
        "federation.allow_networks": LOOPBACK,
    }
    defaults["listen"] = BY_DOTTED["listen"].default if kept is None else kept.listen
    listening = given["listen"].value if "listen" in given else defaults["listen"]
    if "origin" not in given:
        defaults["origin"] = origin_at(listening)
    settings = settle(given, defaults)
    if kept is not None and kept.origin != settings.origin:
        raise _of_another_origin(kept, settings, given)
    return settings


def _of_own_file(
    own: Path, environ: Mapping[str, str], *, cwd: Path, overrides: Mapping[str, str]
) -> dict[str, Given]:
    """What the trial's own file says. The folder may have been moved since it was written; and with
    another address to listen at, the origin is that, and is refused."""
    stale = {"data_dir", *(("origin",) if overrides else ())}
    given = read(str(own), environ, cwd=cwd, overrides=overrides)
    return {name: item for name, item in given.items() if name not in stale}


def _of_another_origin(
    kept: Trial, settings: Settings, given: Mapping[str, Given]
) -> ConfigProblem:
    """The kept ids are no longer ours: by an option, or by what a file or a variable says."""
    told = f" (origin in {given['origin'].where})" if "origin" in given else ""
    again = command("try", "--listen", kept.listen)
    cure = (
        f"Run it in another folder, or without {given['origin'].where}" if told else f"Run: {again}"
    )
    another = command("try", *(() if told else ("--listen", settings.listen)))
    return ConfigProblem(
        f'{settings.data_dir / KEPT_IN}: origin = "{kept.origin}" is part of every id there, and '
        f'this start would use "{settings.origin}"{told}. {cure}. Or begin another trial: '
        f"{_in_another_folder(another)}"
    )


def origin_at(listen: str) -> str:
    """The http origin of a server that listens there; an open address means loopback."""
    text, port = split_listen(listen)
    if port == 0:
        raise ConfigProblem(
            f'listen = "{listen}" is not allowed in a trial. Allowed: a port of 1 or '
            "more, as it becomes part of every id"
        )
    address = ipaddress.ip_address(text)
    if address.is_unspecified:
        address = ipaddress.ip_address("127.0.0.1" if address.version == 4 else "::1")
    host = f"[{address}]" if address.version == 6 else str(address)
    return check_origin(f"http://{host}:{port}")


def kept_trial(data_dir: Path) -> Trial | None:
    """What an earlier start made in this data folder, or None when there was none."""
    path = data_dir / KEPT_IN
    try:
        trial = Trial(**json.loads(path.read_text("utf-8")))
        split_listen(trial.listen)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigProblem(
            f"{path} cannot be read: {error.strerror}. Run apserver as the user that owns it, or "
            f"begin another trial: {_in_another_folder(command('try'))}"
        ) from error
    except (ValueError, TypeError, AttributeError) as error:
        raise ConfigProblem(
            f"{path} is damaged. Remove it: the next start writes it again, with a new token"
        ) from error
    return trial


def first_start(settings: Settings) -> Trial:
    """Make the actors, and keep what to print and a configuration file for other commands."""
    with database(settings) as dsn:
        trial = asyncio.run(_make(dsn, settings))
    file = render_file(settings.plain(), entries=settings.entries())
    _write_private(settings.data_dir / FILE_NAME, file)
    _write_private(settings.data_dir / KEPT_IN, json.dumps(asdict(trial), indent=2) + "\n")
    return trial


async def _make(dsn: str, settings: Settings) -> Trial:
    from apserver.app import create_actor, create_token, migrate  # late: only for a first start

    await migrate(dsn, settings)
    for name, display_name in ACTORS.items():
        # Refused: a first start that was cut short has made it already.
        with suppress(Refused):
            await create_actor(
                dsn,
                settings,
                name=name,
                type="Person",
                display_name=display_name,
                manual_approval=False,
                token=False,
            )
    mine, other = ACTORS
    made = await create_token(dsn, settings, name=mine)
    return Trial(
        listen=settings.listen,
        origin=settings.origin,
        actor=made.actor,
        handle=f"@{mine}@{settings.handle_host}",
        token=made.token,
        other=Names(settings.origin).actor(other),
    )


def _write_private(path: Path, text: str) -> None:
    """The whole file or none of it, mode 0600: it holds a token."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}.new")
    with open(open_private(new, os.O_WRONLY | os.O_TRUNC), "w", encoding="utf-8") as file:
        file.write(text)
    new.replace(path)


def render(trial: Trial, data_dir: Path) -> str:
    """What `try` prints once the server answers."""
    config = str(data_dir / FILE_NAME)
    post, read_, follow = curl_lines(trial)
    return f"""\
apserver is ready at {trial.origin}. Ctrl-C stops it; its data stays in {data_dir}.

actor   {trial.actor}
handle  {trial.handle}
token   {trial.token}

Post a note:
{post}

Read the outbox:
{read_}

Follow another actor:
{follow}

For bob's side, {trial.other}/inbox, make a token in a second shell:
{command("token", "create", "bob", config=config)}

Other commands, there too:
{command("actor", "create", "NAME", config=config)}

Settings, which the next start reads:
{config}
"""


def curl_lines(trial: Trial) -> tuple[str, str, str]:
    """Shell lines that post a note, read the outbox, and follow the other actor.

    What is read is the first page: the collection itself only says how many there are.
    """
    outbox = collection_id(trial.actor, "outbox")
    hello = {
        "type": "Note",
        "content": "Hello, world",
        "to": [PUBLIC],
        "cc": [collection_id(trial.actor, "followers")],
    }
    follow = {"type": "Follow", "object": trial.other, "to": [trial.other]}
    return (
        _curl(trial, outbox, body=hello),
        _curl(trial, f"{outbox}?page=first"),
        _curl(trial, outbox, body=follow),
    )


def _curl(trial: Trial, iri: str, *, body: Mapping[str, object] | None = None) -> str:
    words = ["curl", "-sS", iri, "-H", f"Authorization: Bearer {trial.token}"]
    if body is None:
        words += ["-H", f"Accept: {ACTIVITY_JSON}"]
    else:
        document = json.dumps({"@context": AS2_CONTEXT, **body})
        words += ["-H", f"Content-Type: {ACTIVITY_JSON}", "-d", document]
    return shlex.join(words)
