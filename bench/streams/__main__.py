"""`python -m bench.streams`: fill, read, print the table. See `--help`."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path

from apserver.core.names import Names
from apserver.serve.site import Site
from bench import report
from bench.instance import BenchFailed, Instance, running
from bench.measure import Machine, tell
from bench.streams import fill_ours, original, ours, table
from bench.streams.cases import PAGE, Case, cases_of
from bench.streams.original import Original
from bench.streams.ours import Reader
from bench.streams.shape import Shape
from bench.streams.table import Row, Spread

ACTIONS = 1_000_000
REPEATS = 200
ROUNDS = 10


def main(argv: Sequence[str] | None = None) -> int:
    """Run; 1 when something does not do what it is asked, or both sides differ."""
    parser = _parser()
    arguments = parser.parse_args(argv)
    if arguments.write and arguments.original is None:
        parser.error("--write needs --original: the page compares both sides.")
    try:
        machine, rows = asyncio.run(_measure(arguments))
    except BenchFailed as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    said = table.text(machine, rows, actions=arguments.actions)
    print(said)
    if arguments.json is not None:
        arguments.json.write_text(table.as_json(machine, rows, actions=arguments.actions), "utf-8")
    if arguments.write:
        report.put(said, begin=table.BEGIN, end=table.END)
    return 0 if all(row.same is not False for row in rows) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench.streams",
        description="Pages of streams out of a million actions, beside django-activity-stream.",
    )
    parser.add_argument(
        "--actions", type=int, default=ACTIONS, metavar="N", help=f"(default: {ACTIONS})"
    )
    parser.add_argument(
        "--repeats",
        type=int,
        default=REPEATS,
        metavar="N",
        help=f"how often each page is read (default: {REPEATS})",
    )
    parser.add_argument(
        "--original",
        type=Path,
        metavar="FOLDER",
        help="an environment with django-activity-stream; pip makes it if it is not there. "
        "Without this only our side is measured",
    )
    parser.add_argument(
        "--data",
        type=Path,
        metavar="FOLDER",
        help="keep the databases there, and go on with them if they are there",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there too")
    parser.add_argument("--write", action="store_true", help="put them into docs/performance.md")
    return parser


async def _measure(arguments: argparse.Namespace) -> tuple[Machine, list[Row]]:
    shape = Shape(arguments.actions)
    load, *_ = os.getloadavg()
    tell("starting a server")
    async with running(workers=1, kept=arguments.data) as instance:
        tokens = await _filled(instance, shape)
        async with (
            _original(instance, arguments.original, shape) as theirs,
            ours.site_of(instance) as site,
        ):
            with closing(Reader(instance, tokens)) as reader:
                rows = [
                    await _row(case, reader, site, theirs, repeats=arguments.repeats)
                    for case in cases_of(shape)
                ]
        return await Machine.seen_by(instance, load), rows


async def _row(
    case: Case, reader: Reader, site: Site, theirs: Original | None, *, repeats: int
) -> Row:
    """Read one page on both sides, many times in turn, so that both have the same disturbances."""
    tell(case.title)
    page = reader.find(case)
    each = max(2, repeats // ROUNDS)
    reader.time(case, page, repeats=each)  # warm
    await ours.time_inside(site, case, page, repeats=each)
    seconds: list[float] = []
    inside: list[float] = []
    read = None
    for _ in range(ROUNDS):
        seconds += reader.time(case, page, repeats=each)
        if theirs is not None:
            more = await theirs.read(case, page=page.number, limit=PAGE, repeats=each)
            read = more if read is None else read.with_times_of(more)
        inside += await ours.time_inside(site, case, page, repeats=each)
    return Row(
        case=case,
        page=page.number,
        items=len(page.numbers),
        ours=Spread.of(seconds),
        statements=await reader.statements(case, page),
        inside=Spread.of(inside),
        theirs=None if read is None else Spread.of(read.seconds),
        their_statements=None if read is None else read.statements,
        same=None if read is None else read.numbers == page.numbers,
    )


@asynccontextmanager
async def _original(
    instance: Instance, folder: Path | None, shape: Shape
) -> AsyncIterator[Original | None]:
    if folder is None:
        yield None
        return
    async with original.running(instance, folder, shape) as theirs:
        yield theirs


async def _filled(instance: Instance, shape: Shape) -> dict[str, str]:
    """Make readers and actions, unless a folder that was kept has them; the readers' tokens."""
    kept = instance.folder / "streams.json"
    if not kept.exists():
        tokens = {name: instance.create_actor(name) for name in shape.readers}
        tell(f"{shape.actions} actions into our database")
        async with instance.db.connection() as conn:
            await conn.execute("SET statement_timeout = 0")
            await fill_ours.fill(conn, shape, Names(instance.origin))
        kept.write_text(json.dumps({"actions": shape.actions, "tokens": tokens}))
    held = json.loads(kept.read_text())
    if held["actions"] != shape.actions:
        raise BenchFailed(f"{instance.folder} has {held['actions']} actions. Say --actions so.")
    found: dict[str, str] = held["tokens"]
    return found


if __name__ == "__main__":
    sys.exit(main())
