"""Runs hot paths against a server: warm up, measure a few times, take the median."""

from __future__ import annotations

import os
import platform
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median

from cryptography.hazmat.primitives.asymmetric import rsa

from apserver.core.keys import PrivateKey
from bench import instance as server
from bench import scene as stage
from bench import sinks
from bench.cpu import Usage
from bench.instance import BenchFailed, Instance
from bench.load import Load
from bench.paths import HotPath
from bench.scene import Scene
from bench.statements import counting

FOLLOWERS, POSTS = 1_000, 100
SMOKE_FOLLOWERS, SMOKE_POSTS = 50, 25
_SIGNATURES = 101


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """The figures of one path: CPU microseconds for one operation."""

    path: HotPath
    operations: int  #: in each repeat
    statements: float  #: of SQL, for one operation
    ours_us: float
    postgres_us: float
    repeats_us: Sequence[float]  #: the whole of each repeat

    @property
    def total_us(self) -> float:
        """apserver and PostgreSQL together."""
        return self.ours_us + self.postgres_us

    @property
    def per_core(self) -> float:
        """Operations in a second of one whole core."""
        return 1e6 / self.total_us

    @property
    def ratio(self) -> float:
        """The part of the limit that is reached; 1 is the limit."""
        return self.path.limit_us / self.total_us


@dataclass(frozen=True, slots=True)
class Machine:
    """Where and when figures were taken."""

    processor: str
    cores: int
    python: str
    postgres: str
    at: datetime
    load: float  #: average of the last minute, when it began
    signature_us: float  #: CPU time of an RSA-2048 signature: a yardstick between machines

    @classmethod
    async def seen_by(cls, instance: Instance, load: float) -> Machine:
        """This machine."""
        async with instance.db.connection() as conn:
            postgres = await conn.fetchval("SHOW server_version")
        return cls(
            processor=_processor(),
            cores=os.cpu_count() or 1,
            python=platform.python_version(),
            postgres=postgres.split()[0],
            at=datetime.now(UTC),
            load=load,
            signature_us=_signature_us(),
        )


@dataclass(frozen=True, slots=True)
class Stage:
    """A server with its scene."""

    instance: Instance
    scene: Scene

    def load(self) -> AbstractAsyncContextManager[Load]:
        """New connections to it. They are made for each path: idle ones get closed."""
        return Load.to(*self.instance.settings.listen_address)


@asynccontextmanager
async def staged(*, workers: int, smoke: bool, profiled: bool = False) -> AsyncIterator[Stage]:
    """Start everything that the paths need."""
    tell("starting a server")
    with sinks.running() as taking:
        async with server.running(workers=workers, profiled=profiled) as instance:
            scene = await stage.prepare(
                instance,
                taking,
                followers=SMOKE_FOLLOWERS if smoke else FOLLOWERS,
                posts=SMOKE_POSTS if smoke else POSTS,
            )
            yield Stage(instance, scene)


async def measure(at: Stage, path: HotPath, *, operations: int, repeats: int) -> Row:
    """Measure one path. BenchFailed when an answer is not the expected one."""
    used: list[Usage] = []
    async with at.load() as load:
        tell(f"{path.name}: warm-up")
        await once(at, path, load, max(1, operations // 4))
        statements = await count(at, path, load, max(1, operations // 10))
    for number in range(repeats):
        tell(f"{path.name}: {number + 1} of {repeats}")
        async with at.load() as load:  # those that a path with few requests does not use get closed
            made, usage = await once(at, path, load, operations)
        used.append(usage)
    totals = [(one.ours_s + one.postgres_s) * 1e6 / made for one in used]
    middle = used[totals.index(sorted(totals)[(repeats - 1) // 2])]
    return Row(
        path=path,
        operations=made,
        statements=sum(statements.values()),
        ours_us=middle.ours_s * 1e6 / made,
        postgres_us=middle.postgres_s * 1e6 / made,
        repeats_us=totals,
    )


async def count(at: Stage, path: HotPath, load: Load, operations: int) -> dict[str, float]:
    """The SQL statements of a path's work, and how many of each there are in one operation."""
    found: Counter[str] = Counter()
    made, _ = await once(at, path, load, operations, around=counting(at.instance, found))
    return {statement: number / made for statement, number in found.most_common()}


async def once(
    at: Stage,
    path: HotPath,
    load: Load,
    operations: int,
    *,
    around: AbstractAsyncContextManager[None] | None = None,
) -> tuple[int, Usage]:
    """Do a path's work; how many operations it was, and the CPU time that it took.

    ``around`` is a context for just what is measured.
    """
    async with path.work(at.scene, load, operations) as work, around or nullcontext():
        before = at.instance.usage()
        tally = await load.fire(work.requests)
        if work.finish is not None:
            await work.finish()
        used = at.instance.usage() - before
        if dict(tally.statuses) != {work.status: len(work.requests)}:
            raise BenchFailed(f"{path.name}: the answers were {dict(tally.statuses)}.")
    return work.operations, used


def tell(line: str) -> None:
    """Progress, to standard error."""
    print(f"bench: {line}", file=sys.stderr, flush=True)


def _signature_us() -> float:
    key = PrivateKey.of(rsa.generate_private_key(65_537, 2_048))
    times = []
    for _ in range(_SIGNATURES):
        before = time.process_time()
        key.sign(b"text")
        times.append(time.process_time() - before)
    return median(times) * 1e6


def _processor() -> str:
    with open("/proc/cpuinfo", encoding="utf-8") as lines:
        names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
