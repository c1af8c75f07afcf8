"""The quirks of other software, a row each, against one running server (issue 7, point 1).

The rows stand in `quirks/`, by software; docs/interop.md shows them (`tests.meta.quirks`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.conftest import new_database
from tests.doubles.peer import Peer
from tests.doubles.server import Server
from tests.interop.quirks.rows import Asks, Covered, Reads, Sends
from tests.interop.quirks.scene import Home, Scene, at_home
from tests.interop.quirks.tables import TABLES

pytestmark = pytest.mark.asyncio(loop_scope="module")
Row = Sends | Asks | Reads


def rows(software: str) -> pytest.MarkDecorator:
    """One test for each row that is checked here."""
    mine = [one for one in TABLES[software] if not isinstance(one, Covered)]
    return pytest.mark.parametrize("row", mine, ids=str)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def home(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Home]:
    """The server of all rows, and what ann did before."""
    folder: Path = tmp_path_factory.mktemp("quirks")
    async with (
        Server.running(await new_database(postgres), folder / "server", ["ann"], {}) as server,
        Peer.running(["bob"], "127.0.0.1", 0) as peer,
    ):
        yield await at_home(server, peer)


@pytest_asyncio.fixture(loop_scope="module")
async def scene(home: Home) -> AsyncIterator[Scene]:
    """A fresh peer for the row."""
    async with Peer.running([], "127.0.0.1", 0) as peer:
        yield Scene(home, peer)


@rows("Mastodon")
async def test_quirk_mastodon(scene: Scene, row: Row) -> None:
    """IO-05, IO-10, IO-22, IO-23, IO-34, IO-35, IO-49, IO-50."""
    await row.check(scene)


@rows("GoToSocial")
async def test_quirk_gotosocial(scene: Scene, row: Row) -> None:
    """IO-06, IO-11, IO-18, IO-30, IO-38, IO-46, IO-53."""
    await row.check(scene)


@rows("Misskey family")
async def test_quirk_misskey(scene: Scene, row: Row) -> None:
    """IO-11, IO-16, IO-56."""
    await row.check(scene)


@rows("Pleroma, Akkoma")
async def test_quirk_pleroma(scene: Scene, row: Row) -> None:
    """IO-11, IO-53, IO-72, IO-73."""
    await row.check(scene)


@rows("Pixelfed")
async def test_quirk_pixelfed(scene: Scene, row: Row) -> None:
    """IO-27, IO-52, IO-53, IO-56."""
    await row.check(scene)


@rows("Lemmy, Mbin, PieFed")
async def test_quirk_lemmy(scene: Scene, row: Row) -> None:
    """IO-01, IO-05, IO-46, IO-52."""
    await row.check(scene)


@rows("PeerTube")
async def test_quirk_peertube(scene: Scene, row: Row) -> None:
    """IO-53, IO-54, IO-75."""
    await row.check(scene)


@rows("Threads")
async def test_quirk_threads(scene: Scene, row: Row) -> None:
    """IO-08, IO-30, IO-53."""
    await row.check(scene)


@rows("WordPress")
async def test_quirk_wordpress(scene: Scene, row: Row) -> None:
    """IO-07, IO-24."""
    await row.check(scene)


@rows("Ghost")
async def test_quirk_ghost(scene: Scene, row: Row) -> None:
    """IO-06."""
    await row.check(scene)


@rows("Fedify")
async def test_quirk_fedify(scene: Scene, row: Row) -> None:
    """IO-24, IO-85."""
    await row.check(scene)


@rows("BookWyrm")
async def test_quirk_bookwyrm(scene: Scene, row: Row) -> None:
    """IO-19, IO-27."""
    await row.check(scene)


@rows("Events and forums")
async def test_quirk_events_and_forums(scene: Scene, row: Row) -> None:
    """IO-35."""
    await row.check(scene)


@rows("Bridges")
async def test_quirk_bridges(scene: Scene, row: Row) -> None:
    """IO-85."""
    await row.check(scene)


@rows("Relays")
async def test_quirk_relays(scene: Scene, row: Row) -> None:
    """IO-48."""
    await row.check(scene)


@rows("Generic")
async def test_quirk_generic(scene: Scene, row: Row) -> None:
    """IO-17, IO-37, IO-38, IO-52, IO-73, IO-75."""
    await row.check(scene)
