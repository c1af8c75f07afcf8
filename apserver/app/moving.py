"""Accounts that move, by the command line."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from apserver.app.accounts import opened
from apserver.app.outgoing import calling, live_rules
from apserver.config import Settings
from apserver.core.names import Names
from apserver.flow.moving import Moving
from apserver.flow.publish import Publisher
from apserver.flow.remote import Remote


@asynccontextmanager
async def moving(dsn: str, settings: Settings, *, dry_run: bool = False) -> AsyncIterator[Moving]:
    """What is done with accounts that move; with ``dry_run`` each act is taken back."""
    async with calling(dsn, settings) as caller, opened(dsn, dry_run=dry_run) as db:
        live = await live_rules(db, settings)
        allow_http = settings.federation.allow_http
        remote = Remote(db, caller.fetcher, live, allow_http=allow_http)
        publisher = Publisher(db, Names(settings.origin), settings.registry, live, remote)
        yield Moving(db, publisher, handle_host=settings.handle_host)
