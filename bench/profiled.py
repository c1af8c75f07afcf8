"""The server with its worker under cProfile. Stands in for `apserver serve` and its children.

The worker counts from one SIGUSR1 to SIGUSR2, and then leaves its figures (pstats) in the file
that the environment names. Time is the thread's CPU time, so that waiting is not in it.
"""

from __future__ import annotations

import cProfile
import os
import runpy
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

from apserver import supervisor
from apserver.cli.serve import plan
from apserver.config import load
from bench.instance import STATS


def _serve() -> int:
    settings = load(None, os.environ, cwd=Path.cwd())

    def announce(listening: str) -> None:
        print(f"apserver: serving {settings.origin} at {listening}", file=sys.stderr, flush=True)

    usual = plan(settings, workers=1, on_ready=announce)
    return supervisor.run(replace(usual, child="bench.profiled"))


def _child() -> None:
    profile = cProfile.Profile(time.thread_time)
    place = Path(os.environ[STATS])

    def begin(_number: int, _frame: object) -> None:
        profile.enable()

    def end(_number: int, _frame: object) -> None:
        profile.disable()
        profile.dump_stats(place.with_suffix(".new"))
        place.with_suffix(".new").replace(place)  # whoever waits for it finds it whole

    signal.signal(signal.SIGUSR1, begin)
    signal.signal(signal.SIGUSR2, end)
    runpy.run_module("apserver.app", run_name="__main__")


if __name__ == "__main__":
    if not sys.argv[1:]:
        sys.exit(_serve())
    _child()
