"""Reports and reactions with software that we did not write (issue 7.6): both ways."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.cli.program import command
from tests.conftest import StartServer
from tests.doubles.server import CONTEXT, PUBLIC, until
from tests.flows.verb_steps import public_note, total_of
from tests.interop.conftest import StartFedify

pytestmark = pytest.mark.peer


async def test_IO_83_IO_80_flags_and_reactions_with_fedify(
    start_server: StartServer, fedify: StartFedify
) -> None:
    """IO-83, IO-80: its Flag is a report here; ours is verified there and names our server; its
    EmojiReact and our Like with content are read for what they are."""
    server = await start_server("ann")
    peer = await fedify("--first-knock", "cavage")
    alice = await peer.actor("alice")
    note = await public_note(server, "ann")
    await peer.do("flag", target=server.handles["ann"], text="spam", objects=[note])

    async def reported() -> list[dict[str, Any]]:
        done = await command(server, "report", "list", "--json")
        found: list[dict[str, Any]] = json.loads(done.out)
        return found

    [report] = await until(reported)
    assert (report["reporter"], report["posts"], report["content"]) == (alice["id"], [note], "spam")

    flag = {"@context": CONTEXT, "type": "Flag", "object": alice["id"], "content": "spam"}
    assert (await server.post("ann", {**flag, "to": [alice["id"]]})).status == 201
    [got] = await peer.wait(type="Flag")
    assert (got["verified"]["http"], got["actor"]) == (
        "verified",
        f"{server.origin}/actors/instance",
    )

    react = {
        "@context": [CONTEXT, {"EmojiReact": "http://litepub.social/ns#EmojiReact"}],
        "id": f"{alice['id']}#react",
        "type": "EmojiReact",
        "actor": alice["id"],
        "object": note,
        "content": "🔥",
        "to": [PUBLIC],
    }
    taken = await peer.do("raw", inbox=f"{server.id('ann')}/inbox", activity=react)
    assert taken["status"] == 202
    await server.drained()
    assert await total_of(server, f"{note}/emojiReactions") == 1
    posted = await peer.do("post", text="Hello", to=[server.handles["ann"]])

    async def arrived() -> bool:
        inbox = await server.items("ann", "inbox", as_="ann")
        return "Create" in [one["type"] for one in inbox]

    await until(arrived)
    like = {"@context": CONTEXT, "type": "EmojiReact", "object": posted["note"], "content": "🍵"}
    done = await server.post("ann", like)
    assert done.status == 201, done.text
    [liked] = await peer.wait(type="Like")
    assert (liked["verified"]["http"], liked["json"]["content"]) == ("verified", "🍵")
