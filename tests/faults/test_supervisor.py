"""The supervisor (decisions.md 7): starts and ends in order, replaces the dead, leaves nothing.

Each test runs it as a process of its own, over real PostgreSQL; its workers are `child_app`.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from apserver.store.embedded import EmbeddedPostgres, running
from apserver.supervisor.children import pause_s
from tests.faults.processes import descendants, folder_for_all, has_ended, wait_until

ROOT = Path(__file__).resolve().parents[2]
LAUNCH = """
import json, sys
from pathlib import Path
from apserver.supervisor import Plan, run
plan = json.loads(sys.argv[1])
plan["data_dir"] = Path(plan["data_dir"])
plan["on_ready"] = lambda address: print(address, flush=True)
sys.exit(run(Plan(child="tests.faults.child_app", **plan)))
"""


@dataclass(frozen=True, slots=True)
class Supervised:
    """A supervisor that a test started."""

    process: subprocess.Popen[str]

    @property
    def pid(self) -> int:
        return self.process.pid

    def address(self) -> tuple[str, int]:
        """Where it serves; waits until it does."""
        assert self.process.stdout
        host, _, port = self.process.stdout.readline().strip().rpartition(":")
        return host.strip("[]"), int(port)

    def ends(self) -> tuple[int, str]:
        """Its exit code and what it said on standard error."""
        _, said = self.process.communicate(timeout=60)
        return self.process.returncode, said


Launch = Callable[..., Supervised]


@pytest.fixture(scope="module")
def data_dir() -> Iterator[Path]:
    """One data folder with a cluster for all: each test ends with nothing running in it."""
    with folder_for_all() as folder:
        with running(folder / "data"):
            pass
        yield folder / "data"


@pytest.fixture
def launch(data_dir: Path) -> Iterator[Launch]:
    """Starts supervisors; they and all below them must be gone at the end of the test."""
    started: list[Supervised] = []
    below: set[int] = set()

    def start(*, settings: dict[str, Any] | None = None, **plan: Any) -> Supervised:
        defaults: dict[str, Any] = {
            "data_dir": str(data_dir),
            "database_url": "",
            "listen_host": "127.0.0.1",
            "listen_port": 0,
            "workers": 2,
            "settings_json": json.dumps(settings or {}),
        }
        process = subprocess.Popen(
            [sys.executable, "-c", LAUNCH, json.dumps(defaults | plan)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(Supervised(process))
        return started[-1]

    yield start
    for supervised in started:
        if supervised.process.poll() is None:
            below |= descendants(supervised.pid)
            supervised.process.terminate()
        supervised.process.communicate(timeout=60)
    wait_until(lambda: all(map(has_ended, below)))


def get(address: tuple[str, int]) -> dict[str, Any]:
    """One request over a connection of its own: what the worker was given, and its `pid`."""
    connection = HTTPConnection(*address, timeout=60)
    try:
        connection.request("GET", "/")
        answer: dict[str, Any] = json.loads(connection.getresponse().read())
        return answer
    finally:
        connection.close()


def get_from(address: tuple[str, int], wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The first answer that is wanted; the kernel chooses the worker."""
    for _ in range(500):
        if wanted(answer := get(address)):
            return answer
    raise AssertionError("no worker gave the answer that was waited for")


def postmaster(data_dir: Path) -> int:
    return int((data_dir / "postgres/postmaster.pid").read_bytes().split(b"\n")[0])


