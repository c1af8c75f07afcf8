"""Who signs in, in a browser: with the password of an actor of ours, for a session.

A session is a random token in a cookie; its SHA-256 is all that is kept here. A new one is made at
each login, so nobody can be given a session before (session fixation). It ends when somebody signs
out, when the password is changed, when the actor is suspended or deleted, when it is not used for
two weeks, and after three months in any case.

Tries are counted by address and by name, right or wrong, before anything else is looked at. So
somebody who knows a name can keep its owner from signing in anew for some minutes; who is signed in
does not notice.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from apserver import telemetry
from apserver.core import limits
from apserver.core.origin import fold_name
from apserver.core.passwords import check_password
from apserver.core.rate_limit import Policy, RateLimiter
from apserver.flow.own_actors import find_person
from apserver.identifiers import hash_token, new_session
from apserver.passwords import Passwords
from apserver.store import logins
from apserver.store.db import Connection, Database
from apserver.store.logins import Session


@dataclass(frozen=True, slots=True)
class ChangedPassword:
    """What `apserver actor password` reports."""

    actor: str
    sessions_ended: int


class Logins:
    """The logins of one database."""

    def __init__(self, db: Database, *, handle_host: str):
        self._db = db
        self._handle_host = handle_host
        self._passwords = Passwords()
        self._by_name = _limiter(limits.LOGINS_PER_NAME)
        self._by_address = _limiter(limits.LOGINS_PER_ADDRESS)

    async def set_password(self, name: str, password: str) -> ChangedPassword:
        """Set the password of an actor, and end its sessions. Refused when there is no such actor,
        Unprocessable when the password is too short or too long."""
        check_password(password)
        hashed = await self._passwords.hash(password)

        async def work(conn: Connection) -> ChangedPassword:
            actor = await find_person(conn, self._handle_host, name)
            ended = await logins.put_password(conn, actor.key, hashed)
            return ChangedPassword(actor.id, ended)

        return await self._db.transaction(work)

    async def sign_in(self, name: str, password: str, *, address: str) -> str | None:
        """The token of a new session; None when there is no such name, or it is another password,
        which nobody is told apart. ``address`` is whose tries are counted together.

        RateLimited after too many tries, Busy when too many others try at this moment.
        """
        now = time.monotonic()
        folded = fold_name(name)[: limits.NAME + 1]  # no name is so long
        self._by_address.take(address, now).check()
        self._by_name.take(folded, now).check()
        async with self._db.connection() as conn:
            known = await logins.login(conn, self._handle_host, folded)
        fits = await self._passwords.fits(password, known.password if known else None)
        token = new_session()
        if known is None or not fits:
            telemetry.count(telemetry.LOGIN, "refused")
            return None

        async def work(conn: Connection) -> bool:
            return await logins.start(conn, hash_token(token), known)

        if not await self._db.transaction(work):
            return None
        telemetry.count(telemetry.LOGIN, "accepted")
        return token

    async def session(self, token: str) -> Session | None:
        """The session that a cookie stands for, while it lasts."""
        hashed = hash_token(token)
        async with self._db.connection() as conn:
            found = await logins.session(conn, hashed)
        if found is not None and found.is_old:
            await self._db.transaction(lambda conn: logins.see(conn, hashed))
        return found

    async def sign_out(self, token: str) -> None:
        """End a session."""
        await self._db.transaction(lambda conn: logins.end(conn, hash_token(token)))


def _limiter(quota: int) -> RateLimiter:
    return RateLimiter([Policy("login", quota, limits.LOGIN_S)])
