"""The database: its version, its schema, its clock, and the work that lies in it."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime

from apserver.app.accounts import opened
from apserver.app.doctor.checks import Check
from apserver.config import Settings
from apserver.core.names import Names
from apserver.errors import ApserverError, ConfigProblem
from apserver.flow.signers import Signers
from apserver.store import health, schema
from apserver.store.db import Database
from apserver.store.health import Work
from apserver.store.schema import VERSION_MIN, Schema
from apserver.vault import Vault

CLOCK_WARN_S = 2.0
CLOCK_FAIL_S = 60.0
LATE_S = 120.0  #: after which work that is due has been waiting too long


async def examine_database(dsn: str, settings: Settings) -> AsyncIterator[Check]:
    """What the database shows, from reachable to busy; it ends at the first thing that fails."""
    before = datetime.now(UTC)
    try:
        state = await schema.state(dsn)
    except ApserverError as error:
        yield Check("database", "fail", str(error), "Start it, or mend [database] url")
        return
    after = datetime.now(UTC)
    version = _version(state, embedded=not settings.database.url)
    yield version
    if version.state == "fail":
        return
    yield _clock((state.now - (before + (after - before) / 2)).total_seconds())
    migrations = _migrations(state, settings)
    yield migrations
    if migrations.state != "ok":
        return
    async with opened(dsn) as db:
        yield await _keys(db, settings)
        async with db.connection() as conn:
            yield _work(await health.work(conn))


def _version(state: Schema, *, embedded: bool) -> Check:
    detail = f"PostgreSQL {'.'.join(map(str, state.version))}{', embedded' if embedded else ''}"
    if state.version < (VERSION_MIN, 0):
        return Check("database", "fail", detail, f"Upgrade it to {VERSION_MIN} or later")
    return Check("database", "ok", detail)


def _clock(ahead_s: float) -> Check:
    detail = f"the database is {abs(ahead_s):.1f} s {'ahead' if ahead_s > 0 else 'behind'}"
    if abs(ahead_s) < CLOCK_WARN_S:
        return Check("clock", "ok", "as the database's")
    cure = "Set both clocks by NTP: signatures and leases depend on them"
    return Check("clock", "fail" if abs(ahead_s) > CLOCK_FAIL_S else "warn", detail, cure)


def _migrations(state: Schema, settings: Settings) -> Check:
    if state.pending or state.origin is None:
        detail = f"to be done: {', '.join(state.pending) or 'the first start'}"
        cure = "Start the server, which does them: apserver serve"
        return Check("migrations", "warn", detail, cure)
    try:
        state.check_owner(settings.origin, settings.handle_host)
    except ConfigProblem as error:
        return Check("migrations", "fail", str(error), "Set origin and handle_host back")
    return Check("migrations", "ok", f"all done; the database is that of {state.origin}")


async def _keys(db: Database, settings: Settings) -> Check:
    """Whether the secret opens the keys. A vault makes a secret that is not there: we do not."""
    secret = settings.data_dir / "secret"
    cure = f"Restore {secret} from the backup"
    if not os.access(secret, os.R_OK):
        return Check("keys", "fail", f"{secret} cannot be read, which opens the keys", cure)
    try:
        vault = Vault.at(settings.data_dir)
        await Signers(db, vault, Names(settings.origin)).instance()
    except ConfigProblem as error:
        return Check("keys", "fail", str(error), cure)
    return Check("keys", "ok", "the private keys open")


def _work(work: Work) -> Check:
    late_s = max(work.jobs_late_s, work.deliveries_late_s)
    if late_s > LATE_S:
        detail = f"something has been due for {late_s / 60:.0f} minutes"
        if not work.sessions:
            cure = "Start the server: apserver serve"
            return Check("work", "warn", f"{detail}; no worker runs", cure)
        cure = "Look into the log of the server, and start it again"
        return Check("work", "fail", f"{detail}, though a worker runs", cure)
    detail = f"nothing is late; {work.hosts_down} servers wait for their next try"
    if work.parked:
        detail = f"{work.parked} jobs were given up; {detail}"
        return Check("work", "warn", detail, "The log says why: look for parked")
    workers = "workers run" if work.sessions else "no worker runs"
    return Check("work", "ok", f"{workers}; {detail}")
