"""What whoever runs the server does with an account that moves: its other ids, and the Move.

Both are posted in the name of the actor, as its own client would (`core.rules.move`).
"""

from __future__ import annotations

from dataclasses import dataclass

from apserver.core.document import as_list, parse
from apserver.core.effects import Send
from apserver.errors import ApserverError, Refused
from apserver.flow.own_actors import find_person
from apserver.flow.publish import Publisher
from apserver.identifiers import uuid7
from apserver.store import actors, reached
from apserver.store.db import Connection, Database


@dataclass(frozen=True, slots=True)
class Aliases:
    """An actor and its other ids."""

    actor: str
    also_known_as: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MovedAccount:
    """An actor, where it went on, and the id of the Move that says so."""

    actor: str
    target: str
    activity: str


@dataclass(frozen=True, slots=True)
class SentProfile:
    """An actor, the Update with its profile, and to how many servers it goes besides those of its
    followers."""

    actor: str
    activity: str
    servers: int


class Moving:
    """Moves accounts of one origin, and tells where they are."""

    def __init__(self, db: Database, publisher: Publisher, *, handle_host: str):
        self._db = db
        self._publisher = publisher
        self._handle_host = handle_host

    async def alias(self, name: str, id_: str, *, remove: bool = False) -> Aliases:
        """Name ``id_`` as another id of an actor, or no longer. Refused when it is so already."""

        async def work(conn: Connection) -> Aliases:
            actor = await find_person(conn, self._handle_host, name)
            document = parse(await actors.lock_own_document(conn, actor.key) or actor.document)
            before = [one for one in as_list(document.get("alsoKnownAs")) if isinstance(one, str)]
            if (id_ in before) is not remove:
                raise Refused(f"{id_} is {'no' if remove else 'an'} alias of {name} already.")
            after = [one for one in before if one != id_] if remove else [*before, id_]
            change = {"id": actor.id, "alsoKnownAs": after or None}
            update = {"type": "Update", "actor": actor.id, "object": change}
            await self._publisher.answer(conn, Send(update))
            return Aliases(actor.id, tuple(after))

        return await self._db.transaction(work)

    async def move(self, name: str, target: str, *, again: bool = False) -> MovedAccount:
        """Move an actor to the account with this id. Refused when it has moved there already, but
        ``again`` tells its followers once more."""
        async with self._db.connection() as conn:
            actor = await find_person(conn, self._handle_host, name)
        if actor.moved_to == target and not again:
            raise Refused(
                f"{name} has moved to {target} already. To tell its followers once more, add "
                "--again"
            )
        move = {"type": "Move", "object": actor.id, "target": target}
        done = await self._publisher.post(actor.id, move)
        return MovedAccount(actor.id, target, done.id)

    async def resend(self, name: str) -> SentProfile:
        """Send the profile of an actor to all servers that ever got anything of it. Who has given
        this server up hears that it is there again (IO-100)."""

        async def work(conn: Connection) -> SentProfile:
            actor = await find_person(conn, self._handle_host, name)
            update = {"type": "Update", "actor": actor.id, "object": {"id": actor.id}}
            [outcome] = await self._publisher.answer_all(conn, [Send(update)])
            if isinstance(outcome, ApserverError):
                raise outcome
            key = outcome.row.key
            told = await reached.tell_all(conn, activity=key, sender=actor.key, order=uuid7())
            return SentProfile(actor.id, outcome.row.id or "", told)

        return await self._db.transaction(work)
