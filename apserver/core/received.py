"""An object of somebody else, as it is kept here and told to our clients."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apserver.core import quotes
from apserver.core.attachments import sound
from apserver.core.namespace import with_definitions
from apserver.core.notes import with_terms
from apserver.core.ownership import own_words


def as_kept(
    document: Mapping[str, Any],
    author: str,
    context: object,
    *,
    quotes_itself: bool = False,
    before: Mapping[str, Any] | None = None,
) -> tuple[Mapping[str, Any], Any]:
    """What ``author`` says in it and no others, attachments that can be shown, and its quote in
    one form; with its context, which defines what is said of the quote.

    ``quotes_itself``: what it quotes is by the same author. ``before``: what it was until an edit.
    """
    kept = sound(own_words(document, author))
    told = quotes.as_told(kept, is_own=quotes_itself, before=before)
    if quotes.STATE not in told:
        return told, context
    defined = {"@context": with_terms(context, told), **told}
    return told, with_definitions(defined)["@context"]
