"""Pruning by hand: what the workers do every hour by themselves."""

from __future__ import annotations

from dataclasses import asdict

from apserver.app.accounts import opened
from apserver.config import Settings
from apserver.work.prune import Pruner, Retention


async def prune(dsn: str, settings: Settings, *, dry_run: bool = False) -> dict[str, int]:
    """Remove what `[retention]` says need not be kept; how many rows went, by kind.

    With ``dry_run`` nothing goes; see `Pruner.prune`.
    """
    async with opened(dsn, dry_run=dry_run) as db:
        return await Pruner(db, Retention(**asdict(settings.retention))).prune()
