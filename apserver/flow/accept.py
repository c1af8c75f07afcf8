"""The door of the inbox: from a request to a stored activity.

Cheap refusals come first, a look-up at another server as late as possible, and nothing is
stored before it is known who sent it (decisions, "Accepting"):

    digest over the raw bytes -> strict parse -> a deletion of somebody unknown: done ->
    key by id -> signature -> the actor is the signer -> origins of the ids -> stored

A document that redefines our terms says something only once it is compacted, and that is dear:
it is done for those alone who have shown who they are (`flow.reading`).

Everything up to here is answered with 4xx and leaves no trace in the database. What can only
be judged with stored facts is judged later, when the activity is applied.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from apserver import telemetry
from apserver.core import limits
from apserver.core.audience import Audience
from apserver.core.document import parse, render
from apserver.core.intake import take_in
from apserver.core.model import Activity, VerifiedActivity, authenticate, parse_activity
from apserver.core.names import Names
from apserver.core.origin import digest_key, host_of, key_of, same_origin
from apserver.core.rate_limit import RateLimiter, policies_of_signers
from apserver.core.signatures import Request, check_digest, check_fresh, read_claim, verify
from apserver.core.signatures.message import Claim
from apserver.errors import Forbidden, NotTrusted
from apserver.flow.arrivals import arrival_of
from apserver.flow.doors import Doors
from apserver.flow.heard import Heard
from apserver.flow.live_rules import LiveRules
from apserver.flow.lookup import Lookups
from apserver.flow.passed_on import PassedOn
from apserver.flow.reading import DocumentReader
from apserver.flow.remote import KnownKey, Remote
from apserver.flow.rounds import Rounds
from apserver.flow.screening import Screen
from apserver.net.budget import Budget
from apserver.store import actors, inboxes
from apserver.store.actors import Actor
from apserver.store.db import Connection, Database
from apserver.store.inboxes import Arrival


class Acceptor:
    """Takes what other servers post to the inboxes here."""

    def __init__(
        self,
        db: Database,
        remote: Remote,
        live: LiveRules,
        lookups: Lookups,
        *,
        names: Names,
        reader: DocumentReader,
        screen: Screen,
        allow_http: bool,
        per_minute: int,
    ):
        self._db = db
        self._remote = remote
        self._live = live
        self._names = names
        self._reader = reader
        self._screen = screen
        passed_on = PassedOn(remote, reader, origin=names.origin, allow_http=allow_http)
        self.doors = Doors(passed_on=passed_on, reader=reader, live=live, screen=screen)
        self._allow_http = allow_http
        self._actors = RateLimiter(policies_of_signers("actor", per_minute))
        a_host = limits.HOST_SHARE * per_minute
        self._hosts = RateLimiter(policies_of_signers("host", a_host))
        self._rounds: Rounds[Arrival, None] = Rounds(self._write)
        self._lookups = lookups
        self._heard = Heard(db)

    async def take(self, request: Request, *, owner: str | None) -> bool:
        """Store the activity in this request; returns after the commit.

        ``owner`` is the actor whose inbox it is, None for the shared one. False means: taken,
        and nothing to do. Raises BadInput, NotTrusted, Forbidden or Busy, with nothing stored.
        """
        now = datetime.now(UTC)
        claim = read_claim(request)
        self._live.check(claim.key_id)
        check_fresh(claim, now=now)
        check_digest(request, claim)
        signature = digest_key(claim.signature)
        document = parse(request.body)
        redefines = self._reader.redefines(document)
        if not redefines and await self._is_end_of_a_stranger(document):
            return False
        budget = Budget()
        try:
            known = await self._signing_key(claim, now, budget)
        except NotTrusted:
            end = None if redefines else await self._confirmed_end(document, claim, now, budget)
            if end is None:
                raise
            if await self._is_end_of_a_stranger(document):
                return False  # as we have just found out by asking for its key
            if await self._screen.refuses(end):
                return False
            author = await self._author(end.actor, claim, budget)
            await self._rounds.add(
                arrival_of(end, author, request.body, signature=signature, owner=owner)
            )
            return True
        self._count(known.owner)
        if redefines:
            document = await self._reader.compacted(document, request.body)
        document = take_in(document)
        activity = parse_activity(document, signer=known.owner)
        if same_origin(known.owner, self._names.origin):
            raise Forbidden("Actors of this server post to their outbox.")
        if any(self._is_barred(one, activity) for one in {known.owner, activity.actor}):
            return False
        body, told, carrier = request.body, render(document) if redefines else None, None
        if activity.actor == known.owner:
            verified = authenticate(activity, known.owner, allow_http=self._allow_http)
        else:
            confirmed = await self.doors.passed_on.confirm(
                activity, request.body, budget, redefines=redefines
            )
            verified, body, told = confirmed.activity, confirmed.body, confirmed.told
            carrier = host_of(known.owner)
            if owner is not None and not _is_for(owner, verified.audience):
                owner = None
        await self._remote.keep(claim.key_id, known, budget)
        if await self._screen.refuses(verified):
            return False
        author = await self._author(verified.actor, claim, budget)
        arrival = arrival_of(verified, author, body, signature=signature, owner=owner)
        await self._rounds.add(replace(arrival, compacted=told, carrier=carrier))
        await self._heard.speaks(host_of(known.owner))
        return True

    async def signer(self, claim: Claim, *, now: datetime) -> str:
        """The actor whose key signed the request that makes this claim; Forbidden when we do not
        deal with it."""
        budget = Budget()
        known = await self._signing_key(claim, now, budget)
        self._count(known.owner)
        if self._live.barred(known.owner):
            raise Forbidden(f"{known.owner} is suspended here.")
        await self._remote.keep(claim.key_id, known, budget)
        return known.owner

    def _count(self, signer: str) -> None:
        """RateLimited when an actor, or all of its host, asks too often, from wherever.

        Counted is who has signed: nobody can use up what is another's.
        """
        now = asyncio.get_running_loop().time()
        self._actors.take(signer, now).check()
        self._hosts.take(host_of(signer), now).check()

    async def _signing_key(self, claim: Claim, now: datetime, budget: Budget) -> KnownKey:
        """The key that the signature fits. A replaced key is fetched once (KEY-05)."""
        known = await self._remote.key(claim.key_id, budget)
        try:
            verify(claim, known.key, now=now)
        except NotTrusted:
            newer = await self._remote.newer_key(claim.key_id, known, budget)
            if newer is None:
                raise
            verify(claim, newer.key, now=now)
            return newer
        return known

    def _is_barred(self, actor: str, activity: Activity) -> bool:
        """Whether it does not count since this actor made or brings it, of whom nothing counts
        (IO-26, CVE-2026-23961) or nothing of this kind."""
        reason = self._live.barred(actor) or self._live.unheard(activity, by=actor)
        if reason is not None:
            telemetry.count(telemetry.APPLIED, reason)
            telemetry.event("activity without effect", actor=actor, reason=reason)
        return reason is not None

    async def close(self) -> None:
        """Wait for what is being stored."""
        await self._rounds.close()
        self._screen.close()

    async def _is_end_of_a_stranger(self, document: dict[str, object]) -> bool:
        """A server tells everybody it ever met that an account is gone. Whom we never met needs
        no work, least of all the fetch of a key that is gone too (IO-25, KEY-07)."""
        activity = parse_activity(document, signer="")
        if activity.type != "Delete" or not activity.is_about_itself:
            return False
        async with self._db.connection() as conn:
            known = await actors.actor_by_key(conn, key_of(activity.actor))
        return known is None or known.gone_at is not None

    async def _confirmed_end(
        self, document: dict[str, object], claim: Claim, now: datetime, budget: Budget
    ) -> VerifiedActivity | None:
        """The Delete of an actor by itself whose key cannot be had, as it is gone with the actor:
        believed when the actor's own server says that it is gone (KEY-07); that nothing is there is
        enough when the signature fits the key that we had of it."""
        activity = parse_activity(take_in(document), signer="")
        if activity.type != "Delete" or not activity.is_about_itself:
            return None
        proven = await self._fits_kept_key(claim, activity.actor, now)
        if not await self._remote.is_gone(activity.actor, budget, proven=proven):
            return None
        return authenticate(activity, activity.actor, allow_http=self._allow_http)

    async def _fits_kept_key(self, claim: Claim, actor: str, now: datetime) -> bool:
        known = await self._remote.kept_key(claim.key_id)
        if known is None or known.owner != actor:
            return False
        try:
            verify(claim, known.key, now=now)
        except NotTrusted:
            return False
        return True

    async def _author(self, actor: str, claim: Claim, budget: Budget) -> Actor:
        """The actor as it is known here. NotTrusted when it deleted itself: it is heard again only
        when its document is back."""
        known = await self._lookups.actors.get(key_of(actor))
        if known is None:  # pruned since the key came into the memory of this process
            return await self._remote.actor(actor, budget)
        if known.gone_at is not None:
            self._remote.forget_key(claim.key_id)
            raise NotTrusted(f"{actor} is gone", public="This actor was deleted.")
        return known

    async def _write(self, arrivals: Sequence[Arrival]) -> list[None]:
        async def work(conn: Connection) -> None:
            await inboxes.accept(conn, arrivals)

        await self._db.transaction(work, single=True)
        return [None] * len(arrivals)


def _is_for(owner: str, audience: Audience) -> bool:
    """Whether an actor may have what somebody else brings: what is for everybody, or for it."""
    return audience.is_public or owner in audience.everyone
