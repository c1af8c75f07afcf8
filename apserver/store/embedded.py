"""The embedded PostgreSQL: the database of an installation that names none.

We start `postgres` as a direct child and talk to it over a unix socket in the data folder;
there is no TCP port and no password. It never outlives us: it holds the lock of the data folder
(see `data_folder`) and the kernel ends it when we end (see `cluster`).

Who runs it? `serve` does, as long as it serves. A command (`running`) uses the server that
answers on the socket; when none answers it takes the lock, starts one, works and stops it.
Commands may overlap: one that uses the server of another holds the file `guests` shared, and
the one that runs the server takes `guests` alone before it stops it.

Linux with glibc. Standard library only, so that the supervisor stays small.
"""

from __future__ import annotations

import os
import signal
import socket
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

from apserver.errors import ConfigProblem, Refused
from apserver.store import binaries as installed
from apserver.store import data_folder
from apserver.store.cluster import NAME, Programs, create_cluster, forget_dead_server, last_lines
from apserver.store.data_folder import SOCKET, FileLock

READY_S = 60.0  #: a start after a crash replays the log first
#: Fast (it writes a checkpoint), immediate (PostgreSQL gives its processes 5 s), and the end of
#: patience; with the seconds to wait after each.
SHUTDOWN = ((signal.SIGINT, 30.0), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 5.0))
POLL_S = 0.02
LOG_MAX = 16 << 20  #: bytes of postgres.log after which a start begins a new one
ANSWER_S = 2.0


def _say_nothing(_: str) -> None:
    return None


