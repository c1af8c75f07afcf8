"""Peers of other projects, started for a test and stopped after it."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Protocol

import pytest

from apserver.resources import load_contexts
from tests.doubles.authority import Authority
from tests.interop import node as node_packages
from tests.interop import python_packages
from tests.interop.peer import APKIT, FEDIFY, RealPeer, apkit_peer, fedify_peer

LOCK = Path(__file__).parents[2] / "requirements" / "peers.txt"


class StartPeerOf(Protocol):
    """Starts a peer; *options* are those of its program."""

    async def __call__(
        self,
        *options: str,
        actors: Sequence[str] = ...,
        host: str = "127.0.0.1",
        authority: Authority | None = None,
    ) -> RealPeer: ...


StartFedify = StartPeerOf


@pytest.fixture(scope="session")
def node() -> Path:
    """A node that has what the peers import. Without it: a failure in CI, elsewhere a skip."""
    try:
        node_packages.install_packages(FEDIFY)
        return node_packages.node_command()
    except node_packages.NodeMissing as missing:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def apkit_packages() -> Path:
    """The folder with what apkit's peer imports. Without it: as without node."""
    try:
        return python_packages.install_packages(LOCK, APKIT / ".packages")
    except python_packages.PackagesMissing as missing:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(missing))


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[list[RealPeer]]:
    """Peers to be stopped; pytest shows what they printed when the test fails."""
    peers: list[RealPeer] = []
    yield peers
    for peer in peers:
        await peer.stop()
        print(f"--- {peer.log.name}\n{peer.log.read_text()}")


@pytest.fixture
def fedify(node: Path, tmp_path: Path, running: list[RealPeer]) -> StartFedify:
    """Start any number of peers made with Fedify."""

    async def start(
        *options: str,
        actors: Sequence[str] = ("alice",),
        host: str = "127.0.0.1",
        authority: Authority | None = None,
    ) -> RealPeer:
        log = tmp_path / f"fedify-{len(running) + 1}.log"
        how = {"log": log, "host": host, "actors": actors, "authority": authority}
        running.append(await fedify_peer(node, *options, **how))
        return running[-1]

    return start


@pytest.fixture
def apkit(apkit_packages: Path, tmp_path: Path, running: list[RealPeer]) -> StartPeerOf:
    """Start any number of peers made with apkit."""

    async def start(
        *options: str,
        actors: Sequence[str] = ("dave",),
        host: str = "127.0.0.1",
        authority: Authority | None = None,
    ) -> RealPeer:
        contexts = tmp_path / "contexts.json"
        contexts.write_text(json.dumps(load_contexts()))
        log = tmp_path / f"apkit-{len(running) + 1}.log"
        how = {"log": log, "host": host, "actors": actors, "authority": authority}
        running.append(await apkit_peer(apkit_packages, contexts, *options, **how))
        return running[-1]

    return start
