"""Actors of ours: made here, by the command line and at first start."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from apserver.core import limits
from apserver.core.actors import handle, own_actor
from apserver.core.document import render
from apserver.core.names import COLLECTIONS, INSTANCE, Names, collection_id
from apserver.core.origin import bucket_of, fold_name, host_of, is_local_name, key_of
from apserver.core.scopes import USUAL
from apserver.core.times import stamp
from apserver.errors import Refused
from apserver.flow.key_rotation import public_keys, sealed_keys
from apserver.identifiers import hash_token, new_token
from apserver.store import access, actors, collections, key_pairs
from apserver.store.actors import Actor
from apserver.store.db import Connection, Database
from apserver.store.schema import check_owner
from apserver.vault import KeyPairs, Vault, new_key_pairs


@dataclass(frozen=True, slots=True)
class CreatedActor:
    """What `apserver actor create` reports. ``token`` when one was asked for."""

    actor: str
    handle: str
    inbox: str
    outbox: str
    token: str | None


class Accounts:
    """Makes actors on one origin."""

    def __init__(self, db: Database, vault: Vault, names: Names, *, handle_host: str):
        self._db = db
        self._vault = vault
        self._names = names
        self._handle_host = handle_host

    async def create_actor(
        self,
        name: str,
        *,
        type_: str = "Person",
        display_name: str | None = None,
        manual_approval: bool = False,
        token: bool = False,
    ) -> CreatedActor:
        """A new actor with its keys and collections. Refused when the name cannot be had."""
        if not is_local_name(name):
            raise Refused(
                f"{name!r} cannot be a name: use 1 to 30 letters, digits and underscores."
            )
        if fold_name(name) == INSTANCE:
            raise Refused(f"The name {name} is the server's own. Choose another.")
        if len(display_name or "") > limits.DISPLAY_NAME:
            raise Refused(f"A display name may have {limits.DISPLAY_NAME} characters.")
        keys = await new_key_pairs()
        secret = new_token() if token else None

        async def work(conn: Connection) -> bool:
            made = await self.insert(
                conn, name, type_, display_name, manual_approval=manual_approval, keys=keys
            )
            if made and secret is not None:
                key_ = key_of(self._names.actor(name))
                await access.insert_token(conn, hash_token(secret), key_, USUAL)
            return made

        if not await self._db.transaction(work):
            raise Refused(
                f"The name {name} is taken, by an actor or by one that was deleted. Choose another."
            )
        id_ = self._names.actor(name)
        return CreatedActor(
            actor=id_,
            handle=handle(name, self._handle_host),
            inbox=collection_id(id_, "inbox"),
            outbox=collection_id(id_, "outbox"),
            token=secret,
        )

    async def claim(self) -> None:
        """Take the database for this origin, and make the instance actor at the first start.

        ConfigProblem when the database belongs to another origin: every id in it would be wrong.
        """
        keys = await new_key_pairs()

        async def work(conn: Connection) -> None:
            origin, host = await access.claim_database(conn, self._names.origin, self._handle_host)
            check_owner(origin, host, configured=(self._names.origin, self._handle_host))
            if await actors.actor_by_key(conn, key_of(self._names.instance)) is None:
                await self.insert(conn, INSTANCE, "Application", None, keys=keys)
            await key_pairs.prune_retired(conn)

        await self._db.transaction(work)

    async def insert(
        self,
        conn: Connection,
        name: str,
        type_: str,
        display_name: str | None,
        *,
        keys: KeyPairs,
        manual_approval: bool = False,
        thing: str | None = None,
    ) -> bool:
        """Add an actor with its keys and collections, in the transaction of the caller; False when
        the name is taken. ``thing`` is what it stands for on a site."""
        actor = self._row(
            name, type_, display_name, keys=keys, manual_approval=manual_approval, thing=thing
        )
        if not await actors.insert_own_actor(conn, actor):
            return False
        await key_pairs.put(conn, sealed_keys(self._vault, actor, keys))
        for one in COLLECTIONS:
            id_ = collection_id(actor.id, one)
            await collections.insert_collection(
                conn, key=key_of(id_), id=id_, owner=actor.key, name=one
            )
        return True

    def _row(
        self,
        name: str,
        type_: str,
        display_name: str | None,
        *,
        keys: KeyPairs,
        manual_approval: bool,
        thing: str | None,
    ) -> Actor:
        id_ = self._names.actor(name)
        document = own_actor(
            self._names,
            name=name,
            handle_host=self._handle_host,
            type_=type_,
            display_name=display_name,
            manual_approval=manual_approval,
            keys=public_keys(keys),
            published=stamp(datetime.now(UTC)),
            thing=thing,
        )
        host = host_of(id_)
        return Actor(
            key=key_of(id_),
            id=id_,
            ours=True,
            type=type_,
            host=host,
            bucket=bucket_of(host),
            name=name,
            inbox=collection_id(id_, "inbox"),
            shared_inbox=self._names.shared_inbox,
            followers=collection_id(id_, "followers"),
            manual_approval=manual_approval,
            document=render(document),
            folded_name=fold_name(name),
            handle_host=self._handle_host,
        )
