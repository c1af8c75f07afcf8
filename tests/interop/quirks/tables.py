"""The quirks of other software as rows, by software."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tests.interop.quirks import (
    communities,
    gotosocial,
    mastodon,
    misskey,
    others,
    peertube,
    pixelfed,
    pleroma,
    publishers,
)
from tests.interop.quirks.rows import Quirk

TABLES: Mapping[str, Sequence[Quirk]] = {
    "Mastodon": mastodon.ROWS,
    "GoToSocial": gotosocial.ROWS,
    "Misskey family": misskey.ROWS,
    "Pleroma, Akkoma": pleroma.ROWS,
    "Pixelfed": pixelfed.ROWS,
    "Lemmy, Mbin, PieFed": communities.ROWS,
    "PeerTube": peertube.ROWS,
    "Threads": publishers.THREADS,
    "WordPress": publishers.WORDPRESS,
    "Ghost": publishers.GHOST,
    "Fedify": publishers.FEDIFY,
    "BookWyrm": others.BOOKWYRM,
    "Events and forums": others.EVENTS,
    "Bridges": others.BRIDGES,
    "Relays": others.RELAYS,
    "Generic": others.GENERIC,
}
