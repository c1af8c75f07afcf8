"""Steps with emoji of a server: images, and the commands of its admin."""

from __future__ import annotations

import json
from typing import Any

from tests.cli.program import command
from tests.doubles.server import Server

#: The smallest of its kind: one transparent pixel.
GIF = bytes.fromhex(
    "47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b"
)
#: The beginnings are all that counts of these.
PNG = b"\x89PNG\r\n\x1a\n" + bytes(8)
WEBP = b"RIFF\x1a\x00\x00\x00WEBPVP8L" + bytes(8)


async def add_emoji(server: Server, shortcode: str, image: bytes = GIF) -> dict[str, Any]:
    """`apserver emoji add`; what it prints."""
    file = server.folder / f"{shortcode}.image"
    file.write_bytes(image)
    done = await command(server, "emoji", "add", shortcode, str(file), "--json")
    assert done.code == 0, done.err
    added: dict[str, Any] = json.loads(done.out)
    return added