class EmbeddedPostgres:
    """One PostgreSQL in one data folder: its lock and its process.

    Use it from the main thread: the server ends with the thread that started it.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        max_connections: int = 100,
        binaries: Path | None = None,
        log: Callable[[str], None] = _say_nothing,
    ) -> None:
        self._data_dir = Path(os.path.realpath(data_dir))
        self._cluster = self._data_dir / "postgres"
        self._sockets = data_folder.socket_folder(self._data_dir)
        self._max_connections = max_connections
        self._binaries = binaries
        self._tell = log
        self._lock = FileLock(self._data_dir / "lock")
        self.log_file = self._data_dir / "postgres.log"
        self._programs: Programs | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    @property
    def dsn(self) -> str:
        """Where to connect, for asyncpg and for psql."""
        # The port names the socket; without it PGPORT of the environment would.
        return f"postgresql://{NAME}@/{NAME}?host={quote(str(self._sockets), safe='')}&port=5432"

    @property
    def pid(self) -> int | None:
        """The process of the server, alive or not; None before the first start."""
        return self._process.pid if self._process else None

    def start(self, *, wait_for_lock_s: float = 30.0, holder: str = "serve") -> None:
        """Take the lock, make the cluster if there is none, start the server, wait for it.

        `holder` is the command to name when another process finds the lock taken. Raises
        ConfigProblem for a folder or binaries that cannot be used, else Refused; nothing is left
        running then.
        """
        with self._all_or_nothing():
            account = self._prepare()
            self._lock.acquire(holder, wait_s=wait_for_lock_s, log=self._tell)
            self._start_locked(account)

    def try_start(self, *, holder: str) -> bool:
        """As `start`, but False at once when another process holds the lock."""
        with self._all_or_nothing():
            account = self._prepare()
            if not self._lock.try_acquire(holder):
                return False
            self._start_locked(account)
            return True

    def restart(self) -> None:
        """Start the server again after it died, under the same lock, without waiting for it.

        It may end at once while a process of the old server is still there: try again later.
        """
        programs = self._programs
        if programs is None:
            raise Refused("PostgreSQL has not been started")
        with self._open_log() as log:
            self._process = programs.start(
                "postgres",
                *("-D", str(self._cluster), *self._settings()),
                on_parent_death=signal.SIGINT,  # PostgreSQL's fast shutdown
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def wait_ready(self, *, timeout_s: float = READY_S) -> None:
        """Return when the server takes connections. Refused, quoting its log, if it does not."""
        until = time.monotonic() + timeout_s
        while not self.answers():
            code = self.poll()
            if code is not None:
                raise Refused(f"PostgreSQL ended with code {code}: {self._log_tail()}")
            if time.monotonic() >= until:
                raise Refused(
                    f"PostgreSQL is not ready after {timeout_s:.0f} s: {self._log_tail()}"
                )
            time.sleep(POLL_S)

    def poll(self) -> int | None:
        """The exit code of the server, None while it runs or before the first start."""
        return self._process.poll() if self._process else None

    def stop(self, *, hurry: Callable[[], bool] = lambda: False) -> None:
        """Stop the server and release the lock; does nothing when there is neither.

        First a fast shutdown, then, when it takes long or `hurry()` turns true, an immediate
        one: committed data is safe, the next start replays the log.
        """
        try:
            for signal_number, wait_s in SHUTDOWN:
                if self._process is None or self._process.poll() is not None:
                    break
                self._process.send_signal(signal_number)
                until = time.monotonic() + wait_s
                while self._process.poll() is None and time.monotonic() < until:
                    if signal_number == signal.SIGINT and hurry():
                        break
                    time.sleep(POLL_S)
        finally:
            self._process = None
            if self._lock.inherited and self._sockets.parent != self._data_dir:
                with suppress(OSError):  # it may hold files of a server that was killed
                    self._sockets.rmdir()
            self._lock.release()

    @contextmanager
    def _all_or_nothing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.stop()
            raise data_folder.unusable(self._data_dir, error) from error
        except BaseException:
            self.stop()
            raise

    def _prepare(self) -> data_folder.Account | None:
        account = data_folder.postgres_account(self._cluster)
        data_folder.prepare(self._data_dir, account)
        return account

    def _start_locked(self, account: data_folder.Account | None) -> None:
        data_folder.make_private(self._sockets, account)
        found = installed.find(self._cluster, forced=self._binaries)
        usable = installed.reachable(found, account, copies=self._data_dir / "binaries")
        self._programs = Programs(usable.folder, account, self._lock.inherited)
        if installed.cluster_major(self._cluster) is None:
            self._check_vacant()
            self._tell(f"making a PostgreSQL {usable.version} cluster in {self._cluster}")
            create_cluster(self._programs, self._cluster)
        forget_dead_server(self._cluster, self._sockets, SOCKET)
        self.restart()
        self.wait_ready()

    def _check_vacant(self) -> None:
        if self._cluster.exists() and any(self._cluster.iterdir()):
            raise ConfigProblem(
                f"{self._cluster} holds files and no PostgreSQL cluster. Move it away"
            )

    def _settings(self) -> list[str]:
        """What must hold, whatever postgresql.conf says; `-c` wins over the file."""
        folder = str(self._sockets).replace('"', '""')
        settings = (
            "listen_addresses=",
            f'unix_socket_directories="{folder}"',
            "unix_socket_permissions=0700",
            "port=5432",
            "logging_collector=off",
            f"max_connections={self._max_connections}",
        )
        return [part for setting in settings for part in ("-c", setting)]

    def _open_log(self) -> BinaryIO:
        path = self.log_file
        if path.exists() and path.stat().st_size > LOG_MAX:
            path.replace(path.with_suffix(".log.1"))
        file = os.fdopen(data_folder.open_private(path, os.O_WRONLY | os.O_APPEND), "ab")
        self._log_start = file.seek(0, os.SEEK_END)
        return file

    def _log_tail(self) -> str:
        """The last lines since the last start."""
        return last_lines(self.log_file.read_bytes()[self._log_start :])

    def refusal(self) -> Refused:
        """What to tell when another process keeps the lock; names that process."""
        return self._lock.refusal()

    def answers(self) -> bool:
        """Whether a server, ours or of another process, takes connections now."""
        return answers(self._sockets / SOCKET)


def answers(path: Path) -> bool:
    """Whether a PostgreSQL behind this socket lets us in; it says no while it starts or stops.

    Sends the start-up message of protocol 3.0 and looks at the type of the first reply:
    R (Authentication) or E (ErrorResponse), PostgreSQL 18 manual 54.2.1.
    """
    body = struct.pack("!I", 3 << 16) + f"user\0{NAME}\0database\0{NAME}\0\0".encode()
    terminate = struct.pack("!cI", b"X", 4)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(ANSWER_S)
        try:
            connection.connect(str(path))
            connection.sendall(struct.pack("!I", len(body) + 4) + body)
            reply = connection.recv(1)
            if reply == b"R":
                connection.sendall(terminate)
        except OSError:
            return False
        return reply == b"R"


@contextmanager
def running(data_dir: Path, *, holder: str = "command", wait_s: float = READY_S) -> Iterator[str]:
    """A server for one command, and where to connect: the one that runs, else one of our own.

    `holder` names the command to others that find the lock taken. Raises as `start` does, and
    Refused when the lock stays taken for `wait_s` without an answer on the socket.
    """
    server = EmbeddedPostgres(data_dir)
    guests = FileLock(Path(os.path.realpath(data_dir)) / "guests")
    until = time.monotonic() + wait_s
    while not server.try_start(holder=holder):
        guests.share()
        try:
            if server.answers():
                yield server.dsn
                return
        finally:
            guests.release()
        if time.monotonic() >= until:
            raise server.refusal()
        time.sleep(POLL_S)
    try:
        try:
            yield server.dsn
        finally:
            guests.own()  # others may be using our server
    finally:
        server.stop()
        guests.release()
