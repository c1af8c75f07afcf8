"""`apserver domain …` and `apserver actor suspend`: what people type and see."""

from __future__ import annotations

import json

import pytest

from tests.cli.program import Ended, command
from tests.doubles.server import Server

MASTODON = (
    "#domain,#severity,#reject_media,#reject_reports,#public_comment,#obfuscate\n"
    "bad.example,suspend,false,false,Harassment,true\n"
    'loud.example,silence,true,false,"Noise, lots of it",false\n'
)


async def domain(server: Server, *arguments: str, given: bytes = b"") -> Ended:
    done = await command(server, "domain", *arguments, given=given)
    assert done.code == 0, done.err
    return done


async def listed(server: Server) -> list[tuple[str, str]]:
    rows = json.loads((await domain(server, "list", "--json")).out)
    return [(row["domain"], row["severity"]) for row in rows]


async def test_rules_are_made_listed_and_taken_back(server: Server) -> None:
    made = await domain(
        server, "block", "Bad.Example.", "--comment", "Harassment", "--private-comment", "by ann"
    )
    assert made.err == ""
    assert made.out.splitlines() == [
        "domain              bad.example",
        "severity            suspend",
        "accounts_there      0",
        "follows_ended       0",
        "deliveries_dropped  0",
    ]
    await domain(server, "limit", "loud.example", "--reject-media", "--obfuscate")
    await domain(server, "limit", "images.example", "--visible", "--reject-media")
    await domain(server, "allow", "friend.example")
    table = (await domain(server, "list")).out.splitlines()
    assert table[0].split() == [
        "domain", "severity", "reject_media", "reject_reports", "public_comment",
    ]  # fmt: skip
    assert table[1].split() == ["bad.example", "suspend", "no", "no", "Harassment"]
    assert "by ann" not in "\n".join(table)
    rows = json.loads((await domain(server, "list", "--json")).out)
    assert [(row["domain"], row["severity"], row["reject_media"]) for row in rows] == [
        ("bad.example", "suspend", False),
        ("friend.example", "allow", False),
        ("images.example", "none", True),
        ("loud.example", "limit", True),
    ]
    assert (rows[0]["private_comment"], rows[3]["obfuscate"]) == ("by ann", True)
    again = await domain(server, "allow", "friend.example")
    assert again.err == "apserver: nothing had to be changed\n"
    await domain(server, "remove", "friend.example")
    assert ("friend.example", "allow") not in await listed(server)


async def test_a_dry_run_changes_nothing(server: Server) -> None:
    before = await server.contents()
    for arguments in (("block", "a.example"), ("import", "-")):
        done = await domain(server, *arguments, "--dry-run", "--json", given=b"a.example\n")
        assert done.err == "apserver: this would be done; nothing was changed\n"
        assert json.loads(done.out)["follows_ended"] == 0
    assert await server.contents() == before


async def test_a_list_goes_in_and_comes_out_as_it_was(server: Server) -> None:
    done = await domain(server, "import", "-", "--json", given=MASTODON.encode())
    told = json.loads(done.out)
    assert (told["added"], told["changed"], told["removed"]) == (2, 0, 0)
    await domain(server, "import", "-", "--allow", given=b"friend.example\n")
    assert (await domain(server, "export")).out == MASTODON
    plain = await domain(server, "export", "--format", "plain", "--allowed")
    assert plain.out == "friend.example\n"
    as_json = json.loads((await domain(server, "export", "--format", "json")).out)
    assert [one["domain"] for one in as_json] == ["bad.example", "loud.example"]
    file = server.folder / "list.txt"
    file.write_text("other.example\n")
    replaced = await domain(server, "import", str(file), "--replace", "--json")
    assert json.loads(replaced.out)["removed"] == 2
    assert await listed(server) == [("friend.example", "allow"), ("other.example", "suspend")]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("block", "https://bad.example"), "Write it like example.org."),
        (("block", "127.0.0.1"), "which is this server"),
        (("block", "a.example", "--comment", "x\x01"), "control characters"),
        (("remove", "a.example"), " domain list"),
        (("import", "/nowhere/list.csv"), "cannot be read: No such file"),
        (("import", "-"), "-: row 2: 'ex**.org' is not a whole name."),
    ],
)
async def test_exit_1_with_the_cure(
    server: Server, arguments: tuple[str, ...], message: str
) -> None:
    done = await command(server, "domain", *arguments, given=b"good.example\nex**.org\n")
    assert (done.code, done.out) == (1, "")
    assert message in done.err
    assert done.err.count("\n") == 1
    if arguments == ("import", "-"):
        assert done.err.endswith("Nothing was changed.\n")
    assert await listed(server) == []


async def test_actors_are_suspended_and_shown_as_such(server: Server) -> None:
    done = await command(server, "actor", "suspend", "bob", "--dry-run", "--json")
    assert (done.code, json.loads(done.out)["actor"]) == (0, server.id("bob"))
    assert done.err == "apserver: this would be done; nothing was changed\n"
    for act, state in (("unsuspend", None), ("suspend", "suspended"), ("unsuspend", "active")):
        done = await command(server, "actor", act, "bob")
        if state is None:
            assert (done.code, done.out) == (1, "")
            assert done.err == f"apserver: {server.id('bob')} is not suspended.\n"
            continue
        assert done.code == 0, done.err
        shown = json.loads((await command(server, "actor", "show", "bob", "--json")).out)
        assert shown["state"] == state
