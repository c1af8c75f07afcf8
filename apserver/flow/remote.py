"""Actors and keys of other servers: fetched once, kept here, and believed only when shown.

A key is believed to be an actor's when the key names the actor and the actor's own document,
from the actor's own id, lists the key (see `core.key_documents`). Finding that out costs
requests, so what was found is kept, what failed is remembered for a while, and many who ask
for one key at once wait for one look-up. That one is paid from the budget of who came first.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from apserver.core import limits
from apserver.core.actors import Profile, parse_actor
from apserver.core.document import types_of
from apserver.core.effects import PutActor
from apserver.core.key_documents import (
    KeyEntry,
    find_key,
    is_listed,
    key_document_url,
    parse_key_document,
)
from apserver.core.keys import PublicKey
from apserver.core.origin import key_of, same_origin
from apserver.core.vocabulary import COLLECTION_TYPES
from apserver.errors import (
    ApserverError,
    Astray,
    BadInput,
    Busy,
    NotTrusted,
    RemoteGone,
    RemoteTrouble,
    Unreachable,
)
from apserver.flow.failures import Failures
from apserver.flow.gone import GoneActors
from apserver.flow.key_documents import KeyDocuments
from apserver.flow.live_rules import LiveRules
from apserver.net.budget import Budget
from apserver.net.fetch import AskSigner, Fetcher
from apserver.store import actors
from apserver.store.actors import Actor
from apserver.store.db import Connection, Database
from apserver.store.others import put_actor

#: Gets what lies at a URL.
Get = Callable[[str, Budget], Awaitable[Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class Found:
    """What showed that a key is its owner's: the key, and the owner's document."""

    entry: KeyEntry
    profile: Profile
    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class KnownKey:
    """A public key and the actor that it was shown to belong to.

    ``held`` tells that a signature by it has held; then it is in the database (`Remote.keep`).
    Until then ``found`` is what goes there, unless it had to make room for that of others.
    ``seen_at`` is when this process last had it from the database or from its server, and
    ``asked_again_at`` when a signature last did not fit, and the key was asked for again.
    """

    owner: str
    key: PublicKey
    fetched_at: datetime
    seen_at: datetime
    held: bool = True
    found: Found | None = None
    asked_again_at: datetime | None = None

    def is_current(self, now: datetime) -> bool:
        """Whether it counts without a look into the database. An Update of its owner, or another
        worker, may have replaced it; what no signature has held by is not there at all."""
        seconds = limits.KEY_MEMORY_S if self.held else limits.KEY_REFETCH_S
        return now - self.seen_at < timedelta(seconds=seconds)

    def is_old(self, now: datetime) -> bool:
        """Whether its server is to be asked if it is still the owner's: it may have been stolen,
        and replaced without a word to us."""
        return now - self.fetched_at >= timedelta(seconds=limits.KEY_AGE_S)

    def may_be_asked_again(self, now: datetime) -> bool:
        """Whether a signature that does not fit is worth a fetch: the key may have been replaced.

        Once in `limits.KEY_REFETCH_S` at most, and no sooner than that after the first fetch
        unless a signature has held since: else the key is not the one that is wrong.
        """
        first = None if self.held else self.fetched_at
        asked = [at for at in (first, self.asked_again_at) if at is not None]
        return not asked or now - max(asked) >= timedelta(seconds=limits.KEY_REFETCH_S)


class Remote:
    """What other servers publish, as far as it is needed here."""

    def __init__(self, db: Database, fetcher: Fetcher, live: LiveRules, *, allow_http: bool):
        self._db = db
        self._fetcher = fetcher
        self._live = live
        self._allow_http = allow_http
        self._keys: OrderedDict[str, KnownKey] = OrderedDict()
        self._found: OrderedDict[str, None] = OrderedDict()  # keys whose document is at hand
        self._failures = Failures()
        self._gone = GoneActors(db)
        self._key_documents = KeyDocuments(fetcher, self._failures)
        self._running: dict[str, asyncio.Task[KnownKey]] = {}

    async def actor(self, id_: str, budget: Budget) -> Actor:
        """The actor with this id, from here or fetched and kept. RemoteTrouble when it cannot be.

        BadInput when what lies there is no actor. Either is remembered, and raised again for a
        while without a request.
        """
        async with self._db.connection() as conn:
            known = await actors.actor_by_key(conn, key_of(id_))
        if known is not None:
            return known
        self._failures.check(f"actor {id_}")
        document = await self.document(id_, budget)
        try:
            return await self.keep_actor(document)
        except BadInput as error:
            self._failures.remember(f"actor {id_}", error)
            raise

    async def addressee(
        self, id_: str, budget: Budget, *, in_name_of: AskSigner
    ) -> Actor | Mapping[str, Any]:
        """The actor with this id; or the collection that lies there, as it is shown to one of ours
        (ActivityPub 7.1).

        RemoteTrouble when it cannot be had now, BadInput when it is neither. Nothing of that is
        remembered: others may be shown something else.
        """
        async with self._db.connection() as conn:
            known = await actors.actor_by_key(conn, key_of(id_))
        if known is not None:
            return known
        try:
            document = await self._fetcher.document(id_, budget)
        except Unreachable:
            raise
        except RemoteTrouble:
            document = None  # not for the server itself; perhaps for the one who addresses it
        if document is None or _is_collection(document):
            document = await self._fetcher.in_name_of(in_name_of).document(id_, budget)
        return document if _is_collection(document) else await self.keep_actor(document)

    async def page(self, id_: str, budget: Budget, *, in_name_of: AskSigner) -> Mapping[str, Any]:
        """A page of such a collection; raises as `document`."""
        return await self._fetcher.in_name_of(in_name_of).document(id_, budget)

    async def keep_actor(self, document: Mapping[str, Any]) -> Actor:
        """Store the actor in a document that was fetched by its id; BadInput when it is none."""
        profile = parse_actor(document, allow_http=self._allow_http)
        await self._store(profile, document)
        async with self._db.connection() as conn:
            kept = await actors.actor_by_key(conn, key_of(profile.id))
        assert kept is not None
        return kept

    async def document(self, id_: str, budget: Budget, *, anew: bool = False) -> Mapping[str, Any]:
        """The document with this id, fetched. RemoteTrouble or BadInput when there is none, which
        is remembered for a while too.

        ``anew`` asks in any case: its own server has just named it, and somebody else may have made
        us ask for it before it was there.
        """
        name = f"document {id_.partition('#')[0]}"
        if not anew:
            self._failures.check(name)
        try:
            document = await self._fetcher.document(id_, budget)
        except ApserverError as error:
            self._failures.remember(name, error)
            if isinstance(error, RemoteGone):
                await self._gone.saw(id_, error)
            raise
        self._failures.forget(name)
        return document

    async def key(self, key_id: str, budget: Budget) -> KnownKey:
        """The key with this id and its owner.

        NotTrusted when there is no such key or it is not its owner's; DomainBlocked when we do not
        deal with its server; Busy when that does not answer now (KEY-08).
        """
        self._live.check(key_id)
        now = datetime.now(UTC)
        known = self._keys.get(key_id)
        if known is None or not known.is_current(now):
            known = await self._stored_key(key_id, known)
        if known is not None and not known.is_old(now):
            return known
        try:
            self._failures.check(f"key {key_id}")
            self._check_worth_asking(key_id)
            return await self._look_up(key_id, budget)
        except Busy:
            if known is None:
                raise
            return known

    async def is_gone(self, actor: str, budget: Budget, *, proven: bool) -> bool:
        """Whether its own server says that the actor is not there any more, when somebody says so.

        Without proof that it is the actor who says so only 410 counts: 404 may be a mistake of a
        server that is being mended. What is no end is remembered for a while: anybody can make us
        ask.
        """
        name = f"end of {actor}"
        try:
            if not proven:
                self._failures.check(name)
            await self._fetcher.document(actor, budget)
        except RemoteGone as error:
            if error.for_good or proven:
                return True
        except ApserverError:
            return False
        self._failures.remember(name, NotTrusted(f"{actor} is not gone for good"))
        return False

    async def kept_key(self, key_id: str) -> KnownKey | None:
        """The key as it is in the database, however old it is; None when it is not."""
        async with self._db.connection() as conn:
            row = await actors.public_key(conn, key_of(key_id))
        if row is None:
            return None
        at = row.fetched_at
        return KnownKey(row.owner, PublicKey.from_der(row.der), at, seen_at=at)

    async def newer_key(self, key_id: str, than: KnownKey, budget: Budget) -> KnownKey | None:
        """The key fetched again after a signature did not fit, for it may have been replaced.

        None when it was asked for only just now (IO-20), or is the same, or cannot be had.
        """
        now = datetime.now(UTC)
        latest = self._keys.get(key_id, than)
        if key_id in self._running or latest.may_be_asked_again(now):
            # Marked before it is tried: whoever sends us bad signatures must not make us ask
            # a server that is down again and again.
            self._remember(key_id, replace(latest, asked_again_at=now))
            try:
                latest = await self._look_up(key_id, budget)
            except ApserverError:
                return None
        return None if latest.key == than.key else latest

    def forget_key(self, key_id: str) -> None:
        """Fetch the key again when it is needed next."""
        self._keys.pop(key_id, None)

    async def keep(self, key_id: str, known: KnownKey, budget: Budget) -> None:
        """Put a key and its owner into the database, if they are not there.

        Called when a signature by the key has held: a request that proves nothing stores nothing.
        """
        if known.held:
            return
        found = known.found or (await self._look_up(key_id, budget)).found
        assert found is not None, "it has just been fetched"
        await self._store(found.profile, found.document, found.entry)
        latest = self._keys.get(key_id)
        if latest is not None and latest.key == known.key:
            self._remember(key_id, replace(latest, held=True, found=None))

    async def _stored_key(self, key_id: str, before: KnownKey | None) -> KnownKey | None:
        async with self._db.connection() as conn:
            row = await actors.public_key(conn, key_of(key_id))
        latest = self._keys.get(key_id)
        if latest is not before:
            return latest  # it was fetched while we asked
        if row is None:
            self.forget_key(key_id)
            return None
        asked = before.asked_again_at if before else None
        known = KnownKey(
            row.owner,
            PublicKey.from_der(row.der),
            row.fetched_at,
            seen_at=datetime.now(UTC),
            asked_again_at=asked,
        )
        self._remember(key_id, known)
        return known

    def _check_worth_asking(self, key_id: str) -> None:
        if key_id in self._running:
            return
        try:
            self._key_documents.check(key_id)
        except ApserverError as error:
            raise _as_refusal(key_id, error) from error

    async def _look_up(self, key_id: str, budget: Budget) -> KnownKey:
        """One look-up at a time for each key; it goes on when one who waits for it gives up."""
        task = self._running.get(key_id)
        if task is None:
            share = budget.part(limits.KEY_REQUESTS)
            task = asyncio.create_task(self._look_up_once(key_id, share))
            self._running[key_id] = task
            task.add_done_callback(lambda _: self._running.pop(key_id, None))
        return await asyncio.shield(task)

    async def _look_up_once(self, key_id: str, budget: Budget) -> KnownKey:
        try:
            async with asyncio.timeout(limits.KEY_LOOKUP_S):
                found = await find_owner(
                    self._fetcher,
                    key_id,
                    budget,
                    allow_http=self._allow_http,
                    get=self._key_documents.document,
                )
        except (ApserverError, TimeoutError) as error:
            refusal = _as_refusal(key_id, error)
            self._failures.remember(f"key {key_id}", refusal, cause=error)
            if isinstance(error, RemoteGone):
                await self._gone.saw(key_document_url(key_id), error)
            raise refusal from error
        before = self._keys.get(key_id)
        now = datetime.now(UTC)
        known = KnownKey(
            found.entry.owner,
            found.entry.key,
            now,
            seen_at=now,
            held=False,
            found=found,
            asked_again_at=before.asked_again_at if before else None,
        )
        self._failures.forget(f"key {key_id}")
        self._key_documents.found(key_id)
        self._remember(key_id, known)
        return known

    async def _store(
        self, profile: Profile, document: Mapping[str, Any], entry: KeyEntry | None = None
    ) -> None:
        async def work(conn: Connection) -> None:
            await put_actor(conn, PutActor(profile, document))
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
        """Keys are small; the documents of those whose signatures have not held may be large, and
        anybody can make us fetch them: only a few are kept at hand."""
        self._keys[key_id] = known
        self._found.pop(key_id, None)
        if known.found is not None:
            self._found[key_id] = None
        while len(self._found) > limits.KEY_DOCUMENTS:
            oldest, _ = self._found.popitem(last=False)
            if oldest in self._keys:
                self._keys[oldest] = replace(self._keys[oldest], found=None)
        while len(self._keys) > limits.KEYS_CACHED:
            self._keys.popitem(last=False)


def _is_collection(document: Mapping[str, Any]) -> bool:
    return not COLLECTION_TYPES.isdisjoint(types_of(document))


def _as_refusal(key_id: str, error: ApserverError | TimeoutError) -> ApserverError:
    """What a request that is signed by this key is answered, as the look-up failed so (KEY-08).

    It tells our verdict, and nothing of what the other server has said.
    """
    public = f"The key {key_id} could not be shown to belong to an actor: "
    match error:
        case NotTrusted():
            return NotTrusted(f"key {key_id}: {error}", public=public + error.public)
        case RemoteGone():
            return NotTrusted(f"key {key_id}: {error}", public=public + "nothing lies there.")
        case Astray():
            return NotTrusted(f"key {key_id}: {error}", public=public + "it leads too far.")
        case BadInput():
            return NotTrusted(
                f"key {key_id}: {error}",
                public=public + "what lies there cannot be read as the document of a key.",
            )
        case RemoteTrouble() | TimeoutError():
            return Busy(
                f"key {key_id}: {str(error) or 'no answer in time'}",
                public=f"The key {key_id} could not be fetched. Try again later.",
            )
    return error


async def find_owner(
    fetcher: Fetcher, key_id: str, budget: Budget, *, allow_http: bool, get: Get | None = None
) -> Found:
    """A key and the actor that it is shown to belong to, in at most two fetches; ``get`` does the
    first of them.

    RemoteTrouble when they cannot be had now; BadInput or NotTrusted when nothing is shown.
    """
    url = key_document_url(key_id)
    document = await (get or fetcher.any_document)(url, budget)
    entry = find_key(parse_key_document(document), key_id)
    if not same_origin(entry.owner, url):
        raise NotTrusted("The key and its owner are not of one origin.")
    if entry.owner != url:
        document = await fetcher.document(entry.owner, budget)
    if not is_listed(entry, document):
        raise NotTrusted("The owner that the key names does not list the key.")
    profile = parse_actor(document, allow_http=allow_http)
    # Known by the id that led here: only that was shown to be of this key (Fedify #963).
    return Found(replace(entry, id=key_id), profile, document)
