"""`apserver actor password`: read from standard input, or made."""

from __future__ import annotations

import json
import re

from apserver.core import limits
from tests.cli.program import command
from tests.doubles.browser import Browser
from tests.doubles.server import Server


async def test_a_password_from_standard_input(server: Server) -> None:
    """It opens the door at once, while the server runs; a new one ends the sessions of the old."""
    for password, ended in (("first password", 0), ("  second one  ", 1)):
        given = f"{password}\r\n".encode()
        done = await command(server, "actor", "password", "Ann", "--json", given=given)
        assert (done.code, done.err) == (0, "")
        assert json.loads(done.out) == {"actor": server.id("ann"), "sessions_ended": ended}
        assert (await Browser(server).sign_in("ann", password)).status == 303


async def test_a_password_is_made_and_shown_once(server: Server) -> None:
    """One that nobody guesses; what is stored does not tell it."""
    done = await command(server, "actor", "password", "ann", "--generate", "--json")
    password = json.loads(done.out)["password"]
    assert re.fullmatch(r"[2-9a-z]{4}(-[2-9a-z]{4}){4}", password)
    assert (await Browser(server).sign_in("ann", password)).status == 303
    again = await command(server, "actor", "password", "bob", "--generate", "--json")
    assert json.loads(again.out)["password"] != password
    rows = await server.rows("SELECT salt, digest FROM password")
    assert len({row["salt"] for row in rows}) == 2
    assert password.encode() not in b"".join(row["digest"] for row in rows)


async def test_a_password_that_is_refused(server: Server) -> None:
    """Too short, too long, for nobody, for the server's own actor; --dry-run sets none."""
    for given, told in (
        (b"", "at least"),
        (b"short\n", f"at least {limits.PASSWORD_LEAST} characters"),
        (b"x" * (limits.PASSWORD + 1), f"at most {limits.PASSWORD} bytes"),
    ):
        done = await command(server, "actor", "password", "ann", given=given)
        assert (done.code, told in done.err) == (1, True), done
    for name in ("nobody", "instance"):
        done = await command(server, "actor", "password", name, "--generate")
        assert (done.code, done.out) == (1, "")
    dry = await command(server, "actor", "password", "ann", "--generate", "--dry-run")
    assert (dry.code, "password" in dry.out) == (0, False)
    assert await server.rows("SELECT FROM password") == []
