"""The data folder of the embedded PostgreSQL: what lies where, who may enter, who holds it.

    data_dir/               0700; as root 0710 with the group of PostgreSQL's user
        lock                flock of whoever runs PostgreSQL; names its process and command
        guests              shared flock of commands that use the server of another command
        postgres/           the cluster, 0700, of PostgreSQL's user
        run/                the unix socket, 0700, of the same user
        postgres.log        what PostgreSQL says
        binaries/VERSION/   a copy, only when PostgreSQL's user cannot reach the installed ones

PostgreSQL refuses to run as root, so for root it runs as another user, who must be able to
walk down to the cluster. We open our own folder for that user's group and nothing above it:
a closed parent is a decision of the administrator, so we name it and stop.

An flock belongs to the open file, not to the process, and PostgreSQL inherits that open file.
So the lock is free only when the last process of PostgreSQL has ended, even if the process that
took it was killed long before.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import pwd
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from apserver.errors import ConfigProblem, Refused

SOCKET = ".s.PGSQL.5432"
SOCKET_PATH = 100  #: bytes; sun_path of unix(7) holds 108, PostgreSQL adds ".lock" to the name
ACCOUNTS = ("apserver", "postgres", "nobody")
OURS = frozenset({"lock", "postgres", "secret"})
LOCK_POLL_S = 0.1

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Account:
    """The user that PostgreSQL runs as when we are root."""

    name: str
    uid: int
    gid: int

    @property
    def groups(self) -> list[int]:
        """All groups of the user, the primary one included."""
        return os.getgrouplist(self.name, self.gid)

    def barrier(self, path: Path) -> Path | None:
        """The first of `path` and the folders above it that this user may not pass.

        What does not exist is no barrier. Access lists are not looked at.
        """
        for step in (*reversed(path.parents), path):
            if step.exists() and not self._may_pass(step.stat()):
                return step
        return None

    def _may_pass(self, status: os.stat_result) -> bool:
        if status.st_uid == self.uid:
            return bool(status.st_mode & stat.S_IXUSR)
        if status.st_gid in self.groups:
            return bool(status.st_mode & stat.S_IXGRP)
        return bool(status.st_mode & stat.S_IXOTH)


def postgres_account(cluster: Path) -> Account | None:
    """Who runs PostgreSQL: the owner of the cluster, else the first of ACCOUNTS. None: ourselves.

    Only root can become another user. Users are never made. Raises ConfigProblem.
    """
    if os.geteuid() != 0:
        return None
    owner = cluster.stat().st_uid if cluster.exists() else 0
    if owner:
        return _account(pwd.getpwuid, owner) or Account(str(owner), owner, cluster.stat().st_gid)
    for name in ACCOUNTS:
        if account := _account(pwd.getpwnam, name):
            return account
    raise ConfigProblem(
        f"PostgreSQL does not run as root, and none of the users {', '.join(ACCOUNTS)} exists. "
        'Run "useradd --system apserver", or start apserver as another user'
    )


def _account(look_up: Callable[[T], pwd.struct_passwd], key: T) -> Account | None:
    try:
        entry = look_up(key)
    except KeyError:
        return None
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def socket_folder(data_dir: Path) -> Path:
    """Where the socket lies: `data_dir/run`, or a short path of our own when that will not do.

    It will not when it is too long, or holds a comma: clients take that for a list of hosts.
    The short path follows from the data folder and its owner, so every command, also one of
    root on the folder of another user, finds the same one.
    """
    folder = data_dir / "run"
    if len(os.fsencode(folder / SOCKET)) <= SOCKET_PATH and "," not in str(folder):
        return folder
    short = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]
    owner = data_dir.stat().st_uid if data_dir.exists() else os.geteuid()
    return Path("/run" if owner == 0 else "/tmp") / f"apserver-{short}"


def prepare(data_dir: Path, account: Account | None) -> None:
    """Make the data folder. Raises ConfigProblem or OSError.

    `data_dir` is absolute. As root, `account` must get through every folder above it.
    """
    _check_way(data_dir.parent, data_dir, account)
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    if account is not None:
        _open_for_group(data_dir, account)
        _check_way(data_dir, data_dir, account)


def unusable(data_dir: Path, error: OSError) -> ConfigProblem:
    """What to tell about a data folder in which the system refuses us something."""
    where = "" if error.filename is None else f" ({error.filename})"
    return ConfigProblem(
        f"data_dir {data_dir} cannot be used: {error.strerror}{where}. "
        "Set data_dir to a folder of your own, or run apserver as the user that owns it"
    )


def _check_way(path: Path, data_dir: Path, account: Account | None) -> None:
    barrier = account.barrier(path) if account is not None else None
    if account is not None and barrier is not None:
        raise ConfigProblem(
            f"data_dir {data_dir} cannot be used: PostgreSQL does not run as root, it runs as "
            f"the user {account.name}, who may not enter {barrier}. Choose another data_dir, "
            f'such as /var/lib/apserver, or run "chmod o+x {barrier}"'
        )


def _open_for_group(data_dir: Path, account: Account) -> None:
    """Let the account's group pass a folder that is private to root and plainly ours."""
    status = data_dir.stat()
    private = status.st_uid == 0 and stat.S_IMODE(status.st_mode) == 0o700
    names = set(os.listdir(data_dir))
    if private and (not names or names & OURS):
        os.chown(data_dir, -1, account.gid)
        data_dir.chmod(0o710)


