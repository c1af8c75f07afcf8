"""Roles in an action, as the role index has them."""

from __future__ import annotations

from enum import IntEnum


class Role(IntEnum):
    """What a row of the index says of the thing; the numbers are stored."""

    ACTOR = 0
    OBJECT = 1
    TARGET = 2
    TYPE = 3  #: the thing is a type, and a participant is of it
