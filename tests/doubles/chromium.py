"""A real browser: Chromium without a screen, driven by the DevTools protocol.

Debian's package `chromium-headless-shell` is enough. CI installs it, and fails without it;
elsewhere tests that need it are skipped when it is missing.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.doubles.server import PATIENCE_S, until

_NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
_OPTIONS = (
    "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking "
    "--remote-debugging-port=0"
).split()


def chromium() -> str:
    """The browser of this machine. Without one the test fails in CI, and is skipped elsewhere."""
    found = os.environ.get("APSERVER_CHROMIUM") or next(filter(None, map(shutil.which, _NAMES)), "")
    if not found or not Path(found).exists():
        missing = "Chromium is not installed (Debian: chromium-headless-shell)"
        assert not os.environ.get("CI"), missing
        pytest.skip(missing)
    return found


@dataclass(slots=True)
class Window:
    """One window. ``asked`` lists the requests that it made, ``troubles`` what it complained of."""

    socket: aiohttp.ClientWebSocketResponse
    asked: list[str] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    numbers: Any = field(default_factory=lambda: count(1))

    @classmethod
    @asynccontextmanager
    async def opened(cls, folder: Path, *, width: int) -> AsyncIterator[Window]:
        """Open one, so many pixels wide, in a browser with no past."""
        process = await asyncio.create_subprocess_exec(
            chromium(),
            *_OPTIONS,
            f"--user-data-dir={folder}",
            "about:blank",
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            async with aiohttp.ClientSession() as http:
                async with http.get(f"http://127.0.0.1:{await _port(folder)}/json") as reply:
                    pages = [one for one in await reply.json() if one["type"] == "page"]
                async with http.ws_connect(pages[0]["webSocketDebuggerUrl"], max_msg_size=0) as ws:
                    self = cls(ws)
                    for domain in ("Page", "Runtime", "Log", "Network"):
                        await self.call(f"{domain}.enable")
                    size = {"width": width, "height": 640, "deviceScaleFactor": 1, "mobile": False}
                    await self.call("Emulation.setDeviceMetricsOverride", **size)
                    yield self
        finally:
            process.kill()
            await process.wait()

    async def call(self, method: str, **parameters: Any) -> Any:
        """A command of the protocol, and its result. What happened before it is noted."""
        number = next(self.numbers)
        await self.socket.send_json({"id": number, "method": method, "params": parameters})
        async with asyncio.timeout(PATIENCE_S):
            while (told := await self.socket.receive_json()).get("id") != number:
                self._note(told)
        return told.get("result")

    async def evaluate(self, script: str) -> Any:
        """The value of an expression in the page, which itself runs no script."""
        result = await self.call("Runtime.evaluate", expression=script, returnByValue=True)
        return (result or {}).get("result", {}).get("value")

    async def go(self, url: str) -> None:
        """Open a page, and wait until it is there."""
        await self.call("Page.navigate", url=url)
        await self.shows("document.readyState == 'complete' && location.href != 'about:blank'")

    async def fill_in(self, **values: str) -> None:
        """Write into fields, by their ids."""
        for name, value in values.items():
            await self.evaluate(f"document.getElementById({name!r}).value = {value!r}")

    async def press(self, text: str) -> None:
        """Press a button of the page."""
        found = f"[...document.querySelectorAll('button')].find(b => b.textContent == {text!r})"
        assert await self.evaluate(f"({found}).click() || true"), text

    async def shows(self, condition: str) -> None:
        """Wait until something is true of the page, whichever it is by then."""

        async def true() -> bool:
            return await self.evaluate(f"!!({condition})") is True

        await until(true, every_s=0.05)

    def _note(self, told: dict[str, Any]) -> None:
        match told.get("method"):
            case "Log.entryAdded":
                entry = told["params"]["entry"]
                self.troubles.append(f"{entry['text']} {entry.get('url', '')}")
            case "Network.requestWillBeSent":
                request = told["params"]["request"]
                self.asked.append(f"{request['method']} {request['url']}")


async def _port(folder: Path) -> int:
    """The port that the browser took; it writes it into its folder."""
    file = folder / "DevToolsActivePort"

    async def written() -> str:
        return file.read_text() if file.exists() else ""

    return int((await until(written)).splitlines()[0])
