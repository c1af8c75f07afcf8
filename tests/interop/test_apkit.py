"""What apkit proves, with code that is neither ours nor Fedify's; what it refuses (RFC 9421).

Follows, posts and the like with apkit: test_exchange.py.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import StartPeer, StartServer
from tests.doubles.server import CONTEXT, PUBLIC, until
from tests.flows.steps import check_problem
from tests.interop.conftest import StartPeerOf

pytestmark = pytest.mark.peer


@pytest.mark.parametrize(("layer", "member"), [("proof", "proof"), ("ld", "signature")])
async def test_IO_97_we_take_what_apkit_proved(
    start_server: StartServer, apkit: StartPeerOf, start_peer: StartPeer, layer: str, member: str
) -> None:
    """IO-97, IO-22: carol brings what dave's apkit proved. It is taken as it is; altered it is
    refused."""
    server, carrier, author = await start_server("ann"), await start_peer("carol"), await apkit()
    dave = await author.actor("dave")
    note = {
        "id": f"{dave['id']}/notes/1",
        "type": "Note",
        "attributedTo": dave["id"],
        "content": "<p>I reply</p>",
        "to": [PUBLIC],
    }
    made = {
        "@context": [CONTEXT, "https://w3id.org/security/data-integrity/v1"],
        "id": f"{dave['id']}/activities/1",
        "type": "Create",
        "actor": dave["id"],
        "object": note,
        "to": [PUBLIC],
    }
    answer = await author.do(
        "raw", inbox=f"{carrier.id('carol')}/inbox", activity=made, **{layer: True}
    )
    sent: dict[str, Any] = answer["sent"]
    assert member in sent
    inbox = f"{server.id('ann')}/inbox"
    altered = {**sent, "object": {**sent["object"], "content": "altered"}, "id": f"{sent['id']}x"}
    check_problem(await carrier.send(inbox, altered, by="carol"), 403)
    reply = await carrier.send(inbox, sent, by="carol")
    assert reply.status == 202, reply.text

    async def arrived() -> bool:
        listed = await server.items("ann", "inbox", as_="ann")
        return [one["object"]["content"] for one in listed] == ["<p>I reply</p>"]

    await until(arrived)


async def test_SIG_R_10_apkit_makes_us_knock_twice_and_loses_nothing(
    start_server: StartServer, apkit: StartPeerOf
) -> None:
    """SIG-R-10: we knock by RFC 9421 first, which it does not take, while many posts are under
    way: each arrives once, in order."""
    server = await start_server("ann", federation__signature="rfc9421")
    peer = await apkit()
    await peer.do("follow", target=server.handles["ann"])
    await peer.wait(type="Accept")
    followers = f"{server.id('ann')}/followers"
    posts = [await server.note("ann", str(one), PUBLIC, cc=[followers]) for one in range(8)]
    await server.drained()
    received = await peer.wait(type="Create", count=len(posts))
    assert [one["id"] for one in received] == [one["id"] for one in posts]
