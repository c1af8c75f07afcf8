"""`python -m bench`: measure, print the table. See `python -m bench --help`."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from bench import report
from bench.instance import BenchFailed
from bench.measure import Machine, Row, measure, staged
from bench.paths import PATHS, HotPath
from bench.profile import profile

REPEATS = 3


def main(argv: Sequence[str] | None = None) -> int:
    """Run; 1 when the server does not do what it is asked."""
    arguments = _parser().parse_args(argv)
    try:
        if arguments.profile is not None:
            path = _chosen([arguments.profile])[0]
            print(asyncio.run(profile(path, operations=arguments.n or path.operations)), end="")
            return 0
        machine, rows = asyncio.run(_measure(arguments))
        print(report.table(rows), end="")
        if arguments.json is not None:
            Path(arguments.json).write_text(report.as_json(machine, rows), "utf-8")
        if arguments.write:
            report.write(machine, rows)
    except BenchFailed as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    names = [path.name for path in PATHS]
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="What the hot paths cost in CPU time, beside what they could cost.",
    )
    parser.add_argument(
        "--only",
        action="append",
        choices=names,
        metavar="PATH",
        help=f"measure this path alone; may be repeated: {', '.join(names)}",
    )
    parser.add_argument("--n", type=int, metavar="N", help="operations in a repeat")
    parser.add_argument(
        "--repeats",
        type=int,
        default=REPEATS,
        metavar="N",
        help=f"the median of so many counts (default: {REPEATS})",
    )
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="(default: 1)")
    parser.add_argument("--json", metavar="FILE", help="write all figures there too")
    parser.add_argument("--write", action="store_true", help="put them into docs/performance.md")
    parser.add_argument(
        "--profile",
        choices=names,
        metavar="PATH",
        help="run this path once with its worker under cProfile, and print where the time goes",
    )
    parser.add_argument(
        "--smoke",
        action="store_true",
        help="a handful of operations of each path, to see that all works",
    )
    return parser  # fmt: skip


def _chosen(names: Sequence[str] | None) -> list[HotPath]:
    return [path for path in PATHS if names is None or path.name in names]


async def _measure(arguments: argparse.Namespace) -> tuple[Machine, list[Row]]:
    smoke = arguments.smoke
    load, *_ = os.getloadavg()
    async with staged(workers=arguments.workers, smoke=smoke) as stage:
        rows = [
            await measure(
                stage,
                path,
                operations=path.smoke_operations if smoke else arguments.n or path.operations,
                repeats=1 if smoke else arguments.repeats,
            )
            for path in _chosen(arguments.only)
        ]
        return await Machine.seen_by(stage.instance, load), rows


if __name__ == "__main__":
    sys.exit(main())
