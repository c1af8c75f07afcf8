"""Posts with hashtags, emoji, pictures and quotes, as Fedify's own types read them."""

from __future__ import annotations

import pytest

from tests.conftest import StartServer
from tests.doubles.server import PUBLIC
from tests.flows.emoji_steps import add_emoji
from tests.flows.test_attachments import PICTURE
from tests.interop.conftest import StartFedify

pytestmark = pytest.mark.peer


async def test_fedify_reads_what_stands_with_a_post(
    start_server: StartServer, fedify: StartFedify
) -> None:
    """IO-55, IO-92, interop 3.3 to 3.5: each is the type that it is there, with its members."""
    server, peer = await start_server("ann"), await fedify("--first-knock", "cavage")
    alice = await peer.actor("alice")
    await peer.do("follow", target=server.handles["ann"])
    await peer.wait(type="Accept")
    added = await add_emoji(server, "tea")
    far = "https://far.example/p/1"
    note = {
        "type": "Note",
        "content": f"<p>:tea: #Tea @alice@{peer.origin.partition('://')[2]}</p>",
        "to": [PUBLIC],
        "cc": [f"{server.id('ann')}/followers"],
        "attachment": PICTURE,
        "quote": far,
    }
    reply = await server.post("ann", note)
    assert reply.status == 201, reply.text
    [record] = await peer.wait(type="Create")
    read = record["read"]
    assert (read["type"], read["quote"]) == ("Note", far)
    tags = {tag["type"]: tag for tag in read["tags"]}
    assert tags["Hashtag"]["href"] == f"{server.origin}/tags/tea"
    assert tags["Emoji"]["icon"] == added["url"]
    assert tags["Mention"]["href"] == alice["id"]
    [picture] = read["attachments"]
    assert picture == {name: PICTURE[name] for name in picture}
