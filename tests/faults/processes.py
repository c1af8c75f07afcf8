"""What the tests of processes look at: who lives, who is whose child, and folders for all users."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


def has_ended(pid: int) -> bool:
    """Whether the process is gone; one that only waits to be reaped (state Z) is gone too."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True
    return status.rpartition(")")[2].split()[0] == "Z"


def descendants(pid: int) -> set[int]:
    """The children of a process, and theirs."""
    found: set[int] = set()
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                found |= {int(child)} | descendants(int(child))
    except (FileNotFoundError, ProcessLookupError):
        pass  # it has just ended
    return found


def wait_until(true: Callable[[], bool], *, timeout_s: float = 60.0) -> None:
    """Return as soon as it is true; AssertionError when it stays false."""
    until = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.02)


@contextmanager
def folder_for_all() -> Iterator[Path]:
    """A new folder that every user may enter. tmp_path of pytest is closed to all but root."""
    folder = Path(tempfile.mkdtemp(prefix="apserver-test-", dir="/tmp"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def owner_of(pid: int) -> int:
    """The user that a process runs as."""
    return os.stat(f"/proc/{pid}").st_uid
