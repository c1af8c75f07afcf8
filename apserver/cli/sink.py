"""`apserver sink`: a throw-away inbox."""

from __future__ import annotations

import argparse
import asyncio
import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from apserver.cli.connection import settings_of_anybody
from apserver.cli.output import indented, note, show, show_json
from apserver.cli.parser import DONE, Commands, add_command, add_json
from apserver.cli.serve import worker_count
from apserver.config import check_origin, split_listen
from apserver.supervisor.sockets import bind, shown

if TYPE_CHECKING:
    from apserver.app import Caught

LISTEN = "127.0.0.1:0"


def add(commands: Commands) -> None:
    """The command."""
    parser = add_command(
        commands,
        "sink",
        summary="Run a throw-away inbox that prints what is posted to it.",
        text="Run a throw-away inbox until Ctrl-C. It prints each POST with what its digest and "
        "its signature are worth, and answers 202 whatever that is. It has an actor with a handle "
        "and a key, so that servers can find it; nothing is stored. It needs no configuration, but "
        "fetches keys by http:// or from this machine only where one allows it.",
        example="apserver sink --listen 127.0.0.1:8090 --count 1",
    )
    parser.add_argument(
        "--listen",
        type=listen_address,
        default=LISTEN,
        metavar="ADDRESS",
        help=f"IP address and port; port 0 takes any free port (default: {LISTEN})",
    )
    parser.add_argument(
        "--origin",
        type=origin,
        help="where others reach it, when a proxy or a tunnel stands before it (default: http:// "
        "and where it listens)",
    )
    parser.add_argument(
        "--count", type=worker_count, metavar="N", help="end after N POSTs (default: Ctrl-C)"
    )
    add_json(parser, what="one JSON object for each POST,")
    parser.set_defaults(run=sink)


def listen_address(text: str) -> tuple[str, int]:
    """An IP address and a port."""
    try:
        return split_listen(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not an IP address and a port, such as {LISTEN}"
        ) from error


def origin(text: str) -> str:
    """`scheme://host[:port]`."""
    try:
        return check_origin(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not scheme://host[:port] without a path"
        ) from error


def sink(arguments: argparse.Namespace) -> int:
    """`apserver sink`."""
    settings = settings_of_anybody(arguments)
    [listener] = bind(*arguments.listen, count=1, or_else="name another port: --listen ADDRESS")
    origin = arguments.origin or f"http://{shown(listener.getsockname())}"

    def tell(actor: str) -> None:
        handle = f"@{actor.rpartition('/')[2]}@{origin.partition('://')[2]}"
        note(f"the sink is {actor} ({handle}), its inbox {actor}/inbox. Ctrl-C ends it")

    def print_caught(caught: Caught) -> None:
        _print(caught, as_json=arguments.json)

    async def run() -> None:
        from apserver.app import run_sink

        await run_sink(
            settings,
            listener=listener,
            origin=origin,
            count=arguments.count,
            on_ready=tell,
            on_caught=print_caught,
        )

    with listener, suppress(KeyboardInterrupt):
        listener.listen()
        asyncio.run(run())
    return DONE


def _print(caught: Caught, *, as_json: bool) -> None:
    result: dict[str, Any] = {
        "path": caught.path,
        "digest": caught.digest,
        "signature": caught.signature,
        "signer": caught.signer,
        "scheme": caught.scheme,
        "key": caught.key_id,
    }
    if as_json:
        show_json({**result, "headers": caught.headers, "activity": _read(caught.body)})
        return
    show(result, as_json=False)
    activity = _read(caught.body)
    print(activity if isinstance(activity, str) else indented(activity), end="\n\n", flush=True)


def _read(body: bytes) -> Any:
    """The JSON that was posted, or the text when it is none."""
    try:
        return json.loads(body)
    except ValueError:
        return body.decode("utf-8", "replace")
