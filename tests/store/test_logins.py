"""Sessions of browsers: what begins while something ends."""

from __future__ import annotations

from apserver import app
from apserver.identifiers import hash_token
from apserver.store import logins
from apserver.store.db import Database
from tests.doubles.server import Server
from tests.flows.page_steps import set_password


async def test_a_login_that_comes_too_late(server: Server) -> None:
    """The password was right when it was looked at; it was changed, or its actor suspended, before
    the session began. So it does not begin: a new password ends all that the old one opened."""
    host = server.settings.handle_host
    await set_password(server, "ann")
    db = Database(server.dsn, connections=1)
    await db.open()
    try:
        async with db.connection() as conn:
            known = await logins.login(conn, host, "ann")
        assert known is not None
        await set_password(server, "ann", "another password")
        hashed = hash_token("x")
        assert not await db.transaction(lambda conn: logins.start(conn, hashed, known))
        async with db.connection() as conn:
            renewed = await logins.login(conn, host, "ann")
        assert renewed is not None
        async with app.moderating(server.dsn, server.settings) as moderation:
            await moderation.suspend("ann", act="actor suspend")
        assert not await db.transaction(lambda conn: logins.start(conn, hashed, renewed))
        async with db.connection() as conn:
            assert await logins.login(conn, host, "ann") is None
    finally:
        await db.close()
    assert await server.rows("SELECT FROM session") == []
