"""What tests of outgoing requests share; see `tests.security.outgoing`."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.conftest import StartPeer
from tests.doubles.peer import Peer
from tests.doubles.wire import Wire
from tests.security.outgoing import public_peer


@pytest.fixture
async def carol(start_peer: StartPeer) -> Peer:
    """Carol's server, which may be reached."""
    return await public_peer(start_peer, "carol")


@pytest.fixture
async def inside() -> AsyncIterator[Wire]:
    """Something on loopback that nobody outside can reach."""
    async with Wire.running() as wire:
        yield wire
