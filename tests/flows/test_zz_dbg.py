from tests.doubles.server import PUBLIC, until
async def test_x(server, peer):
    reply = await server.post("ann", {"type": "Follow", "object": peer.id("carol")})
    [follow] = await peer.wait("Follow")
    accept = peer.activity("Accept", "carol", object=follow.json)
    assert (await peer.send(f"{server.id('ann')}/inbox", accept, by="carol")).status == 202
    import asyncio; await asyncio.sleep(3)
    print(await server.rows("select * from job"))
    print(await server.rows("select * from host"))
    print(await server.rows("select * from delivery"))
    assert 0
