"""`apserver report …`: what moderators type and see (IO-83, ux 6)."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg

from tests.cli.program import Ended, command
from tests.doubles.server import PUBLIC, Server


async def report(server: Server, *arguments: str, code: int = 0) -> Ended:
    done = await command(server, "report", *arguments)
    assert done.code == code, done.err
    return done


async def states(server: Server, *arguments: str) -> list[tuple[int, str]]:
    rows = json.loads((await report(server, "list", "--json", *arguments)).out)
    return [(row["id"], row["state"]) for row in rows]


async def flagged(server: Server, content: str) -> int:
    """Bob reports ann; the number of the report."""
    posted = {"type": "Flag", "object": server.id("ann"), "content": content}
    reply = await server.post("bob", posted)
    assert reply.status == 201, reply.text
    rows: list[dict[str, Any]] = json.loads((await report(server, "list", "--json")).out)
    return int(rows[0]["id"])


async def test_IO_83_reports_are_listed_shown_closed_and_opened_again(server: Server) -> None:
    """IO-83, ux 6: a queue with notes; each act is in the audit, and --dry-run does nothing."""
    first, second = await flagged(server, "spam"), await flagged(server, "rude")
    table = (await report(server, "list")).out.splitlines()
    assert table[0].split() == ["id", "state", "reported_at", "reported", "reporter"]
    assert table[1].split()[:2] == [str(second), "open"]
    shown = (await report(server, "show", str(first))).out
    assert "spam" in shown
    assert '"preferredUsername": "ann"' in shown
    dry = await report(server, "close", str(first), "--dry-run")
    assert dry.err == "apserver: this would be so; nothing was changed\n"
    assert await states(server) == [(second, "open"), (first, "open")]
    closed = await report(server, "close", str(first), "--note", "talked to her", "--json")
    assert [one["note"] for one in json.loads(closed.out)] == ["talked to her"]
    assert await states(server) == [(second, "open"), (first, "closed")]
    assert await states(server, "--open") == [(second, "open")]
    await report(server, "reopen", str(first))
    assert await states(server, "--open") == [(second, "open"), (first, "open")]
    acts = await server.rows("SELECT act, subject, detail->>'reported' AS about FROM audit")
    assert [(row["act"], row["subject"]) for row in acts] == [
        ("report close", f"report {first}"),
        ("report reopen", f"report {first}"),
    ]
    assert json.loads(acts[0]["about"]) == [server.id("ann")]
    await report(server, "close", "999", str(second), code=1)
    assert await states(server, "--open") == [(second, "open"), (first, "open")]
    await report(server, "close", str(first), str(second))
    assert await states(server, "--open") == []


async def test_IO_83_what_cannot_be_done_to_a_report_says_why(server: Server) -> None:
    """IO-83: one line, with the cure."""
    number = await flagged(server, "spam")
    again = await report(server, "reopen", str(number), code=1)
    assert again.err == f"apserver: Report {number} is open already.\n"
    await report(server, "close", str(number))
    twice = await report(server, "close", str(number), code=1)
    assert twice.err == f"apserver: Report {number} is closed already.\n"
    absent = await report(server, "show", "999", code=1)
    assert absent.err.startswith("apserver: There is no report 999. See: ")
    for wrong in ("x", "0", str(2**63)):
        assert "is no number of a report" in (await report(server, "show", wrong, code=2)).err


async def test_IO_83_evidence_gives_the_terminal_no_commands(server: Server) -> None:
    """IO-83: what was reported is shown as it is, but for what a terminal obeys: ESC and CSI, and
    what turns the direction of the text round."""
    created = await server.note("ann", "a \u009b2J \u202eb \x1b[0m é", PUBLIC)
    posted = {"type": "Flag", "object": created["object"]["id"], "content": "\u009b2J"}
    assert (await server.post("bob", posted)).status == 201
    [(number, _)] = await states(server)
    shown = (await report(server, "show", str(number))).out
    assert not {"\x1b", "\u009b", "\u202e"} & set(shown)
    assert "é" in shown


async def test_closed_reports_go_when_they_are_old(server: Server) -> None:
    """[retention] reports_days: open ones stay."""
    first, second = await flagged(server, "spam"), await flagged(server, "rude")
    await report(server, "close", str(first))
    connection = await asyncpg.connect(server.dsn)
    try:
        long_ago = datetime.now(UTC) - timedelta(days=366)
        await connection.execute("UPDATE report SET reported_at = $1", long_ago)
        await connection.execute("UPDATE report SET closed_at = $1 WHERE id = $2", long_ago, first)
    finally:
        await connection.close()
    done = await command(server, "prune", "--json")
    assert (done.code, json.loads(done.out)["reports"]) == (0, 1)
    assert await states(server) == [(second, "open")]
