"""`apserver sink`: a throw-away inbox that says what digest and signature are worth."""

from __future__ import annotations

import asyncio
import json
import re
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from apserver.cli import main
from tests.cli.program import MODULE, clean_environment, command
from tests.doubles.peer import Peer
from tests.doubles.server import AS2, Server

START_S = 30.0


class Sink:
    """A sink that runs as a program. ``actor`` is its id, ``told`` its first line."""

    def __init__(self, process: asyncio.subprocess.Process, actor: str, told: str):
        self.process = process
        self.actor = actor
        self.told = told

    @property
    def inbox(self) -> str:
        return f"{self.actor}/inbox"

    async def line(self) -> dict[str, Any]:
        """The next POST that it tells of."""
        assert self.process.stdout is not None
        text = await asyncio.wait_for(self.process.stdout.readline(), START_S)
        told: dict[str, Any] = json.loads(text)
        return told


@asynccontextmanager
async def sinking(folder: Path, *arguments: str, configured: bool = True) -> AsyncIterator[Sink]:
    environ = {
        "APSERVER__ORIGIN": "http://127.0.0.1:1",
        "APSERVER__FEDERATION__ALLOW_HTTP": "true",
        "APSERVER__FEDERATION__ALLOW_NETWORKS": "127.0.0.0/8",
    }
    process = await asyncio.create_subprocess_exec(
        *(*MODULE, "sink", *arguments),
        cwd=folder,
        env=clean_environment(folder, environ if configured else {}),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        # A test run in the background of a shell would hand on an ignored SIGINT.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        assert process.stderr is not None
        told = (await asyncio.wait_for(process.stderr.readline(), START_S)).decode()
        named = re.search(r"http://127\.0\.0\.1:\d+/actors/sink", told)
        assert named, told
        yield Sink(process, named[0], told)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def test_it_tells_what_each_post_is_worth(peer: Peer, tmp_path: Path) -> None:
    like = peer.activity("Like", "carol", object="https://a.example/1")
    async with sinking(tmp_path, "--json", "--count", "5") as sink:
        good = await peer.send(sink.inbox, like, by="carol")
        assert good.status == 202
        told = await sink.line()
        assert (told["digest"], told["signature"]) == ("ok", "ok")
        assert (told["signer"], told["scheme"]) == (peer.id("carol"), "cavage")
        assert told["key"] == f"{peer.id('carol')}#main-key"
        assert (told["activity"], told["path"]) == (like, "/actors/sink/inbox")
        assert told["headers"]["content-type"] == AS2

        changed = await peer.send(sink.inbox, like, by="carol", change=lambda body: body + b" ")
        assert changed.status == 202
        told = await sink.line()
        assert "Digest does not match the body" in told["digest"]
        assert (told["signature"] != "ok", told["signer"]) == (True, None)

        await peer.send(sink.inbox, like, by="carol", key="another")
        told = await sink.line()
        assert (told["digest"], told["signer"]) == ("ok", None)
        assert "does not fit" in told["signature"]

        await peer.send(sink.inbox, like, by="carol", unsigned=True)
        told = await sink.line()
        assert "not signed" in told["signature"]
        assert "no Digest" in told["digest"]

        await peer.send(sink.inbox, b"no json", by="carol")
        assert (await sink.line())["activity"] == "no json"
        assert await asyncio.wait_for(sink.process.wait(), START_S) == 0


async def test_it_can_be_found_and_its_fetches_are_signed(peer: Peer, tmp_path: Path) -> None:
    async with sinking(tmp_path, "--json") as sink:
        actor = await peer.get(sink.actor)
        assert (actor.json["id"], actor.json["inbox"]) == (sink.actor, sink.inbox)
        assert actor.headers["Content-Type"].startswith(AS2)
        origin = sink.actor.removesuffix("/actors/sink")
        handle = f"sink@{origin.partition('://')[2]}"
        found = await peer.get(f"{origin}/.well-known/webfinger?resource=acct:{handle}")
        assert found.json["links"][0]["href"] == sink.actor
        shared = actor.json["endpoints"]["sharedInbox"]
        await peer.send(shared, peer.activity("Like", "carol", object="x"), by="carol")
        assert (await sink.line())["path"] == "/inbox"
        sink.process.send_signal(signal.SIGINT)
        assert await asyncio.wait_for(sink.process.wait(), START_S) == 0


async def test_what_a_server_delivers_by_hand_arrives(server: Server, tmp_path: Path) -> None:
    activity = {"type": "Like", "actor": server.id("ann"), "id": f"{server.origin}/x"}
    given = json.dumps(activity).encode()
    async with sinking(tmp_path, "--count", "1") as sink:
        done = await command(server, "deliver", "-", "--to", sink.inbox, "--as", "ann", given=given)
        assert done.code == 0, done.err
        out, _ = await sink.process.communicate()
    text = out.decode()
    assert "signature  ok\n" in text
    assert f"signer     {server.id('ann')}\n" in text
    assert json.loads(text[text.index("{") :]) == activity


@pytest.mark.parametrize(
    "arguments",
    [("--listen", "localhost:1"), ("--origin", "x"), ("--count", "0"), ("--count", "many")],
)
def test_exit_2_when_not_understood(
    arguments: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["sink", *arguments])
    assert ended.value.code == 2
    assert arguments[1] in capsys.readouterr().err


async def test_exit_1_when_the_port_is_taken(server: Server) -> None:
    taken = server.origin.partition("://")[2]
    done = await command(server, "sink", "--listen", taken)
    assert (done.code, done.out) == (1, "")
    assert "in use" in done.err
    assert "--listen 127.0.0.1:" in done.err


async def test_it_needs_no_configuration_and_tells_its_handle(tmp_path: Path) -> None:
    async with sinking(tmp_path, configured=False) as sink:
        host = sink.actor.split("/")[2]
        assert f"(@sink@{host})" in sink.told
