"""What the supervisor is asked to run."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from apserver.cures import PROGRAM

EX_OK = 0
EX_REFUSED = 1
EX_CONFIG = 78  #: sysexits.h


def _to_stderr(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to run. `settings_json` is passed on to the children unread."""

    data_dir: Path
    database_url: str  #: empty: run PostgreSQL in data_dir
    listen_host: str  #: an IP address
    listen_port: int  #: 0: any free port
    workers: int
    settings_json: str
    on_ready: Callable[[str], None] | None = None  #: gets "host:port" when all workers serve
    max_connections: int = 100
    wait_for_lock_s: float = 30.0
    program: str = PROGRAM  #: how the command line is called, for cures of the children
    child: str = "apserver.app"  #: module of the children; gets "migrate" or "worker"
    log: Callable[[str], None] = _to_stderr
