"""What the command line does with the database: the schema, actors and tokens."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from apserver import telemetry
from apserver.config import Settings
from apserver.core.names import Names
from apserver.core.scopes import USUAL, Scope
from apserver.errors import Refused
from apserver.flow.accounts import Accounts, CreatedActor
from apserver.flow.departure import Departure, Farewell
from apserver.flow.key_rotation import KeyRotation, RotatedKey
from apserver.flow.logins import ChangedPassword, Logins
from apserver.flow.own_actors import OwnActor, list_actors, show_actor
from apserver.flow.tokens import CreatedToken, Tokens
from apserver.store import db as store
from apserver.store import schema
from apserver.store.access import TokenRow
from apserver.store.db import Database, Rehearsal
from apserver.vault import Vault


async def migrate(dsn: str, settings: Settings) -> None:
    """Bring the schema up to date, and take the database for this origin.

    ConfigProblem when it belongs to another one.
    """
    for name in await store.migrate(dsn):
        telemetry.event("migrated", script=name)
    async with opened(dsn) as db:
        await accounts_of(db, settings, Vault.at(settings.data_dir)).claim()


async def check_migrated(dsn: str, settings: Settings) -> None:
    """That a command can work without changing the schema; Refused or ConfigProblem if not."""
    state = await schema.state(dsn)
    if state.pending or state.origin is None:
        raise Refused(
            "The database is not up to date, and this command leaves it as it is. "
            "Start the server once: apserver serve"
        )
    state.check_owner(settings.origin, settings.handle_host)


@asynccontextmanager
async def opened(dsn: str, *, dry_run: bool = False) -> AsyncIterator[Database]:
    """A database for one command; with ``dry_run`` all that is written is taken back."""
    db = (Rehearsal if dry_run else Database)(dsn, connections=1)
    await db.open()
    try:
        yield db
    finally:
        await db.close()


def accounts_of(db: Database, settings: Settings, vault: Vault) -> Accounts:
    """The accounts of a database, for a worker or a command."""
    names = Names(settings.origin)
    return Accounts(db, vault, names, handle_host=settings.handle_host)


async def create_actor(
    dsn: str,
    settings: Settings,
    *,
    name: str,
    type: str,
    display_name: str | None,
    manual_approval: bool,
    token: bool,
    dry_run: bool = False,
) -> CreatedActor:
    """Make an actor; see `Accounts.create_actor`."""
    async with opened(dsn, dry_run=dry_run) as db:
        return await accounts_of(db, settings, Vault.at(settings.data_dir)).create_actor(
            name,
            type_=type,
            display_name=display_name,
            manual_approval=manual_approval,
            token=token,
        )


async def own_actors(dsn: str) -> list[OwnActor]:
    """Every actor of this server."""
    async with opened(dsn) as db, db.connection() as conn:
        return await list_actors(conn)


async def own_actor(dsn: str, settings: Settings, *, name: str) -> OwnActor:
    """One actor of this server; see `show_actor`."""
    async with opened(dsn) as db, db.connection() as conn:
        return await show_actor(conn, settings.handle_host, name)


async def delete_actor(dsn: str, settings: Settings, *, name: str, dry_run: bool) -> Departure:
    """Delete an actor; see `Farewell.delete`."""
    async with opened(dsn, dry_run=dry_run) as db:
        farewell = Farewell(db, Names(settings.origin), handle_host=settings.handle_host)
        return await farewell.delete(name)


async def set_password(
    dsn: str, settings: Settings, *, name: str, password: str, dry_run: bool = False
) -> ChangedPassword:
    """Set the password of an actor; see `Logins.set_password`."""
    async with opened(dsn, dry_run=dry_run) as db:
        return await Logins(db, handle_host=settings.handle_host).set_password(name, password)


async def create_token(
    dsn: str,
    settings: Settings,
    *,
    name: str,
    scopes: Sequence[Scope] = USUAL,
    dry_run: bool = False,
) -> CreatedToken:
    """Make a token; see `Tokens.create`."""
    async with opened(dsn, dry_run=dry_run) as db:
        return await Tokens(db, handle_host=settings.handle_host).create(name, scopes)


async def list_tokens(dsn: str, settings: Settings, *, name: str | None) -> Sequence[TokenRow]:
    """Tokens without the token; see `Tokens.list`."""
    async with opened(dsn) as db:
        return await Tokens(db, handle_host=settings.handle_host).list(name)


async def revoke_token(dsn: str, settings: Settings, *, id: str, dry_run: bool) -> TokenRow:
    """Revoke a token; see `Tokens.revoke`."""
    async with opened(dsn, dry_run=dry_run) as db:
        return await Tokens(db, handle_host=settings.handle_host).revoke(id)


async def rotate_key(
    dsn: str, settings: Settings, *, name: str, dry_run: bool = False
) -> RotatedKey:
    """Give an actor new keys; see `apserver.flow.key_rotation`."""
    async with opened(dsn, dry_run=dry_run) as db:
        rotation = KeyRotation(
            db,
            Vault.at(settings.data_dir),
            Names(settings.origin),
            handle_host=settings.handle_host,
        )
        return await rotation.rotate(name)