def test_migrates_then_serves_with_every_worker(
    launch: Launch, data_dir: Path, tmp_path: Path
) -> None:
    journal = tmp_path / "journal"
    address = launch(settings={"journal": str(journal)}).address()
    assert address[1] > 0
    for given in (
        get_from(address, lambda answer: answer["worker"] == 0),
        get_from(address, lambda answer: answer["worker"] == 1),
    ):
        assert given["workers"] == 2
        assert given["port"] == address[1]
        assert given["dsn"] == EmbeddedPostgres(data_dir).dsn
        assert json.loads(given["settings"]) == {"journal": str(journal)}
    first, *others = journal.read_text().splitlines()
    assert first == "migrate"
    assert sorted(others) == ["worker 0", "worker 1"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_stops_all(launch: Launch, number: signal.Signals) -> None:
    supervised = launch()
    supervised.address()
    below = descendants(supervised.pid)
    supervised.process.send_signal(number)
    assert supervised.ends() == (0, "")
    assert [pid for pid in below if not has_ended(pid)] == []


def test_ctrl_c_reaches_the_group_and_workers_end_before_postgres(
    launch: Launch, tmp_path: Path
) -> None:
    journal = tmp_path / "journal"
    supervised = launch(settings={"journal": str(journal)})
    supervised.address()
    os.killpg(supervised.pid, signal.SIGINT)  # as the terminal does
    assert supervised.ends() == (0, "")
    assert journal.read_text().count("worker stops, database answers: True") == 2


def test_killing_the_supervisor_leaves_nothing_running(launch: Launch, data_dir: Path) -> None:
    supervised = launch()
    supervised.address()
    below = descendants(supervised.pid)
    assert len(below) >= 3
    assert postmaster(data_dir) in below
    supervised.process.kill()
    wait_until(lambda: all(map(has_ended, below)))


def test_a_killed_worker_is_replaced_and_no_connection_is_refused(launch: Launch) -> None:
    supervised = launch()
    address = supervised.address()
    dead = get(address)
    os.kill(dead["pid"], signal.SIGKILL)
    replaced = get_from(
        address, lambda new: new["worker"] == dead["worker"] and new["pid"] != dead["pid"]
    )
    assert replaced["port"] == dead["port"]
    supervised.process.terminate()
    code, said = supervised.ends()
    assert code == 0
    assert said == f"apserver: worker {dead['worker']} was ended by SIGKILL; next start in 0.1 s\n"


def test_a_killed_postgres_is_started_again_while_workers_go_on(
    launch: Launch, data_dir: Path
) -> None:
    supervised = launch()
    address = supervised.address()
    worker = get(address)["pid"]
    os.kill(postmaster(data_dir), signal.SIGKILL)
    probe = EmbeddedPostgres(data_dir)
    wait_until(lambda: not probe.answers())
    wait_until(probe.answers)
    get_from(address, lambda answer: answer["pid"] == worker)
    supervised.process.terminate()
    code, said = supervised.ends()
    assert code == 0
    assert f"PostgreSQL (log: {data_dir}/postgres.log) was ended by SIGKILL" in said


def test_port_in_use_is_refused_before_anything_starts(launch: Launch, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        supervised = launch(listen_port=port, data_dir=str(tmp_path / "data"))
        code, said = supervised.ends()
    assert code == 1
    assert f"127.0.0.1:{port} is in use" in said
    assert not (tmp_path / "data").exists()


def test_a_second_supervisor_does_not_share_the_port(launch: Launch, tmp_path: Path) -> None:
    # Both would ask for SO_REUSEPORT: without a probe they would halve the traffic.
    _, port = launch().address()
    code, said = launch(listen_port=port, data_dir=str(tmp_path / "data")).ends()
    assert code == 1
    assert f"127.0.0.1:{port} is in use" in said


def test_data_folder_in_use_names_the_holder(launch: Launch) -> None:
    first = launch()
    first.address()
    code, said = launch(wait_for_lock_s=0.3).ends()
    assert code == 1
    assert f"in use by process {first.pid} (apserver serve). Stop that first" in said


def test_a_signal_while_waiting_for_the_lock_ends_it(launch: Launch) -> None:
    launch().address()
    waiting = launch()
    assert waiting.process.stderr
    assert "; waiting" in waiting.process.stderr.readline()
    waiting.process.terminate()
    assert waiting.ends()[0] == 0


@pytest.mark.parametrize(("host", "cure"), [("192.0.2.1", "Set an address of this machine")])
def test_an_address_that_is_not_ours(launch: Launch, host: str, cure: str) -> None:
    code, said = launch(listen_host=host, listen_port=8080).ends()
    assert code == 78
    assert f"{host}:8080 cannot be listened on" in said
    assert cure in said


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6 here")
def test_ipv6(launch: Launch) -> None:
    supervised = launch(listen_host="::1", workers=1)
    host, port = supervised.address()
    assert host == "::1"
    assert get((host, port))["port"] == port


@pytest.mark.parametrize(("code", "ours"), [(78, 78), (1, 1), (3, 1)])
def test_a_failed_migration_ends_the_start(launch: Launch, code: int, ours: int) -> None:
    ended, said = launch(settings={"migrate_exit": code}).ends()
    assert ended == ours
    assert f"the migration ended with exit code {code}" in said


def test_a_worker_that_refuses_its_configuration_ends_all(launch: Launch) -> None:
    code, said = launch(settings={"worker_exit": 78}).ends()
    assert code == 78
    assert "ended with exit code 78" in said


def test_a_worker_that_dies_early_is_tried_again_at_growing_pauses(launch: Launch) -> None:
    supervised = launch(settings={"worker_exit": 3}, workers=1)
    assert supervised.process.stderr
    said = [supervised.process.stderr.readline().strip() for _ in range(3)]
    assert said == [
        f"apserver: worker 0 ended with exit code 3; next start in {pause:.1f} s"
        for pause in (0.1, 0.2, 0.4)
    ]
    supervised.process.terminate()
    assert supervised.ends()[0] == 0


def test_a_second_signal_kills_workers_that_do_not_end(launch: Launch) -> None:
    supervised = launch(settings={"stubborn": True})
    supervised.address()
    below = descendants(supervised.pid)
    supervised.process.terminate()
    time.sleep(0.3)
    assert supervised.process.poll() is None
    began = time.monotonic()
    supervised.process.terminate()
    assert supervised.ends()[0] == 0
    assert time.monotonic() - began < 10  # the grace is 25 s
    assert [pid for pid in below if not has_ended(pid)] == []


def test_a_configured_database_is_used_and_none_is_started(launch: Launch, tmp_path: Path) -> None:
    url = "postgresql://db.example/apserver"
    supervised = launch(database_url=url, workers=1, data_dir=str(tmp_path / "data"))
    assert get(supervised.address())["dsn"] == url
    assert len(descendants(supervised.pid)) == 1
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("before_s", "lived_s", "next_s"),
    [(0.0, 0.0, 0.1), (0.1, 1.0, 0.2), (6.4, 1.0, 10.0), (10.0, 59.0, 10.0), (10.0, 60.0, 0.1)],
)
def test_pauses_double_to_ten_seconds_and_start_again_after_a_minute_of_life(
    before_s: float, lived_s: float, next_s: float
) -> None:
    assert pause_s(before_s, lived_s=lived_s) == pytest.approx(next_s)
