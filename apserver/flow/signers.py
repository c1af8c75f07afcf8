"""Who signs what we send: the keys of our actors, opened.

They are asked for each time, since a command may give an actor a new key while the server runs;
what is dear, opening a sealed key, is kept by the vault.
"""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from apserver.core.names import Names
from apserver.core.origin import key_of
from apserver.net.knock import Signer
from apserver.store import key_pairs
from apserver.store.db import Connection, Database
from apserver.store.key_pairs import SigningKey
from apserver.vault import Vault

#: An activity that an actor of ours sends: the keys of the actor and of the activity.
Sent = tuple[UUID, UUID]


class Signers:
    """The signers of one origin."""

    def __init__(self, db: Database, vault: Vault, names: Names):
        self._db = db
        self._vault = vault
        self._names = names

    async def instance(self) -> Signer:
        """The instance actor, in whose name documents are fetched."""
        return await self.actor(key_of(self._names.instance))

    async def actor(self, actor: UUID) -> Signer:
        """An actor of ours, by its key in the database."""
        async with self._db.connection() as conn:
            [key] = await key_pairs.signing_keys(conn, [actor])
        return self._opened(key)

    async def of(self, conn: Connection, sent: Collection[Sent]) -> dict[Sent, list[Signer]]:
        """Who signs each of these: the actor's key, and before it, where there is one, the
        retired key that the activity is announced under. An actor without a key has no entry."""
        senders, activities = {one[0] for one in sent}, {one[1] for one in sent}
        keys = await key_pairs.signing_keys(conn, list(senders), for_activities=list(activities))
        current = {key.actor: self._opened(key) for key in keys if key.only_for is None}
        retired = {(key.actor, key.only_for): self._opened(key) for key in keys if key.only_for}
        return {
            (sender, activity): [
                *([retired[sender, activity]] if (sender, activity) in retired else []),
                current[sender],
            ]
            for sender, activity in sent
            if sender in current
        }

    def _opened(self, key: SigningKey) -> Signer:
        return Signer(key.key_id, self._vault.open(key.private, key.actor_id))
