"""A child of the supervisor.

`python -m apserver.app worker` is one worker, `python -m apserver.app migrate` brings the
database up to date before they start. Both get their settings as JSON on standard input.
"""

from __future__ import annotations

import asyncio
import json
import sys

import uvloop

from apserver import telemetry
from apserver.app.accounts import migrate
from apserver.app.worker import Order, serve
from apserver.config import Settings
from apserver.errors import ApserverError, ConfigProblem
from apserver.store.budget import check_connections

EX_CONFIG = 78


async def _prepare(dsn: str, settings: Settings, *, workers: int) -> None:
    await check_connections(dsn, workers=workers)
    await migrate(dsn, settings)


def main(argv: list[str]) -> int:
    """A child of the supervisor."""
    given = json.load(sys.stdin)
    try:
        if argv == ["migrate"]:
            settings = Settings.from_json(given["settings"])
            telemetry.configure(level=settings.log.level, as_json=settings.log.format == "json")
            asyncio.run(_prepare(given["dsn"], settings, workers=given["workers"]))
        elif argv == ["worker"]:
            order = Order.read(given)
            log = order.settings.log
            telemetry.configure(level=log.level, as_json=log.format == "json", worker=order.worker)
            uvloop.run(serve(order))
        else:
            print("usage: python -m apserver.app migrate|worker", file=sys.stderr)
            return 2
    except ConfigProblem as error:
        print(f"apserver: {error}", file=sys.stderr)
        return EX_CONFIG
    except ApserverError as error:
        print(f"apserver: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
