"""PostgreSQL that hangs, a disk that is full, a migration cut short, a backup while it works
(faults 6, 8, 22 and 23)."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import asyncpg
import pytest

from apserver.store import db as store
from apserver.store.binaries import find
from apserver.store.embedded import running
from tests.conftest import free_port
from tests.doubles.peer import Peer
from tests.doubles.process import ServerProcess, serving
from tests.doubles.server import PUBLIC, database_dsn, until
from tests.faults.load import Load
from tests.faults.processes import descendants, folder_for_all
from tests.flows.steps import check_problem, follow_from


@pytest.fixture
def folder() -> Iterator[Path]:
    """A data folder that the user of PostgreSQL may enter."""
    with folder_for_all() as made:
        yield made


def freeze(process: ServerProcess, number: signal.Signals) -> None:
    """Stop all of PostgreSQL where it stands, or let it go on."""
    first = process.postgres()
    os.kill(first, number)
    for pid in descendants(first):
        with suppress(ProcessLookupError):  # it has just ended
            os.kill(pid, number)


async def test_fault_6_postgresql_hangs(folder: Path) -> None:
    """Fault 6: requests end with 503 by themselves; the process says that it lives and is not
    ready; when PostgreSQL goes on all is well, and nobody was started anew."""
    async with serving(folder, port=free_port()) as (process, server):
        await server.create_actor("ann")
        workers, first = process.workers(), process.postgres()
        try:
            freeze(process, signal.SIGSTOP)
            note = {"type": "Note", "content": "in between", "to": [PUBLIC]}
            asked = [
                asyncio.create_task(server.get("/actors/ann")),
                asyncio.create_task(server.post("ann", note)),
            ]
            ready = asyncio.create_task(server.get("/readyz"))
            assert (await server.get("/livez")).status == 200
            for reply in await asyncio.wait_for(asyncio.gather(*asked), 90):
                check_problem(reply, 503)
                assert int(reply.headers["Retry-After"]) > 0
            assert (await ready).status == 503
        finally:
            freeze(process, signal.SIGCONT)

        async def well() -> bool:
            return (await server.post("ann", {"type": "Note", "content": "again"})).status == 201

        await until(well)
        assert (await server.get("/readyz")).status == 200
        assert (process.workers(), process.postgres()) == (workers, first)
        await server.drained()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 160 megabytes."""
    place = Path("/run") / f"apserver-test-{os.getpid()}"
    place.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=160m,mode=711", "tmpfs", str(place)])
    if made.returncode:
        place.rmdir()
        pytest.skip("nothing can be mounted here: only root can, outside of most containers")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)
    place.rmdir()


async def test_fault_8_the_disk_is_full(small_disk: Path, peer: Peer) -> None:
    """Fault 8: writes are 503, reads go on as far as there is memory for them; when there is space
    again it goes on by itself, and what was answered is there."""
    async with serving(small_disk, port=free_port()) as (_, server):
        await server.create_actor("ann")
        first = await server.note("ann", "before", PUBLIC)
        ballast = small_disk / "ballast"
        with ballast.open("wb") as file:
            try:
                while True:
                    file.write(b"x" * (1 << 20))
                    file.flush()
            except OSError:
                pass
        answered = [first["id"]]
        refused = 0
        for number in range(400):
            note = {"type": "Note", "content": "x" * 60_000 + str(number), "to": [PUBLIC]}
            reply = await server.post("ann", note)
            assert reply.status in (201, 503), reply.text
            if reply.status == 201:
                answered.append(reply.json["id"])
            else:
                assert int(reply.headers["Retry-After"]) > 0
                refused += 1
            if refused > 3:
                break
        assert refused
        assert (await server.get("/livez")).status == 200
        ballast.unlink()

        async def well() -> bool:
            return (await server.post("ann", {"type": "Note", "content": "after"})).status == 201

        await until(well)
        found = {one["id"] for one in await server.items("ann", "outbox", as_="ann")}
        assert found >= set(answered)


