"""Runs the programs of PostgreSQL, and makes a cluster with them.

Every program runs as PostgreSQL's user, in a session of its own so that Ctrl-C in a terminal
reaches only us, with the data folder's lock inherited, and bound to our life: the kernel sends
it a signal when we end, however we end (PR_SET_PDEATHSIG, prctl(2)). Two traps: the signal is
sent when the *thread* that started the program ends, so programs are started from the main
thread; and a change of user clears it, so it is set after that.

Authentication is `trust` for the unix socket and `reject` for TCP. The socket lies in a folder
of mode 0700, which the kernel opens for its owner and for root: the very two that `peer` with a
map of names would let in, but `peer` also needs a user name, which a container may lack.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from apserver.errors import Refused
from apserver.store.data_folder import Account, make_private

NAME = "apserver"  #: of the PostgreSQL user and of the database
LINES_SHOWN = 6
#: The locale decides nothing for us: indexed text has COLLATE "C", case is folded in Python.
INITDB = (
    *(f"--username={NAME}", "--encoding=UTF8", "--locale=C"),
    *("--auth-local=trust", "--auth-host=reject", "--no-instructions"),
)
#: Appended to postgresql.conf, where the administrator may change it.
CONFIGURATION = """
# Set by apserver when it made this cluster:
max_wal_size = 4GB
"""
ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
PR_SET_PDEATHSIG = 1  # linux/prctl.h

_prctl = ctypes.CDLL(None, use_errno=True).prctl


def bound_to_parent(signal_number: signal.Signals) -> Callable[[], None]:
    """A `preexec_fn`: the child gets this signal when the thread that started it ends."""
    parent = os.getpid()

    def bind() -> None:
        if _prctl(PR_SET_PDEATHSIG, int(signal_number)) != 0:
            raise OSError(ctypes.get_errno(), "PR_SET_PDEATHSIG")
        if os.getppid() != parent:  # the parent ended before the request was in force
            os._exit(os.EX_OSERR)

    return bind


@dataclass(frozen=True, slots=True)
class Programs:
    """The programs in one folder, and how to run them."""

    folder: Path
    account: Account | None
    inherited: tuple[int, ...]  #: descriptors to pass on: the lock of the data folder

    def start(
        self, program: str, *arguments: str, on_parent_death: signal.Signals, **streams: Any
    ) -> subprocess.Popen[bytes]:
        """Start one in the background. Raises Refused when the system does not let us."""
        who: dict[str, Any] = {}
        if self.account is not None:
            groups = self.account.groups
            who = {"user": self.account.uid, "group": self.account.gid, "extra_groups": groups}
        try:
            return subprocess.Popen(
                [str(self.folder / program), *arguments],
                cwd="/",
                env=ENVIRONMENT,
                umask=0o077,
                pass_fds=self.inherited,
                start_new_session=True,
                preexec_fn=bound_to_parent(on_parent_death),
                **who,
                **streams,
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise Refused(f"{self.folder / program} cannot be started: {error}") from error

    def complete(self, program: str, *arguments: str, given: bytes = b"") -> None:
        """Run one to its end, with `given` on its standard input. Raises Refused if it fails."""
        process = self.start(
            program,
            *arguments,
            on_parent_death=signal.SIGTERM,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        with process:
            try:
                said, _ = process.communicate(given)
            except BaseException:
                process.terminate()
                raise
        if process.returncode != 0:
            raise Refused(f"{program} failed: {last_lines(said)}")


def last_lines(text: bytes) -> str:
    """The end of a program's output, for an error message."""
    lines: Iterable[str] = text.decode("utf-8", "replace").splitlines()
    return " | ".join([line.strip() for line in lines if line.strip()][-LINES_SHOWN:])


def create_cluster(programs: Programs, cluster: Path) -> None:
    """Make a cluster with an empty database in it. Takes about 0.7 s. Raises Refused.

    It grows under another name and is renamed when whole, so that a start after a killed
    `initdb` finds nothing rather than half a cluster. The lock of the data folder must be held.
    """
    new = cluster.with_name(cluster.name + ".new")
    shutil.rmtree(new, ignore_errors=True)
    make_private(new, programs.account)
    programs.complete("initdb", "-D", str(new), *INITDB)
    _single_user(programs, new, f"CREATE DATABASE {NAME}")
    with (new / "postgresql.conf").open("a", encoding="utf-8") as file:
        file.write(CONFIGURATION)
    new.rename(cluster)
    folder = os.open(cluster.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _single_user(programs: Programs, cluster: Path, statement: str) -> None:
    """Run a statement without a server: nobody can connect in between, and no psql is needed."""
    how = ("--single", "-D", str(cluster), "-c", "exit_on_error=on", "postgres")
    programs.complete("postgres", *how, given=f"{statement}\n".encode())


def forget_dead_server(cluster: Path, sockets: Path, socket_name: str) -> None:
    """Remove the pid file of a server that is gone, so that the next one starts.

    PostgreSQL does this itself unless the number now belongs to another process of its user,
    which is common in containers. Call it only when the lock of the data folder has just been
    taken: no process of the old server is left then. A server that someone started by hand
    works in the cluster's folder and is left alone; the start then fails and says so.
    """
    pid_file = cluster / "postmaster.pid"
    try:
        number = int(pid_file.read_bytes().partition(b"\n")[0])
        alive = os.readlink(f"/proc/{number}/cwd") == str(cluster)
    except (OSError, ValueError):  # no such file or process; a file cut short by a power failure
        alive = False
    if not alive:
        for path in (pid_file, sockets / f"{socket_name}.lock", sockets / socket_name):
            path.unlink(missing_ok=True)
