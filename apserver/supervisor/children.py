"""Child processes of the supervisor: how they start, rest after a death, and end."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from subprocess import Popen, SubprocessError
from typing import Generic, Protocol, TypeVar

from apserver.errors import Refused
from apserver.store.cluster import bound_to_parent
from apserver.supervisor.plan import Plan

PAUSE_FIRST_S = 0.1
PAUSE_MAX_S = 10.0
LIFE_S = 60.0  #: a child that lived this long died of something new


def spawn(
    plan: Plan, role: str, given: Mapping[str, object], *, keep: tuple[int, ...] = ()
) -> Popen[bytes]:
    """Start a child with `given` as JSON on its standard input.

    The text lies in memory (memfd_create(2)): it can hold a password, so it is neither an
    argument nor a file, and unlike a pipe it never makes us wait for the reader.
    """
    with os.fdopen(os.memfd_create("given"), "w+b", buffering=0) as text:
        told = {"settings": plan.settings_json, "program": plan.program, **given}
        text.write(json.dumps(told).encode())
        text.seek(0)
        return Popen(
            [sys.executable, "-m", plan.child, role],
            stdin=text,
            pass_fds=keep,
            start_new_session=True,
            preexec_fn=bound_to_parent(signal.SIGTERM),
        )


def end(processes: list[Popen[bytes]], *, grace_s: float, hurry: Callable[[], bool]) -> None:
    """SIGTERM, and SIGKILL to those that still live after the grace."""
    for process in processes:
        process.send_signal(signal.SIGTERM)
    until = time.monotonic() + grace_s
    while time.monotonic() < until and not hurry():
        if all(process.poll() is not None for process in processes):
            return
        time.sleep(0.02)
    for process in processes:
        process.kill()
        process.wait()


def ending(code: int) -> str:
    """How a process ended, for a sentence: `code` as `poll` gives it."""
    if code >= 0:
        return f"ended with exit code {code}"
    return f"was ended by {signal.Signals(-code).name}"


class Process(Protocol):
    """What `Child` needs of a process."""

    def poll(self) -> int | None:
        """The exit code; None while it runs."""


P = TypeVar("P", bound=Process)


def pause_s(before_s: float, *, lived_s: float) -> float:
    """How long to wait until a dead child starts again; `before_s` is the last such pause."""
    if before_s == 0 or lived_s >= LIFE_S:
        return PAUSE_FIRST_S
    return min(2 * before_s, PAUSE_MAX_S)


@dataclass(slots=True)
class Child(Generic[P]):
    """A process that is started again whenever it dies."""

    name: str
    spawn: Callable[[], P]
    process: P | None = None
    started_at: float = field(default_factory=time.monotonic)
    pause_s: float = 0.0
    due_at: float = 0.0  #: when to start it, while there is no process

    def tend(
        self, now: float, log: Callable[[str], None], *, fatal: int | None = None
    ) -> int | None:
        """Start it if it is due; gives the exit code if it has died since the last call. After
        ``fatal`` the caller does not start it again."""
        if self.process is None:
            if now >= self.due_at:
                self._start(now, log)
            return None
        code = self.process.poll()
        if code is not None:
            self._rest(now)
            then = "" if code == fatal else f"; next start in {self.pause_s:.1f} s"
            log(f"apserver: {self.name} {ending(code)}{then}")
        return code

    def _start(self, now: float, log: Callable[[str], None]) -> None:
        self.started_at = now
        try:
            self.process = self.spawn()
        except (OSError, SubprocessError, Refused) as error:
            self._rest(now)
            log(f"apserver: {self.name}: {error}; next start in {self.pause_s:.1f} s")

    def _rest(self, now: float) -> None:
        self.process = None
        self.pause_s = pause_s(self.pause_s, lived_s=now - self.started_at)
        self.due_at = now + self.pause_s
