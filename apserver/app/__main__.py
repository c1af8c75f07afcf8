"""A child of the supervisor.

`python -m apserver.app worker` is one worker, `python -m apserver.app migrate` brings the
database up to date before they start. Both get their settings as JSON on standard input.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys

import uvloop

from apserver import telemetry
from apserver.app.accounts import migrate, opened
from apserver.app.worker import Order, serve
from apserver.config import Settings
from apserver.core import limits
from apserver.cures import pasteable
from apserver.errors import ApserverError, ConfigProblem
from apserver.store.actors import count_own
from apserver.store.budget import check_connections

EX_CONFIG = 78


def _open_many_files() -> None:
    """As many as we need and may: every connection is one, and the usual limit is 1024."""
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = limits.FILES if most == resource.RLIM_INFINITY else min(limits.FILES, most)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(now, wanted), most))


async def _prepare(dsn: str, settings: Settings, *, workers: int, program: str) -> None:
    await check_connections(dsn, workers=workers)
    await migrate(dsn, settings)
    async with opened(dsn) as db, db.connection() as conn:
        if await count_own(conn) == 0:
            telemetry.event("no actor yet", cure=f"{program} actor create NAME --token")


def main(argv: list[str]) -> int:
    """A child of the supervisor."""
    given = json.load(sys.stdin)
    program: str = given["program"]
    try:
        if argv == ["migrate"]:
            settings = Settings.from_json(given["settings"])
            telemetry.configure(level=settings.log.level, as_json=settings.log.format == "json")
            preparing = _prepare(given["dsn"], settings, workers=given["workers"], program=program)
            asyncio.run(preparing)
        elif argv == ["worker"]:
            order = Order.read(given)
            log = order.settings.log
            telemetry.configure(level=log.level, as_json=log.format == "json", worker=order.worker)
            _open_many_files()
            uvloop.run(serve(order))
        else:
            print("usage: python -m apserver.app migrate|worker", file=sys.stderr)
            return 2
    except ConfigProblem as error:
        print(f"apserver: {pasteable(str(error), program)}", file=sys.stderr)
        return EX_CONFIG
    except ApserverError as error:
        print(f"apserver: {pasteable(str(error), program)}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
