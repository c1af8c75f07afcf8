"""Actors and keys of other servers: fetched once, kept here, and believed only when shown.

A key is believed to be an actor's when the key names the actor and the actor's own document,
from the actor's own id, lists the key (see `core.key_documents`). Finding that out costs
requests, so what was found is kept, what failed is remembered for a while, and many who ask
for one key at once wait for one look-up.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from apserver.core import limits
from apserver.core.actors import Profile, parse_actor
from apserver.core.document import render
from apserver.core.key_documents import (
    KeyEntry,
    find_key,
    is_listed,
    key_document_url,
    parse_key_document,
)
from apserver.core.keys import PublicKey
from apserver.core.origin import bucket_of, host_of, key_of, same_origin
from apserver.errors import ApserverError, BadInput, Busy, NotTrusted, RemoteGone, RemoteTrouble
from apserver.net.fetch import Fetcher
from apserver.store import actors
from apserver.store.actors import Actor
from apserver.store.db import Connection, Database


@dataclass(frozen=True, slots=True)
class KnownKey:
    """A public key and the actor that it was shown to belong to."""

    owner: str
    key: PublicKey
    fetched_at: datetime


class Remote:
    """What other servers publish, as far as it is needed here."""

    def __init__(self, db: Database, fetcher: Fetcher, *, allow_http: bool):
        self._db = db
        self._fetcher = fetcher
        self._allow_http = allow_http
        self._keys: OrderedDict[str, KnownKey] = OrderedDict()
        self._failed: OrderedDict[str, tuple[float, ApserverError]] = OrderedDict()
        self._running: dict[str, asyncio.Task[KnownKey]] = {}

    async def actor(self, id_: str) -> Actor:
        """The actor with this id, from here or fetched and kept. RemoteTrouble when it cannot be.

        BadInput when what lies there is no actor.
        """
        async with self._db.connection() as conn:
            known = await actors.actor_by_key(conn, key_of(id_))
        if known is not None:
            return known
        document = await self._fetcher.document(id_)
        profile = parse_actor(document, allow_http=self._allow_http)
        await self._keep(profile, document)
        async with self._db.connection() as conn:
            kept = await actors.actor_by_key(conn, key_of(profile.id))
        assert kept is not None
        return kept

    async def key(self, key_id: str) -> KnownKey:
        """The key with this id and its owner.

        NotTrusted when there is no such key or it is not its owner's; Busy when its server does
        not answer now (KEY-08).
        """
        known = self._keys.get(key_id) or await self._stored_key(key_id)
        if known is not None:
            return known
        self._check_not_failed(key_id)
        return await self._look_up(key_id)

    async def newer_key(self, key_id: str, than: KnownKey) -> KnownKey | None:
        """The key fetched again after a signature did not fit, for it may have been replaced.

        None when it was fetched only just now (IO-20), or is the same, or cannot be had.
        """
        if datetime.now(UTC) - than.fetched_at < timedelta(seconds=limits.KEY_REFETCH_S):
            return None
        try:
            fresh = await self._look_up(key_id)
        except ApserverError:
            return None
        return None if fresh.key == than.key else fresh

    async def _stored_key(self, key_id: str) -> KnownKey | None:
        async with self._db.connection() as conn:
            row = await actors.public_key(conn, key_of(key_id))
        if row is None:
            return None
        known = KnownKey(row.owner, PublicKey.from_der(row.der), row.fetched_at)
        self._remember(key_id, known)
        return known

    async def _look_up(self, key_id: str) -> KnownKey:
        """One look-up at a time for each key; it goes on when one who waits for it gives up."""
        task = self._running.get(key_id)
        if task is None:
            task = asyncio.create_task(self._look_up_once(key_id))
            self._running[key_id] = task
            task.add_done_callback(lambda _: self._running.pop(key_id, None))
        return await asyncio.shield(task)

    async def _look_up_once(self, key_id: str) -> KnownKey:
        try:
            async with asyncio.timeout(limits.KEY_LOOKUP_S):
                entry, profile, document = await self._find(key_id)
        except (RemoteGone, BadInput, NotTrusted) as error:
            refusal = NotTrusted(
                f"key {key_id}: {error}",
                public=f"The key {key_id} could not be shown to belong to an actor: {error.public}",
            )
            raise self._fail(key_id, refusal) from error
        except (RemoteTrouble, TimeoutError) as error:
            busy = Busy(
                f"key {key_id}: {error or 'no answer in time'}",
                public=f"The key {key_id} could not be fetched. Try again later.",
            )
            raise self._fail(key_id, busy) from error
        await self._keep(profile, document, entry)
        known = KnownKey(entry.owner, entry.key, datetime.now(UTC))
        self._failed.pop(key_id, None)
        self._remember(key_id, known)
        return known

    async def _find(self, key_id: str) -> tuple[KeyEntry, Profile, Mapping[str, Any]]:
        """The key, and the document of its owner, in at most two fetches."""
        url = key_document_url(key_id)
        document = await self._fetcher.any_document(url)
        entry = find_key(parse_key_document(document), key_id)
        if not same_origin(entry.owner, url):
            raise NotTrusted("The key and its owner are not of one origin.")
        if entry.owner != url:
            document = await self._fetcher.document(entry.owner)
        if not is_listed(entry, document):
            raise NotTrusted("The owner that the key names does not list the key.")
        return entry, parse_actor(document, allow_http=self._allow_http), document

    async def _keep(
        self, profile: Profile, document: Mapping[str, Any], entry: KeyEntry | None = None
    ) -> None:
        async def work(conn: Connection) -> None:
            await actors.put_remote_actor(conn, _row(profile, document))
            if entry is not None:
                await actors.put_public_key(
                    conn,
                    key=key_of(entry.id),
                    key_id=entry.id,
                    owner=entry.owner,
                    der=entry.key.spki,
                )

        await self._db.transaction(work)

    def _remember(self, key_id: str, known: KnownKey) -> None:
        self._keys[key_id] = known
        while len(self._keys) > limits.KEYS_CACHED:
            self._keys.popitem(last=False)

    def _fail(self, key_id: str, error: ApserverError) -> ApserverError:
        until = asyncio.get_running_loop().time() + limits.NEGATIVE_CACHE_S
        if isinstance(error, Busy):
            until = asyncio.get_running_loop().time() + limits.NEGATIVE_CACHE_BUSY_S
        self._failed[key_id] = (until, error)
        while len(self._failed) > limits.NEGATIVE_CACHE_ROWS:
            self._failed.popitem(last=False)
        return error

    def _check_not_failed(self, key_id: str) -> None:
        until, error = self._failed.get(key_id, (0.0, None))
        if error is not None and until > asyncio.get_running_loop().time():
            raise error


def _row(profile: Profile, document: Mapping[str, Any]) -> Actor:
    host = host_of(profile.inbox)
    return Actor(
        key=key_of(profile.id),
        id=profile.id,
        ours=False,
        type=profile.type,
        host=host,
        bucket=bucket_of(host),
        name=profile.name,
        inbox=profile.inbox,
        shared_inbox=profile.shared_inbox,
        followers=profile.followers,
        manual_approval=profile.manual_approval,
        document=render(document),
    )
