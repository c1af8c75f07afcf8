"""What a bearer token lets its holder do (FEP-d8c2 names it so)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, TypeAlias

from apserver.errors import BadInput

#: ``read``: see what the actor may see. ``write``: act as the actor, by its outbox. ``import``:
#: say when it was that the actor acted, instead of now. ``site``: write the things of the site that
#: uses this server, act for its users and read what they may read; of the instance actor alone.
Scope: TypeAlias = Literal["read", "write", "import", "site"]
SCOPES: tuple[Scope, ...] = ("read", "write", "import", "site")
#: What a token holds unless other scopes are asked for.
USUAL: tuple[Scope, ...] = ("read", "write")


def parse_scopes(text: str) -> tuple[Scope, ...]:
    """Read ``read,write`` into scopes in their usual order; BadInput for anything else."""
    words = {word.strip() for word in text.split(",")}
    if not words <= set(SCOPES):
        raise BadInput(f"{text!r} names no scopes. Write some of {', '.join(SCOPES)}.")
    return known_scopes(words)


def known_scopes(words: Iterable[str]) -> tuple[Scope, ...]:
    """Those of the words that are scopes here, in their usual order; others mean nothing."""
    given = set(words)
    return tuple(scope for scope in SCOPES if scope in given)


def allows(held: Iterable[str], asked: str) -> bool:
    """Whether a token with these scopes may be used where ``asked`` is wanted."""
    scopes = set(held)
    return asked in scopes or (asked == "read" and "site" in scopes)
