"""The server under measurement: `apserver serve` as in production, in a folder of its own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from apserver.config import Settings, load
from apserver.store.db import Database
from apserver.store.embedded import EmbeddedPostgres
from bench import cpu

ROOT = Path(__file__).resolve().parents[1]
START_S = 60.0
STOP_S = 30.0
POLL_S = 0.05
STATS = "BENCH_STATS"  #: the variable that names where a profiled worker puts its figures


class BenchFailed(Exception):
    """The figures would mean nothing: the server did not start, or answered otherwise."""


@dataclass(frozen=True, slots=True)
class Instance:
    """A running server. ``db`` is a connection of ours, whose cost is left out of the figures."""

    settings: Settings
    environ: dict[str, str]
    folder: Path
    pid: int
    db: Database
    db_pid: int

    @property
    def origin(self) -> str:
        """Its origin."""
        return self.settings.origin

    @property
    def dsn(self) -> str:
        """Where its database is."""
        return EmbeddedPostgres(self.settings.data_dir).dsn

    def actor(self, name: str) -> str:
        """The id of an actor of it."""
        return f"{self.origin}/actors/{name}"

    def usage(self) -> cpu.Usage:
        """The CPU time that its processes have used."""
        return cpu.usage(self.pid, without={self.db_pid})

    def create_actor(self, name: str) -> str:
        """Make an actor; returns its token."""
        command = [sys.executable, "-m", "apserver", "actor", "create", name, "--token", "--json"]
        done = subprocess.run(
            command, cwd=self.folder, env=self.environ, capture_output=True, text=True
        )
        if done.returncode:
            raise BenchFailed(f"The actor {name} could not be made: {done.stderr}")
        made: dict[str, str] = json.loads(done.stdout)
        return made["token"]

    def signal_worker(self, number: signal.Signals) -> None:
        """Send a signal to the worker."""
        for process in cpu.descendants(self.pid):
            if cpu.command_of(process.pid)[-2:-1] == ["worker"]:
                os.kill(process.pid, number)

    @property
    def stats(self) -> Path:
        """Where a profiled worker puts its figures."""
        return self.folder / "stats"


@asynccontextmanager
async def running(
    *, workers: int, profiled: bool = False, kept: Path | None = None
) -> AsyncIterator[Instance]:
    """Start a server with an empty database, and remove both at the end.

    ``kept`` is a folder that stays, with its database, and is gone on with if it is there.
    """
    with _folder() if kept is None else _kept(kept) as folder:
        environ = _environment(folder)
        settings = load(None, environ, cwd=folder)
        with _process(folder, environ, workers=workers, profiled=profiled) as pid:
            db = Database(EmbeddedPostgres(settings.data_dir).dsn, connections=1)
            await db.open()
            try:
                async with db.connection() as conn:
                    db_pid = await conn.fetchval("SELECT pg_backend_pid()")
                yield Instance(settings, environ, folder, pid, db, db_pid)
            finally:
                await db.close()


@contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="apserver-bench-"))
    folder.chmod(0o711)  # root's PostgreSQL runs as another user, who must get through
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _kept(folder: Path) -> Iterator[Path]:
    folder.mkdir(mode=0o711, parents=True, exist_ok=True)
    yield folder.resolve()


def _listen_address(folder: Path) -> str:
    """A free port; for a folder that was kept the one of before, since it is part of all ids."""
    known = folder / "listen"
    if not known.exists():
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            known.write_text(f"127.0.0.1:{probe.getsockname()[1]}")
    return known.read_text()


def _environment(folder: Path) -> dict[str, str]:
    listen = _listen_address(folder)
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith("APSERVER_")
    }
    return {
        **inherited,
        "PYTHONPATH": str(ROOT),
        STATS: str(folder / "stats"),
        "APSERVER__ORIGIN": f"http://{listen}",
        "APSERVER__LISTEN": listen,
        "APSERVER__DATA_DIR": str(folder / "data"),
        "APSERVER__FEDERATION__ALLOW_HTTP": "true",
        "APSERVER__FEDERATION__ALLOW_NETWORKS": "127.0.0.0/8",
        "APSERVER__LIMITS__REQUESTS_PER_MINUTE": "0",
    }


@contextmanager
def _process(
    folder: Path, environ: dict[str, str], *, workers: int, profiled: bool
) -> Iterator[int]:
    log = folder / "log"
    module = ["bench.profiled"] if profiled else ["apserver", "serve", "--workers", str(workers)]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *module],
            cwd=folder,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        _wait_until_serving(process, log)
        yield process.pid
    except (BenchFailed, ConnectionError, TimeoutError) as error:
        raise BenchFailed(f"{error}\nThe server said:\n{log.read_text()[-2_000:]}") from error
    finally:
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_serving(process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + START_S
    while "apserver: serving " not in log.read_text():
        if process.poll() is not None or time.monotonic() > until:
            raise BenchFailed("The server did not start.")
        time.sleep(POLL_S)
