"""The actions: the same for both sides, made of their numbers alone.

Action n of 1 to N is done by a person, often to a thing (an object), often with another thing (a
target), 31 seconds after the one before, so that no two have one time. One in fifty is private. Who
acts and with what is skewed: the number is the highest one times a cubed random number. Of a
million actions the first of 33 333 people does 3 %, and the last ones do ten each. So what the
reader of 20 quiet things follows does 1 action in 4 000, about as in the measurement that the goal
is from.

The randomness is PostgreSQL's hash of n: no table has to be copied from one database to the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

VERBS = ("opened", "closed", "commented on", "joined", "shared", "renamed", "voted for", "saved")
FOLLOWED_MANY = 1_200
FOLLOWED_FEW = 20


@dataclass(frozen=True, slots=True)
class Follows:
    """What a reader follows: people, for what they do, and things, for what is done to them too.
    Both by number; higher numbers are quieter."""

    people: Sequence[int]
    things: Sequence[int]


@dataclass(frozen=True, slots=True)
class Shape:
    """How much there is."""

    actions: int

    @property
    def people(self) -> int:
        """Who act, numbered from 0."""
        return max(100, self.actions // 30)

    @property
    def things(self) -> int:
        """What they act on, numbered from 0."""
        return max(100, self.actions // 30)

    @property
    def readers(self) -> dict[str, Follows]:
        """Readers by name: of a few quiet things, of many of all sorts, of many quiet ones."""
        few, many = FOLLOWED_FEW // 2, FOLLOWED_MANY // 2
        return {
            "quiet": Follows(_last(self.people, few, 7), _last(self.things, few, 7)),
            "busy": Follows(_spread(self.people, many), _spread(self.things, many)),
            "sleepy": Follows(_last(self.people, FOLLOWED_MANY, 1), ()),
        }

    @property
    def sql(self) -> str:
        """A query for all actions: n, person, object, target, verb, is_public, at. Object and
        target are numbers of things, or null."""
        verbs = ", ".join(f"'{verb}'" for verb in VERBS)
        return f"""
SELECT n, {_skewed(1, self.people)} AS person,
       CASE WHEN n % 10 < 7 THEN {_skewed(2, self.things)} END AS object,
       CASE WHEN n % 10 > 3 THEN {_skewed(3, self.things)} END AS target,
       (ARRAY[{verbs}])[1 + n % {len(VERBS)}] AS verb, n % 50 <> 0 AS is_public,
       timestamptz '2025-01-01 00:00:00+00' + n * interval '31 s' AS at
FROM generate_series(1::bigint, {self.actions}) n
"""


def _skewed(seed: int, top: int) -> str:
    share = f"((hashint8extended(n, {seed}) & 4503599627370495)::float8 / 4503599627370496)"
    return f"floor({top} * {share} ^ 3)::int"


def _last(of: int, number: int, step: int) -> range:
    step = max(1, min(step, of // number))
    return range(of - 1, max(-1, of - 1 - number * step), -step)


def _spread(of: int, number: int) -> tuple[int, ...]:
    number = min(number, of)
    return tuple((2 * k + 1) * of // (2 * number) for k in range(number))
