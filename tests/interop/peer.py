"""Real servers of other projects beside ours, driven over their /_control/ endpoints.

    peer = await fedify_peer(node, log=tmp_path / "peer.log", actors=["bob"])
    await peer.do("follow", target="@ana@127.0.0.1:8000")
    await peer.wait(type="Accept")
    await peer.stop()

`fedify/peer.mjs` and `apkit/peer.py` list the views (`get`), the actions (`do`) and the options.
Tests take the fixtures `fedify` and `apkit`, which start and stop peers. A record of what Fedify
received holds n, ts, inbox, type, id, actor, object, status, accepted, duplicate, json, headers
and `verified`: for each of http, ld and proof one of absent, verified, invalid; of a post also
`read`: what Fedify's own types make of it. apkit's has only
what apkit took for verified: n, type, id, actor, object, inbox, json.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import urllib.error
import urllib.parse
import urllib.request
from asyncio.subprocess import DEVNULL, STDOUT
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from tests.conftest import free_port
from tests.doubles.authority import Authority

FEDIFY = Path(__file__).with_name("fedify")
APKIT = Path(__file__).with_name("apkit")

_START_S = 60
_STOP_S = 10
_REPLY_S = 60
_WAIT_S = 60

# No proxy from the environment: the peer is on this machine.
_open_url = urllib.request.build_opener(urllib.request.ProxyHandler({})).open


class PeerTrouble(Exception):
    """The peer did not start, or a control request was refused; the text holds its answer."""


@dataclass(frozen=True, slots=True)
class RealPeer:
    """One running peer. *origin* is scheme, host and port; *control* where it is driven, in plain
    http; *log* is what it printed."""

    process: asyncio.subprocess.Process
    origin: str
    control: str
    log: Path

    @classmethod
    async def start(
        cls,
        *command: str | Path,
        log: Path,
        host: str,
        actors: Sequence[str],
        authority: Authority | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> Self:
        """Start a peer on a free port and return once it answers; PeerTrouble when it ends.

        With an *authority* it speaks https by a certificate of it, and trusts no other.
        """
        port = free_port(host)
        place = ["--host", host, "--port", str(port), "--actors", ",".join(actors)]
        origin = control = f"http://{host}:{port}"
        given = dict(environ or {})
        if authority is not None:
            origin, control = f"https://{host}:{port}", f"http://{host}:{free_port(host)}"
            place += ["--control-port", control.rpartition(":")[2], "--origin", origin]
            files = authority.certify(host)
            place += ["--tls-cert", str(files.cert), "--tls-key", str(files.key)]
            given |= dict.fromkeys(("SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"), str(authority.ca_file))
        with log.open("ab") as out:
            process = await asyncio.create_subprocess_exec(
                *command,
                *place,
                stdin=DEVNULL,
                stdout=out,
                stderr=STDOUT,
                env={**os.environ, **given},
            )
        peer = cls(process, origin, control, log)
        try:
            await peer._until_up()
        except BaseException:
            await peer.stop()
            raise
        return peer

    @property
    def host(self) -> str:
        """Host and port, as they stand in a handle."""
        return urllib.parse.urlsplit(self.origin).netloc

    def handle(self, name: str) -> str:
        """The handle of the peer's actor *name*: `@name@host:port`."""
        return f"@{name}@{self.host}"

    async def actor(self, name: str) -> dict[str, Any]:
        """What the peer knows of its own actor: id, inbox, sharedInbox, followers, notes, ..."""
        state: dict[str, dict[str, Any]] = await self.get("state")
        return state[name]

    async def get(self, view: str, **query: str | int) -> Any:
        """The JSON of a view: received, followers, outbound, errors, ..."""
        path = f"{view}?{urllib.parse.urlencode(query)}" if query else view
        return await asyncio.to_thread(self._ask, path, None)

    async def do(self, action: str, **body: Any) -> Any:
        """Perform an action, such as `follow`, `post` or `raw`; the JSON it answers."""
        return await asyncio.to_thread(self._ask, action, json.dumps(body).encode())

    async def wait(self, *, timeout_s: int = _WAIT_S, count: int = 1, **query: str | int) -> Any:
        """The received records that match *query*, once there are *count*; else PeerTrouble."""
        return await self.get("wait", timeout=timeout_s, count=count, **query)

    async def stop(self) -> None:
        """End the process; killed when it does not go by itself."""
        with suppress(ProcessLookupError):  # it ended before
            self.process.terminate()
        try:
            await asyncio.wait_for(self.process.wait(), _STOP_S)
        except TimeoutError:
            self.process.kill()
            await self.process.wait()

    async def _until_up(self) -> None:
        async with asyncio.timeout(_START_S):
            while self.process.returncode is None:
                with suppress(OSError):
                    await self.get("health")
                    return
                await asyncio.sleep(0.05)
        raise PeerTrouble(f"the peer ended with {self.process.returncode}: {self.log.read_text()}")

    def _ask(self, path: str, body: bytes | None) -> Any:
        url = f"{self.control}/_control/{path}"
        headers = {"content-type": "application/json"}
        request = urllib.request.Request(url, data=body, headers=headers)
        try:
            with _open_url(request, timeout=_REPLY_S) as reply:
                return json.load(reply)
        except urllib.error.HTTPError as refusal:
            with refusal:
                text = refusal.read().decode(errors="replace")[:1500]
            raise PeerTrouble(f"{path}: {refusal.code} {text}") from None


async def fedify_peer(node: Path, *options: str, **how: Any) -> RealPeer:
    """A peer made with Fedify, run by *node*; *how* is that of `RealPeer.start`."""
    return await RealPeer.start(node, FEDIFY / "peer.mjs", *options, **how)


async def apkit_peer(packages: Path, contexts: Path, *options: str, **how: Any) -> RealPeer:
    """A peer made with apkit, whose *packages* lie in a folder; *contexts* is a JSON file of what
    it may read by JSON-LD: apkit expands all that it gets, and may not ask the network."""
    command: list[str | Path] = [
        sys.executable,
        "-S",
        APKIT / "peer.py",
        "--contexts",
        contexts,
        *options,
    ]
    return await RealPeer.start(*command, environ={"PYTHONPATH": str(packages)}, **how)
