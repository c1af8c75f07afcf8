"""What somebody passes on that another did (ActivityPub 7.1.2, relays).

The carrier's signature tells nothing about that. Three things do, and the first that holds counts:

* an integrity proof by a key of the activity's own actor (FEP-8b32, `core.proofs`), for no request;
* an LD signature by such a key (`core.ld_signatures`), for a turn of the process that knows
  JSON-LD; read is then what was signed, and not the text around it;
* the activity as its own origin serves it under its id, for a request.

Whose key it is, is shown as for every other key (`flow.remote`). Some things nobody passes on: what
concerns two, or what an actor does to itself, may be proved or lie at its origin long after it
stopped being true. The Undo of one Like stays true.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from apserver import telemetry
from apserver.core.document import render
from apserver.core.intake import take_in
from apserver.core.keys import PublicKey
from apserver.core.ld_signatures import read_ld_signature
from apserver.core.model import (
    MUTATIONS,
    Activity,
    VerifiedActivity,
    authenticate,
    parse_activity,
)
from apserver.core.origin import check_id, same_origin
from apserver.core.proofs import read_proof
from apserver.core.rules.announced import undoes_like
from apserver.core.strict_json import read_json
from apserver.errors import ApserverError, BadInput, Forbidden, NotTrusted, RemoteTrouble
from apserver.flow.reading import DocumentReader
from apserver.flow.remote import Remote
from apserver.net.budget import Budget

#: What one actor says to another, or does to a relation between two.
_FIRST_HAND = frozenset({"Follow", "Accept", "Reject", "Undo", "Block", "Move"})


@dataclass(frozen=True, slots=True)
class Confirmed:
    """An activity that its actor is shown to have done, and the bytes that show it.

    ``told`` is what those say by JSON-LD, when their text may say more.
    """

    activity: VerifiedActivity
    body: bytes
    told: bytes | None = None


class PassedOn:
    """Finds out whether an actor did what another brings."""

    def __init__(self, remote: Remote, reader: DocumentReader, *, origin: str, allow_http: bool):
        self._remote = remote
        self._reader = reader
        self._origin = origin
        self._allow_http = allow_http

    async def confirm(
        self, activity: Activity, body: bytes, budget: Budget, *, redefines: bool
    ) -> Confirmed:
        """What its actor is shown to have done under this id.

        ``redefines``: its text says something else than JSON-LD does, so a proof of the text is no
        proof of what is read. Forbidden when nothing shows it, or nobody may pass it on.
        """
        self._check_may_be_passed_on(activity)
        confirmed = await self._confirmed(activity, body, budget, redefines=redefines)
        self._check_may_be_passed_on(confirmed.activity)  # its origin may call it something else
        return confirmed

    async def _confirmed(
        self, activity: Activity, body: bytes, budget: Budget, *, redefines: bool
    ) -> Confirmed:
        ways = [self._by_ld_signature] if redefines else [self._by_proof, self._by_ld_signature]
        for way in ways:
            try:
                confirmed = await way(activity, body, budget)
            except ApserverError as error:
                telemetry.detail("proof not taken", activity=activity.id, reason=error)
                continue
            if confirmed is not None:
                return confirmed
        return await self._by_origin(activity, budget)

    def _check_may_be_passed_on(self, activity: Activity) -> None:
        changes_itself = activity.type in MUTATIONS and activity.is_about_itself
        is_first_hand = activity.type in _FIRST_HAND and not undoes_like(activity)
        if is_first_hand or changes_itself:
            raise Forbidden(
                f"{activity.type} of {activity.actor}, passed on by another",
                public=f"{activity.type} is taken only from its own actor.",
            )
        if same_origin(activity.actor, self._origin):
            raise Forbidden("Nobody brings this server what its own actors do.")

    async def _by_proof(self, activity: Activity, body: bytes, budget: Budget) -> Confirmed | None:
        proof = read_proof(read_json(body), now=datetime.now(UTC))
        if proof is None:
            return None
        await self._check_key(proof.key_id, activity.actor, proof.is_by, budget)
        verified = authenticate(activity, activity.actor, allow_http=self._allow_http)
        return Confirmed(verified, body)

    async def _by_ld_signature(
        self, activity: Activity, body: bytes, budget: Budget
    ) -> Confirmed | None:
        signature = read_ld_signature(read_json(body))
        if signature is None:
            return None
        known = await self._remote.key(signature.key_id, budget)
        _check_owner(known.owner, activity.actor)  # before the work that is dear
        signed, document = await self._reader.signed_form(body)
        await self._check_key(
            signature.key_id, activity.actor, lambda key: signature.is_by(key, signed), budget
        )
        told = parse_activity(take_in(document))
        if (told.id, told.actor) != (activity.id, activity.actor):
            raise NotTrusted("What was signed is another activity than the text shows.")
        verified = authenticate(told, activity.actor, allow_http=self._allow_http)
        return Confirmed(verified, body, render(document))

    async def _check_key(
        self, key_id: str, actor: str, is_by: Callable[[PublicKey], bool], budget: Budget
    ) -> None:
        """Raise NotTrusted unless it was made with that key, and the key is the actor's. The actor
        and its key are kept then. A replaced key is fetched once (KEY-05)."""
        known = await self._remote.key(key_id, budget)
        _check_owner(known.owner, actor)
        if not is_by(known.key):
            newer = await self._remote.newer_key(key_id, known, budget)
            if newer is None or newer.owner != actor or not is_by(newer.key):
                raise NotTrusted("The proof does not fit the document and the key.")
            known = newer
        await self._remote.keep(key_id, known, budget)

    async def _by_origin(self, activity: Activity, budget: Budget) -> Confirmed:
        """As it is served under its id, where it must be its actor's."""
        try:
            id_ = check_id(activity.id, allow_http=self._allow_http)
            if not same_origin(id_, activity.actor) or same_origin(id_, self._origin):
                raise BadInput("The id of the activity is not of its actor's origin.")
            document = await self._remote.document(id_, budget)
            fetched = parse_activity(document)
            if (fetched.id, fetched.actor) != (id_, activity.actor):
                raise BadInput("Its origin serves something else under its id.")
            await self._remote.actor(fetched.actor, budget)
        except (BadInput, RemoteTrouble) as error:
            raise Forbidden(
                f"{activity.id} of {activity.actor}, passed on by another: {error}",
                public="The actor of the activity is not the one who signed the request, "
                "and its origin does not confirm it.",
            ) from error
        verified = authenticate(fetched, fetched.actor, allow_http=self._allow_http)
        return Confirmed(verified, render(document))


def _check_owner(owner: str, actor: str) -> None:
    if owner != actor:
        raise NotTrusted("The proof is by a key of somebody else than the actor.")