async def test_fault_22_a_migration_cut_short(postgres: str) -> None:
    """Fault 22: PostgreSQL ends the connection after a script has run and before that is written
    down: there is nothing of it; the next start succeeds."""
    name = f"cut_{os.getpid()}_{time.monotonic_ns()}"
    admin = await asyncpg.connect(postgres)
    await admin.execute(f"CREATE DATABASE {name}")
    dsn = database_dsn(postgres, name)
    other = await asyncpg.connect(dsn)
    await other.execute(
        "CREATE TABLE migration (name text PRIMARY KEY, applied_at timestamptz DEFAULT now())"
    )
    held = other.transaction()
    await held.start()
    await other.execute("LOCK TABLE migration IN SHARE ROW EXCLUSIVE MODE")
    migrating = asyncio.create_task(store.migrate(dsn))

    async def waits() -> Any:
        return await admin.fetchval(
            "SELECT pid FROM pg_stat_activity WHERE datname = $1 AND wait_event_type = 'Lock' "
            "AND query LIKE 'INSERT INTO migration%'",
            name,
        )

    pid = await until(waits)
    await admin.execute("SELECT pg_terminate_backend($1)", pid)
    [failure] = await asyncio.gather(migrating, return_exceptions=True)
    assert isinstance(failure, Exception)
    await held.rollback()
    tables = await other.fetch(
        "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public'"
    )
    assert [row["name"] for row in tables] == ["migration"]
    assert await other.fetch("SELECT FROM migration") == []
    assert await store.migrate(dsn) == store.script_names()
    assert await store.migrate(dsn) == []
    await other.close()
    await admin.execute(f"DROP DATABASE {name}")
    await admin.close()


def pg(tool: str, dsn: str, *arguments: str) -> None:
    """Run a tool of PostgreSQL on a database."""
    [host] = parse_qs(urlsplit(dsn).query)["host"]
    binaries = find(Path("no cluster")).folder
    if not (binaries / tool).exists():
        pytest.skip(f"{tool} is not installed beside PostgreSQL")
    done = subprocess.run(
        [str(binaries / tool), "-h", host, "-U", "apserver", *arguments],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


async def test_fault_23_a_backup_during_load(folder: Path, peer: Peer, tmp_path: Path) -> None:
    """Fault 23: as docs/running.md says: dump while it works, restore into an empty database, put
    the secret back. What was answered before the dump is there, once; keys are the same, so peers
    take our signatures; what was not delivered is."""
    port, again = free_port(), folder / "again"
    async with serving(folder, port=port) as (_, server):
        await server.create_actor("ann")
        await follow_from(peer, "carol", server, "ann")
        load = Load(server, peer, total=200)
        under_way = asyncio.create_task(load.run())
        await load.reach(60)
        created, taken = list(load.created), list(load.taken)
        dump = ("-Fc", f"--file={tmp_path / 'dump'}", "apserver")
        await asyncio.to_thread(pg, "pg_dump", server.dsn, *dump)
        shutil.copy2(server.folder / "secret", tmp_path / "secret")
        await asyncio.wait_for(under_way, 90)
        key = (await server.get("/actors/ann")).json["publicKey"]
        tokens = server.tokens
    for made in (again, again / "data"):
        made.mkdir(mode=0o711)
    shutil.copy2(tmp_path / "secret", again / "data" / "secret")
    peer.received.clear()
    with running(again / "data") as dsn:
        pg("pg_restore", dsn, "--dbname=apserver", str(tmp_path / "dump"))
    async with serving(again, port=port) as (_, restored):
        restored.tokens.update(tokens)
        await restored.drained(timeout_s=60)
        assert (await restored.get("/actors/ann")).json["publicKey"] == key
        outbox = [one["id"] for one in await restored.items("ann", "outbox", as_="ann")]
        inbox = [one["id"] for one in await restored.items("ann", "inbox", as_="ann")]
        assert len(outbox) == len(set(outbox))
        assert len(inbox) == len(set(inbox))
        assert set(outbox) >= set(created)
        assert set(inbox) >= set(taken)
        new = await restored.note("ann", "after", f"{restored.id('ann')}/followers")
        [got] = await peer.wait("Create", id=new["id"])
        assert got.signer == f"{restored.id('ann')}#main-key"
