"""One path with its worker under cProfile: where the time goes, for each operation.

The profiler itself costs much, most where functions are short, so the figures say which
functions weigh and not what the path costs.
"""

from __future__ import annotations

import asyncio
import pstats
import signal
import sysconfig
import time
from collections.abc import Mapping
from pathlib import Path

from bench.instance import ROOT, BenchFailed, Instance
from bench.measure import count, once, staged, tell
from bench.paths import HotPath

LINES = 25
STATEMENT = 120  #: characters shown
_Where = tuple[str, int, str]  # file, line, name
_Figures = tuple[int, int, float, float, object]  # first calls, calls, own s, with callees s
DUMP_S = 30.0


async def profile(path: HotPath, *, operations: int) -> str:
    """The functions of the worker that take the most time of their own, as a table."""
    async with staged(workers=1, smoke=False, profiled=True) as stage:
        async with stage.load() as load:
            tell(f"{path.name}: warm-up")
            await once(stage, path, load, max(1, operations // 4))
            statements = await count(stage, path, load, max(1, operations // 10))
            tell(f"{path.name}: {operations} under cProfile")
            stage.instance.signal_worker(signal.SIGUSR1)
            made, _ = await once(stage, path, load, operations)
            stage.instance.signal_worker(signal.SIGUSR2)
        await _dumped(stage.instance)
        return _functions(stage.instance.stats, made) + _statements(statements)


async def _dumped(instance: Instance) -> None:
    until = time.monotonic() + DUMP_S
    while not instance.stats.exists():
        if time.monotonic() > until:
            raise BenchFailed("The worker left no figures.")
        await asyncio.sleep(0.05)


def _statements(statements: Mapping[str, float]) -> str:
    lines = [f"{'SQL':>8}  for each operation"]
    for statement, number in list(statements.items())[:LINES]:
        lines.append(f"{number:8.2f}  {statement[:STATEMENT]}")
    return "\n".join([*lines, f"{sum(statements.values()):8.2f}  in all", ""])


def _functions(stats: Path, made: int) -> str:
    found: dict[_Where, _Figures] = vars(pstats.Stats(str(stats)))["stats"]
    entries = sorted(found.items(), key=lambda entry: -entry[1][2])
    whole = sum(figures[2] for _, figures in entries)
    lines = [f"{'calls':>8} {'own µs':>8} {'with callees':>13}  for each of {made} operations"]
    for (file, line, name), (_, calls, own, cumulative, _) in entries[:LINES]:
        lines.append(
            f"{calls / made:8.2f} {own * 1e6 / made:8.1f} {cumulative * 1e6 / made:13.1f}  "
            f"{_place(file, line)}{name}"
        )
    return "\n".join([*lines, f"{whole * 1e6 / made:17.1f}  in all", "", ""])


def _place(file: str, line: int) -> str:
    if file == "~":
        return ""
    for folder in (str(ROOT), sysconfig.get_path("purelib"), sysconfig.get_path("stdlib")):
        file = file.removeprefix(f"{folder}/")
    return f"{file}:{line} "
