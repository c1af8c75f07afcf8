"""`apserver token create, list, revoke`, and what scopes keep apart."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from apserver.cli import main
from apserver.core.origin import key_of
from tests.cli.program import command
from tests.doubles.server import PUBLIC, Server

NOTE = {"type": "Note", "content": "hello", "to": [PUBLIC]}


async def create(server: Server, *arguments: str) -> dict[str, Any]:
    done = await command(server, "token", "create", *arguments, "--json")
    assert done.code == 0, done.err
    made: dict[str, Any] = json.loads(done.out)
    return made


async def tokens(server: Server, *names: str) -> list[dict[str, Any]]:
    done = await command(server, "token", "list", *names, "--json")
    assert done.code == 0, done.err
    listed: list[dict[str, Any]] = json.loads(done.out)
    return listed


async def use(server: Server, token: str) -> tuple[int, int]:
    """The status of reading the inbox, and that of posting to the outbox, with a token."""
    authorization = f"Bearer {token}"
    read = await server.get("/actors/ann/inbox", Authorization=authorization)
    sent = {"Authorization": authorization, "Content_Type": "application/activity+json"}
    written = await server.ask("POST", "/actors/ann/outbox", data=NOTE, **sent)
    return read.status, written.status


async def test_BP_09_a_token_does_what_its_scopes_say(server: Server) -> None:
    """BP-09; CVE-2024-25108: a token that is valid is not enough."""
    for scope, statuses in (
        ((), (200, 201)),
        (("--scope", "read,write"), (200, 201)),
        (("--scope", "write,read"), (200, 201)),
        (("--scope", "read"), (200, 403)),
        (("--scope", "write"), (403, 201)),
    ):
        made = await create(server, "ann", *scope)
        assert await use(server, made["token"]) == statuses, scope


async def test_what_lacks_a_scope_is_told_which(server: Server) -> None:
    """RFC 6750 3.1: 403 with error="insufficient_scope" and the scope."""
    made = await create(server, "ann", "--scope", "write")
    refused = await server.get("/actors/ann/inbox", Authorization=f"Bearer {made['token']}")
    assert refused.status == 403
    challenge = refused.headers["WWW-Authenticate"]
    assert challenge.startswith("Bearer ")
    assert 'error="insufficient_scope"' in challenge
    assert 'scope="read"' in challenge
    assert "--scope read" in refused.json["detail"]


@pytest.mark.parametrize("scope", ["", "all", "read,all", "read write"])
def test_exit_2_for_scopes_that_there_are_not(
    scope: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["token", "create", "ann", "--scope", scope])
    assert ended.value.code == 2
    assert "read, write" in capsys.readouterr().err


async def test_list_tells_everything_but_the_token(server: Server) -> None:
    made = await create(server, "bob", "--scope", "read")
    listed = await tokens(server)
    assert [one["actor"] for one in listed] == ["ann", "bob", "bob"]
    [mine] = [one for one in listed if one["id"] == made["id"]]
    assert (mine["scopes"], mine["revoked"]) == (["read"], None)
    assert made["id"] == hashlib.sha256(made["token"].encode()).hexdigest()[:8]
    assert made["token"] not in json.dumps(listed)
    assert [one["actor"] for one in await tokens(server, "ann")] == ["ann"]
    table = (await command(server, "token", "list")).out.splitlines()
    assert table[0].split() == ["id", "actor", "scopes", "created", "revoked"]
    unknown = await command(server, "token", "list", "nobody")
    assert (unknown.code, unknown.out) == (1, "")


async def test_a_revoked_token_opens_nothing_at_once(server: Server) -> None:
    made = await create(server, "ann")
    assert await use(server, made["token"]) == (200, 201)
    done = await command(server, "token", "revoke", made["id"], "--json")
    assert (done.code, json.loads(done.out)) == (0, {"id": made["id"], "actor": "ann"})
    assert await use(server, made["token"]) == (401, 401)
    [mine] = [one for one in await tokens(server) if one["id"] == made["id"]]
    assert mine["revoked"].endswith("Z")
    again = await command(server, "token", "revoke", made["id"])
    assert (again.code, again.out) == (1, "")
    assert "revoked already" in again.err


async def test_exit_1_for_a_token_that_is_not_there(server: Server) -> None:
    for id_ in ("00000000", "xyz", "12", "", "00" * 33):
        done = await command(server, "token", "revoke", id_)
        assert (done.code, done.out) == (1, "")
        assert " token list" in done.err


async def test_the_scope_site_is_the_servers_own(server: Server) -> None:
    """Decision 2: it acts for a whole site, so only the server's own actor has it, and with nothing
    that would post in another way; it opens the inbox and the outbox of no other actor."""
    made = await create(server, "instance", "--scope", "site,read")
    assert made["scopes"] == ["read", "site"]
    only = await create(server, "instance", "--scope", "site")
    assert await use(server, only["token"]) == (403, 403)
    bearer = f"Bearer {only['token']}"
    assert (await server.get("/actors/ann/outbox", Authorization=bearer)).status == 200
    sent = {"Authorization": bearer, "Content_Type": "application/activity+json"}
    posted = await server.ask("POST", "/actors/ann/outbox", data=NOTE, **sent)
    assert "posts to /outbox" in posted.json["detail"]
    for name, scope in (("ann", "site"), ("instance", "site,write"), ("instance", "read")):
        done = await command(server, "token", "create", name, "--scope", scope)
        assert (done.code, done.out) == (1, ""), (name, scope)
    assert "token create instance --scope site" in done.err


async def test_an_id_of_two_tokens_revokes_neither(server: Server) -> None:
    for last in (b"\x01", b"\x02"):
        await server.rows(
            "INSERT INTO token (hash, actor, scopes) VALUES ($1, $2, '{read}')",
            b"\xaa" * 7 + last + b"\x00" * 24,
            key_of(server.id("ann")),
        )
    done = await command(server, "token", "revoke", "aaaaaaaa")
    assert done.code == 1
    for longer in ("aaaaaaaaaaaaaa01", "aaaaaaaaaaaaaa02"):
        assert longer in done.err
    assert (await command(server, "token", "revoke", "aaaaaaaaaaaaaa02")).code == 0
    assert [one["revoked"] for one in await tokens(server, "ann")].count(None) == 2


async def test_dry_runs_change_nothing(server: Server) -> None:
    before = await server.rows("SELECT t::text FROM token t ORDER BY 1")
    [mine] = await tokens(server, "ann")
    revoked = await command(server, "token", "revoke", mine["id"], "--dry-run", "--json")
    assert (revoked.code, json.loads(revoked.out)["actor"]) == (0, "ann")
    made = await command(server, "token", "create", "ann", "--dry-run", "--json")
    assert (made.code, list(json.loads(made.out))) == (0, ["actor", "scopes"])
    for done in (revoked, made):
        assert "nothing was changed" in done.err
    assert await server.rows("SELECT t::text FROM token t ORDER BY 1") == before
