"""django-activity-stream itself, in an environment of its own, asked page by page."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import venv
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from apserver.store import db
from apserver.store.cluster import NAME
from bench.instance import BenchFailed, Instance
from bench.measure import tell
from bench.streams import fill_original
from bench.streams.cases import Case
from bench.streams.shape import Shape

PACKAGES = ("Django==5.2.*", "django-activity-stream==2.0.*", "psycopg[binary]==3.*")
DATABASE = "original"
SITE = Path(__file__).with_name("original_site.py")


@dataclass(frozen=True, slots=True)
class Read:
    """A page as the original gives it: the numbers of its actions, and how long it took."""

    numbers: list[int]
    statements: int
    seconds: list[float]

    def with_times_of(self, again: Read) -> Read:
        """The same page, read more often."""
        return replace(self, seconds=self.seconds + again.seconds)


class Original:
    """The process that answers."""

    def __init__(self, process: asyncio.subprocess.Process, shape: Shape):
        self._process = process
        self._shape = shape

    async def read(self, case: Case, *, page: int, limit: int, repeats: int) -> Read:
        """Read a page of a stream so often."""
        question = {
            "stream": case.original,
            "of": self._of(case),
            "offset": (page - 1) * limit,
            "limit": limit,
            "repeats": repeats,
        }
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(question).encode() + b"\n")
        line = await self._process.stdout.readline()
        if not line:
            raise BenchFailed("The original has ended; see above what it said.")
        found = json.loads(line)
        return Read(found["ids"], found["statements"], found["seconds"])

    def _of(self, case: Case) -> list[object]:
        if case.reader is not None:
            return ["user", fill_original.reader_key(self._shape, case.reader)]
        if case.person is not None:
            return ["user", case.person + 1]
        if case.thing is not None:
            return ["group", case.thing + 1]
        return ["group"] if case.original == "model_stream" else []


@asynccontextmanager
async def running(instance: Instance, folder: Path, shape: Shape) -> AsyncIterator[Original]:
    """Install the original below ``folder`` if it is not there, fill its database if that is not
    there, and start it."""
    python = await asyncio.to_thread(_installed, folder)
    await _filled(instance, python, shape)
    process = await asyncio.create_subprocess_exec(
        *_command(instance, python, "read"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield Original(process, shape)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()


def _installed(folder: Path) -> Path:
    python = folder / "bin" / "python"
    if not python.exists():
        tell(f"installing {', '.join(PACKAGES)}")
        venv.create(folder, with_pip=True)
        command = [str(python), "-m", "pip", "install", "--quiet", *PACKAGES]
        if subprocess.run(command, stdout=sys.stderr).returncode:
            raise BenchFailed(f"{', '.join(PACKAGES)} could not be installed.")
    return python


def _command(instance: Instance, python: Path, *what: str) -> list[str]:
    dsn = _dsn(instance, DATABASE)
    [sockets] = parse_qs(urlsplit(dsn).query)["host"]
    return [str(python), str(SITE), sockets, NAME, DATABASE, *what]


def _dsn(instance: Instance, database: str) -> str:
    return instance.dsn.replace(f"/{NAME}?", f"/{database}?")


async def _filled(instance: Instance, python: Path, shape: Shape) -> None:
    async with instance.db.connection() as conn:
        if await conn.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", DATABASE):
            return
        await conn.execute(f"CREATE DATABASE {DATABASE}")
    tell(f"{shape.actions} actions into the database of the original")
    done = await asyncio.to_thread(subprocess.run, _command(instance, python, "migrate"))
    if done.returncode:
        raise BenchFailed("The original could not make its tables.")
    connection = await db.connect(_dsn(instance, DATABASE))
    try:
        await fill_original.fill(connection, shape)
    finally:
        await connection.close()
