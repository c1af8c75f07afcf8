"""Peers of other projects, started for a test and stopped after it."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Protocol

import pytest

from tests.interop.node import NodeMissing, install_packages, node_command
from tests.interop.peer import FEDIFY, FedifyPeer


class StartFedify(Protocol):
    """Starts a Fedify peer; *options* are those of `fedify/peer.mjs`."""

    async def __call__(
        self, *options: str, actors: Sequence[str] = ("alice",), host: str = "127.0.0.1"
    ) -> FedifyPeer: ...


@pytest.fixture(scope="session")
def node() -> Path:
    """A node that has what the peers import. Without it: a failure in CI, elsewhere a skip."""
    try:
        install_packages(FEDIFY)
        return node_command()
    except NodeMissing as missing:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(missing))


@pytest.fixture
async def fedify(node: Path, tmp_path: Path) -> AsyncIterator[StartFedify]:
    """Start any number of peers; pytest shows what they printed when the test fails."""
    peers: list[FedifyPeer] = []

    async def start(
        *options: str, actors: Sequence[str] = ("alice",), host: str = "127.0.0.1"
    ) -> FedifyPeer:
        log = tmp_path / f"fedify-{len(peers) + 1}.log"
        peer = await FedifyPeer.start(node, *options, log=log, host=host, actors=actors)
        peers.append(peer)
        return peer

    yield start
    for peer in peers:
        await peer.stop()
    for log in sorted(tmp_path.glob("fedify-*.log")):
        print(f"--- {log.name}\n{log.read_text()}")
