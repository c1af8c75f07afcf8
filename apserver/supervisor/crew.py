"""The workers and the server while all is well, and when they die."""

from __future__ import annotations

import os
import selectors
import socket
import time
from functools import partial
from subprocess import Popen

from apserver.store.embedded import EmbeddedPostgres
from apserver.supervisor.children import Child, end, spawn
from apserver.supervisor.plan import EX_CONFIG, EX_OK, Plan
from apserver.supervisor.signals import Signals
from apserver.supervisor.sockets import shown

GRACE_S = 25.0  #: for workers to finish; container runtimes and systemd allow 30 or more
BACKLOG = 1024
ASLEEP_S = 1.0  #: the longest sleep; signals and pipes end it early


class Crew:
    """The workers and the server, kept alive until a signal says stop."""

    def __init__(
        self,
        plan: Plan,
        dsn: str,
        *,
        sockets: list[socket.socket],
        server: EmbeddedPostgres | None,
        signals: Signals,
    ) -> None:
        self._plan = plan
        self._dsn = dsn
        self._sockets = sockets
        self._signals = signals
        self._workers = [
            Child(f"worker {index}", partial(self._spawn_worker, index))
            for index in range(plan.workers)
        ]
        self._servers: list[Child[EmbeddedPostgres]] = []
        if server is not None:
            name = f"PostgreSQL (log: {server.log_file})"
            self._servers.append(Child(name, partial(_restarted, server), process=server))
        self._serving: set[int] = set()  #: workers that have said so
        self._announced = False
        self._selector = selectors.DefaultSelector()
        self._selector.register(signals.wake, selectors.EVENT_READ)

    def serve(self) -> int:
        """Keep all alive; gives the exit code."""
        for listening in self._sockets:
            listening.listen(BACKLOG)
        self._signals.interrupting = False
        while self._signals.asked == 0:
            now = time.monotonic()
            for server in self._servers:
                server.tend(now, self._plan.log)
            for index, worker in enumerate(self._workers):
                fatal = None if index in self._serving else EX_CONFIG
                code = worker.tend(now, self._plan.log, fatal=fatal)
                if code is not None and code == fatal:
                    return code
                if code is not None:
                    self._serving.discard(index)
            self._announce()
            self._sleep(now)
        return EX_OK

    def stop(self) -> None:
        """Take no more connections, and end the workers."""
        for listening in self._sockets:
            listening.close()
        alive = [worker.process for worker in self._workers if worker.process is not None]
        end(alive, grace_s=GRACE_S, hurry=self._signals.are_impatient)
        for key in list(self._selector.get_map().values()):
            if key.data is not None:
                os.close(key.fd)
        self._selector.close()

    def _spawn_worker(self, index: int) -> Popen[bytes]:
        listening = self._sockets[index]
        ready, ready_for_child = os.pipe()
        given = {
            "dsn": self._dsn,
            "socket_fd": listening.fileno(),
            "port": listening.getsockname()[1],
            "ready_fd": ready_for_child,
            "worker": index,
            "workers": self._plan.workers,
        }
        try:
            keep = (listening.fileno(), ready_for_child)
            process = spawn(self._plan, "worker", given, keep=keep)
        except BaseException:
            os.close(ready)
            raise
        finally:
            os.close(ready_for_child)
        self._selector.register(ready, selectors.EVENT_READ, index)
        return process

    def _sleep(self, now: float) -> None:
        """Wait for a signal, a word from a worker, or the time to start something again."""
        due = [worker.due_at for worker in self._workers if worker.process is None]
        due += [server.due_at for server in self._servers if server.process is None]
        until_due = min((at - now for at in due), default=ASLEEP_S)
        for key, _ in self._selector.select(max(0.0, min(until_due, ASLEEP_S))):
            if key.data is None:
                self._signals.wake.recv(4096)
                continue
            if os.read(key.fd, 1) == b"1":  # else it has closed the pipe without a word
                self._serving.add(key.data)
            self._selector.unregister(key.fd)
            os.close(key.fd)

    def _announce(self) -> None:
        if self._announced or len(self._serving) < self._plan.workers:
            return
        self._announced = True
        if self._plan.on_ready is not None:
            self._plan.on_ready(shown(self._sockets[0].getsockname()))


def _restarted(server: EmbeddedPostgres) -> EmbeddedPostgres:
    server.restart()
    return server
