"""An apserver in processes of its own, as an admin runs it: `apserver serve` under a supervisor."""

from __future__ import annotations

import asyncio
import signal
import ssl
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from apserver.config import load
from apserver.store.embedded import EmbeddedPostgres
from tests.cli.program import clean_environment
from tests.doubles.server import PATIENCE_S, Server, until
from tests.faults.processes import descendants, has_ended


class ServerProcess:
    """`apserver serve`, its supervisor's process, and a `Server` to talk to it."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path):
        self.process = process
        self.log = log

    @property
    def pid(self) -> int:
        """The supervisor's."""
        return self.process.pid

    def workers(self) -> list[int]:
        """The process ids of the workers."""
        return [one for one in descendants(self.pid) if b"apserver.app" in _command(one)]

    def postgres(self) -> int:
        """The process id of PostgreSQL's first process."""
        [found] = [
            one
            for one in descendants(self.pid)
            if b"/postgres" in _command(one) and _parent(one) == self.pid
        ]
        return found

    async def stop(self, *, by: int = signal.SIGTERM) -> int:
        """End it and wait; its exit code."""
        if self.process.returncode is None:
            self.process.send_signal(by)
        return await asyncio.wait_for(self.process.wait(), PATIENCE_S)

    async def kill(self) -> None:
        """End the supervisor by SIGKILL and wait until everything it started is gone."""
        left = descendants(self.pid)
        self.process.kill()
        await self.process.wait()
        end = time.monotonic() + 30
        while not all(has_ended(one) for one in left):
            assert time.monotonic() < end, "processes are left running"
            await asyncio.sleep(0.05)


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0


@asynccontextmanager
async def serving(
    folder: Path, *, port: int, workers: int = 1, environ: Mapping[str, str] | None = None
) -> AsyncIterator[tuple[ServerProcess, Server]]:
    """Run one in ``folder`` until the context ends; actors are made with `Server.create_actor`."""
    origin = f"http://127.0.0.1:{port}"
    given = {
        "APSERVER__ORIGIN": origin,
        "APSERVER__LISTEN": f"127.0.0.1:{port}",
        "APSERVER__DATA_DIR": str(folder / "data"),
        "APSERVER__FEDERATION__ALLOW_HTTP": "true",
        "APSERVER__FEDERATION__ALLOW_NETWORKS": "127.0.0.0/8",
        "APSERVER__LIMITS__REQUESTS_PER_MINUTE": "0",
        **(environ or {}),
    }
    log = folder / f"serve-{port}.log"
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "apserver",
            "serve",
            f"--workers={workers}",
            cwd=folder,
            env=clean_environment(folder, given),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    self = ServerProcess(process, log)
    settings = load(None, given, cwd=folder)
    try:
        trust = ssl.create_default_context(cafile=settings.federation.ca_file)
        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=trust), cookie_jar=aiohttp.DummyCookieJar()
        ) as http:
            dsn = settings.database.url or EmbeddedPostgres(settings.data_dir).dsn
            server = Server(settings.origin, dsn, folder / "data", {}, http, settings)
            await until(lambda: _is_ready(self, server))
            yield self, server
    finally:
        if process.returncode is None:
            await self.stop()
        print(f"--- {log.name}\n{log.read_text()[-8000:]}")


async def _is_ready(process: ServerProcess, server: Server) -> bool:
    assert process.process.returncode is None, process.log.read_text()
    try:
        return (await server.get("/readyz")).status == 200
    except aiohttp.ClientError:
        return False
