"""An actor of ours gets new keys.

Other servers hold the old key and believe the new one only when shown. Two things show it. The
actor's document has the new key from the moment of the change, and whoever finds that a signature
does not fit fetches it again. And followers are told by an Update of the actor that is signed
under the *old* key, so that it is believed without a fetch, and nobody takes the change for that
of another owner (KEY-10; Mastodon follows anew when all keys change unannounced, interop 1.3).

So the old private key has one thing left to sign, and is kept for that as long as a delivery may
take. The ids of the keys stay: many servers know a key by its id alone, and ask again at it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from apserver.core.actors import OwnKeys, key_members
from apserver.core.document import parse, render
from apserver.core.drafts import NewIds, draft
from apserver.core.model import Activity
from apserver.core.names import Names, collection_id, key_id
from apserver.core.registry import Registry
from apserver.core.vocabulary import PUBLIC
from apserver.errors import Refused
from apserver.flow.batch import Drafted
from apserver.flow.own_actors import find_actor
from apserver.flow.publish import publish
from apserver.identifiers import uuid7
from apserver.store import actors, key_pairs
from apserver.store.actors import Actor
from apserver.store.db import Connection, Database
from apserver.store.key_pairs import SealedKey
from apserver.vault import KeyPairs, Vault, new_key_pairs


@dataclass(frozen=True, slots=True)
class RotatedKey:
    """What `apserver actor rotate-key` reports: whose key is new, and its id, the old one."""

    actor: str
    key_id: str


class KeyRotation:
    """Gives new keys to actors of one origin."""

    def __init__(self, db: Database, vault: Vault, names: Names, *, handle_host: str):
        self._db = db
        self._vault = vault
        self._names = names
        self._handle_host = handle_host

    async def rotate(self, name: str) -> RotatedKey:
        """New key pairs for an actor, and the Update that says so. Refused when there is none."""
        keys = await new_key_pairs()
        activity_id, now = self._names.activity(uuid7()), datetime.now(UTC)

        async def work(conn: Connection) -> RotatedKey:
            actor = await find_actor(conn, self._handle_host, name)
            before = await actors.lock_own_document(conn, actor.key)
            if before is None:
                raise Refused(f"{name} was deleted a moment ago.")
            document = parse(before) | key_members(actor.id, public_keys(keys))
            await actors.set_own_document(conn, actor.key, render(document))
            update = Drafted(activity=_update(document, activity_id), now=now)
            row = await publish(conn, update, names=self._names, registry=Registry())
            sealed = sealed_keys(self._vault, actor, keys)
            await key_pairs.replace(conn, sealed, announced_by=row.key)
            await key_pairs.prune_retired(conn)
            return RotatedKey(actor.id, key_id(actor.id))

        return await self._db.transaction(work)


def public_keys(keys: KeyPairs) -> OwnKeys:
    """The public halves."""
    return OwnKeys(keys.rsa.public(), keys.ed25519.public())


def sealed_keys(vault: Vault, actor: Actor, keys: KeyPairs) -> list[SealedKey]:
    """The key pairs as rows, the private halves sealed."""
    return [
        SealedKey(actor.key, key.kind, key_id(actor.id, key.kind), vault.seal(key, actor.id))
        for key in (keys.rsa, keys.ed25519)
    ]


def _update(document: dict[str, Any], activity_id: str) -> Activity:
    """Update with the whole actor in it (interop 2.2, 4: some look at nothing else)."""
    id_ = str(document["id"])
    update = {
        "@context": document["@context"],
        "type": "Update",
        "actor": id_,
        "object": {name: value for name, value in document.items() if name != "@context"},
        "to": [PUBLIC],
        "cc": [collection_id(id_, "followers")],
    }
    ids = NewIds(activity_id, id_)
    return draft(update, actor=id_, ids=ids, now=datetime.now(UTC), checked=False)
