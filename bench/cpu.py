"""CPU time of a server: its own processes, and those of the PostgreSQL that it runs.

CPU time, not time on the clock: the machine may be shared, and a share of a core says nothing
about the work. The kernel keeps a clock for each process (clock_getcpuclockid(3), nanoseconds,
all threads). What children used that have ended stands in /proc/PID/stat of their parent
(cutime and cstime, proc(5)), in ticks of 10 ms; PostgreSQL's short-lived workers end up there.
"""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Usage:
    """CPU seconds since the processes began: of apserver's, and of PostgreSQL's."""

    ours_s: float
    postgres_s: float

    def __sub__(self, earlier: Usage) -> Usage:
        return Usage(self.ours_s - earlier.ours_s, self.postgres_s - earlier.postgres_s)


@dataclass(frozen=True, slots=True)
class _Process:
    pid: int
    parent: int
    name: str
    children_s: float

    @classmethod
    def read(cls, pid: int) -> _Process:
        # The name stands in parentheses and may hold any character, so split behind it.
        head, _, tail = (_PROC / f"{pid}/stat").read_text().rpartition(")")
        fields = tail.split()
        ended = int(fields[13]) + int(fields[14])
        return cls(pid, int(fields[1]), head.partition("(")[2], ended * _TICK_S)

    @property
    def cpu_s(self) -> float:
        """Its own CPU time and that of its ended children."""
        # The clock's number is made of the process id: MAKE_PROCESS_CPUCLOCK of the kernel.
        return time.clock_gettime((~self.pid << 3) | 2) + self.children_s


def usage(supervisor: int, *, without: Collection[int] = ()) -> Usage:
    """What a server has used up to now; processes ``without`` are left out.

    A process that ends while we look may be missed by a little: once for all, not each time.
    """
    ours_s = postgres_s = 0.0
    for process in descendants(supervisor):
        if process.pid in without:
            continue
        with suppress(OSError):
            if process.name == "postgres":
                postgres_s += process.cpu_s
            else:
                ours_s += process.cpu_s
    return Usage(ours_s, postgres_s)


def descendants(top: int) -> Iterator[_Process]:
    """The process and all below it."""
    children: dict[int, list[_Process]] = {}
    for entry in _PROC.iterdir():
        if entry.name.isdecimal():
            with suppress(OSError):
                process = _Process.read(int(entry.name))
                children.setdefault(process.parent, []).append(process)
    waiting = [_Process.read(top)]
    for process in waiting:  # which grows meanwhile
        yield process
        waiting += children.get(process.pid, [])


def command_of(pid: int) -> list[str]:
    """The words that a process was started with."""
    return (_PROC / f"{pid}/cmdline").read_text().split("\0")