def make_private(folder: Path, account: Account | None) -> None:
    """Make `folder` with mode 0700 for the account, or check that it is just that.

    The check matters under /tmp, where anyone may have made the name before us.
    """
    uid = os.geteuid() if account is None else account.uid
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        status = folder.lstat()
        if not (stat.S_ISDIR(status.st_mode) and status.st_uid == uid):
            raise ConfigProblem(
                f"{folder} is needed for a socket and belongs to someone else. Remove it"
            ) from None
        folder.chmod(0o700)
    else:
        if account is not None:
            os.chown(folder, account.uid, account.gid)


def open_private(path: Path, flags: int) -> int:
    """Open a file of the data folder, made with mode 0600; gives its descriptor.

    A file that root makes gets the owner of the folder: after a command run by root, the
    server of an ordinary user must still be able to open it.
    """
    file = os.open(path, flags | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    if os.geteuid() == 0:
        owner = path.parent.stat()
        os.fchown(file, owner.st_uid, owner.st_gid)
    return file


def lock_holder(data_dir: Path) -> int | None:
    """The process of the server that has this data folder; None when there is none, or none
    that we may see. Nothing is made or changed."""
    try:
        with (data_dir / "lock").open(encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                process, _, command = file.read().partition(" ")
                lives = process.isdecimal() and Path("/proc", process).exists()
                return int(process) if lives and command == "serve" else None
    except OSError:
        return None
    return None


class FileLock:
    """An flock on one file, exclusive or shared, between processes of one machine."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None

    @property
    def inherited(self) -> tuple[int, ...]:
        """The descriptors that a child must inherit to hold the lock too."""
        return () if self._file is None else (self._file,)

    def try_acquire(self, holder: str) -> bool:
        """Take it for us alone, if nobody has it, and write who we are. True: we hold it."""
        if not self._lock(fcntl.LOCK_EX | fcntl.LOCK_NB):
            return False
        self._path.write_text(f"{os.getpid()} {holder}", "utf-8")
        return True

    def acquire(self, holder: str, *, wait_s: float, log: Callable[[str], None]) -> None:
        """Take it for us alone; Refused, with the name of the holder, after `wait_s`."""
        until = time.monotonic() + wait_s
        told = False
        while not self.try_acquire(holder):
            if time.monotonic() >= until:
                raise self.refusal()
            if not told:
                log(
                    f"data_dir {self._path.parent} is in use by {self.holder()}; "
                    f"waiting up to {wait_s:.0f} s for it to end"
                )
            told = True
            time.sleep(LOCK_POLL_S)

    def share(self) -> None:
        """Hold it together with others. Waits without limit."""
        self._lock(fcntl.LOCK_SH)

    def own(self) -> None:
        """Hold it alone. Waits without limit until all others, sharers too, have let go."""
        self._lock(fcntl.LOCK_EX)

    def release(self) -> None:
        """Let go. It stays taken while a child that inherited it lives."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def refusal(self) -> Refused:
        """What to tell when it stays taken."""
        return Refused(
            f"data_dir {self._path.parent} is in use by {self.holder()}. "
            "Stop that first, or choose another data_dir"
        )

    def holder(self) -> str:
        """The process that took it last, as it signed itself."""
        process, _, command = self._path.read_text("utf-8").partition(" ")
        if not process:
            return "another process"
        named = f"process {process} (apserver {command})"
        if Path("/proc", process).exists():
            return named
        return f"the PostgreSQL of {named}, which has ended; it is still shutting down"

    def _lock(self, operation: int) -> bool:
        file = open_private(self._path, os.O_RDWR)
        try:
            fcntl.flock(file, operation)
        except BlockingIOError:
            os.close(file)
            return False
        except BaseException:
            os.close(file)
            raise
        self._file = file
        return True
