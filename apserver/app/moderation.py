"""Moderation by the command line."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from apserver.app.accounts import opened
from apserver.config import Settings
from apserver.core.names import Names
from apserver.flow.hiding import Hidden, Hiding
from apserver.flow.moderation import Moderation, own_hosts
from apserver.flow.reports import Reports


@asynccontextmanager
async def moderating(
    dsn: str, settings: Settings, *, dry_run: bool = False
) -> AsyncIterator[Moderation]:
    """The acts of moderation on a database; with ``dry_run`` each of them is taken back."""
    hosts = own_hosts(settings.origin, settings.handle_host)
    async with opened(dsn, dry_run=dry_run) as db:
        yield Moderation(db, own_hosts=hosts, handle_host=settings.handle_host)


async def hide_activity(
    dsn: str, settings: Settings, *, id: str, act: str, dry_run: bool = False
) -> Hidden:
    """Hide an activity; see `Hiding.hide`."""
    async with opened(dsn, dry_run=dry_run) as db:
        return await Hiding(db, Names(settings.origin), settings.registry).hide(id, act=act)


@asynccontextmanager
async def reports_of(dsn: str, *, dry_run: bool = False) -> AsyncIterator[Reports]:
    """What was reported, for moderators; with ``dry_run`` each act is taken back."""
    async with opened(dsn, dry_run=dry_run) as db:
        yield Reports(db)
