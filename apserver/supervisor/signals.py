"""Signals that ask the supervisor to stop, and the one that tells of a dead child."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Signals:
    """Requests to stop, counted. The first may interrupt the start, later ones mean hurry.

    While `interrupting` is set a signal raises KeyboardInterrupt, so that waiting for a lock or
    for crash recovery ends at once.
    """

    STOP = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

    def __init__(self, wake: socket.socket) -> None:
        self.wake = wake  #: readable after any signal, SIGCHLD included
        self.asked = 0
        self.interrupting = True

    def are_impatient(self) -> bool:
        """Whether stop was asked for more than once."""
        return self.asked > 1

    def __call__(self, _number: int, _frame: object) -> None:
        self.asked += 1
        if self.interrupting:
            self.interrupting = False
            raise KeyboardInterrupt

    @classmethod
    @contextmanager
    def caught(cls) -> Iterator[Signals]:
        """Catch signals; afterwards all is as it was."""
        wake, waker = socket.socketpair()
        wake.setblocking(False)
        waker.setblocking(False)
        signals = cls(wake)
        handlers: dict[signal.Signals, Any] = dict.fromkeys(cls.STOP, signals)
        if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
            del handlers[signal.SIGHUP]  # started by nohup(1)
        handlers[signal.SIGCHLD] = lambda *_: None
        before = {number: signal.signal(number, handlers[number]) for number in handlers}
        wakeup = signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
        try:
            yield signals
        finally:
            signal.set_wakeup_fd(wakeup)
            for number, handler in before.items():
                signal.signal(number, handler)
            wake.close()
            waker.close()
