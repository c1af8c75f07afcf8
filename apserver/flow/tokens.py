"""Bearer tokens of actors of ours: made, listed and revoked by whoever runs the server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from apserver.core.names import INSTANCE
from apserver.core.origin import fold_name
from apserver.core.scopes import Scope
from apserver.errors import Refused
from apserver.flow.own_actors import find_person, known_actor
from apserver.identifiers import hash_token, new_token
from apserver.store import access
from apserver.store.access import TOKEN_ID, TokenRow
from apserver.store.actors import Actor
from apserver.store.db import Connection, Database


@dataclass(frozen=True, slots=True)
class CreatedToken:
    """What `apserver token create` reports. The token is shown this once; its hash is kept."""

    actor: str
    token: str
    id: str
    scopes: tuple[Scope, ...]


class Tokens:
    """The tokens of one database."""

    def __init__(self, db: Database, *, handle_host: str):
        self._db = db
        self._handle_host = handle_host

    async def create(self, name: str, scopes: Sequence[Scope]) -> CreatedToken:
        """A new token for an actor. Refused when there is no such actor."""
        secret = new_token()

        async def work(conn: Connection) -> CreatedToken:
            actor = await self._holder(conn, name, scopes)
            await access.insert_token(conn, hash_token(secret), actor.key, scopes)
            [made] = await access.tokens_from(conn, hash_token(secret))
            return CreatedToken(actor.id, secret, made.id, made.scopes)

        return await self._db.transaction(work)

    async def _holder(self, conn: Connection, name: str, scopes: Sequence[Scope]) -> Actor:
        """Whom such a token is for. What stands for the server speaks for the site that uses it."""
        if "site" not in scopes:
            if fold_name(name) == INSTANCE:
                raise Refused(
                    f"{name} is the server's own actor, and a token of it is that of a site. "
                    f"Make one with: apserver token create {INSTANCE} --scope site"
                )
            return await find_person(conn, self._handle_host, name)
        if fold_name(name) != INSTANCE:
            raise Refused(
                "Scope site is for the whole site. "
                f"Make it with: apserver token create {INSTANCE} --scope site"
            )
        if "write" in scopes:
            raise Refused("With scope site everything can be posted: leave write out.")
        return await known_actor(conn, self._handle_host, name)

    async def list(self, name: str | None) -> Sequence[TokenRow]:
        """All tokens, or those of one actor, which may be deleted; revoked ones too."""
        async with self._db.connection() as conn:
            if name is None:
                return await access.tokens_of(conn, None)
            actor = await known_actor(conn, self._handle_host, name)
            return await access.tokens_of(conn, actor.key)

    async def revoke(self, id_: str) -> TokenRow:
        """Revoke the token whose id begins so. Refused when it is none, several, or revoked."""

        async def work(conn: Connection) -> TokenRow:
            token = _only(id_, await access.tokens_from(conn, _beginning(id_)))
            await access.revoke_token(conn, token.hash)
            return token

        return await self._db.transaction(work)


def _beginning(id_: str) -> bytes:
    try:
        beginning = bytes.fromhex(id_)
    except ValueError:
        beginning = b""
    if not TOKEN_ID <= len(beginning.hex()) <= 64:
        raise Refused(
            f"{id_} is no id of a token: it has {TOKEN_ID} hexadecimal digits. "
            "See: apserver token list"
        )
    return beginning


def _only(id_: str, found: Sequence[TokenRow]) -> TokenRow:
    if not found:
        raise Refused(f"There is no token {id_}. See: apserver token list")
    if len(found) > 1:
        longer = ", ".join(one.hash.hex()[: 2 * TOKEN_ID] for one in found)
        raise Refused(f"Several tokens begin with {id_}. Give more digits, one of: {longer}")
    if found[0].revoked_at is not None:
        raise Refused(f"Token {id_} is revoked already.")
    return found[0]
