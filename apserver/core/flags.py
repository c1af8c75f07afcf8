"""Flags: what a follow is for. One thing can be followed with several, each by itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from apserver.core import limits
from apserver.core.document import as_list
from apserver.errors import BadInput

#: In the Follow that an Undo names: the follows with every flag, one after the other.
ALL = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """One flag. ``mutes``: what is flagged so is taken out of home, and nobody is told.

    ``verb`` is the phrase of its follow, such as "started watching"; empty for the usual one.
    """

    name: str
    mutes: bool = False
    verb: str = ""


@dataclass(frozen=True, slots=True)
class Wish:
    """What one Follow asks for: under which flag ('' for none), and whether only what the followed
    does (plain ActivityPub) or also what happens to it."""

    flag: str
    actor_only: bool


def wish_of(follow: Mapping[str, Any]) -> Wish:
    """What a Follow asks for. BadInput when its members are not as they should be."""
    flag = follow.get("followFlag", "")
    if not isinstance(flag, str) or len(flag) > limits.FLAG or not flag.isprintable():
        raise BadInput(
            f"A followFlag is a text of up to {limits.FLAG} characters.", pointer="/followFlag"
        )
    actor_only = follow.get("actorOnly", True)
    if not isinstance(actor_only, bool):
        raise BadInput("actorOnly is true or false.", pointer="/actorOnly")
    return Wish(flag.strip(), actor_only)


def wish_received(follow: Mapping[str, Any]) -> Wish:
    """The same of a Follow from elsewhere: what we cannot read is as if it was not there."""
    try:
        return wish_of({name: _only(value) for name, value in follow.items()})
    except BadInput:
        return Wish("", actor_only=True)


def _only(value: object) -> object:
    values = as_list(value)
    return values[0] if len(values) == 1 else value
