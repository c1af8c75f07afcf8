"""The form of every finding of the doctor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

State: TypeAlias = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at: what was found and, unless it is well, what to do."""

    name: str
    state: State
    detail: str
    cure: str = ""


def is_well(checks: list[Check]) -> bool:
    """Whether none of them has failed."""
    return all(check.state != "fail" for check in checks)
