"""What of a stream is asked for: filters, and the ranges of the role index that hold the answer.

A `Filter` is what an action must meet, all of it; a `Query` is a stream, as filters of which one
must be met, and what was asked besides. So the streams that are built in and those that a site
defines are one thing. Which of them can be looked up, and which must be walked through, is told by
`Query.ranges`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, TypeAlias
from uuid import UUID

from apserver.core import limits
from apserver.core.roles import Role
from apserver.core.times import read_time
from apserver.errors import BadInput

#: A participant in one of these roles.
Part: TypeAlias = tuple[tuple[Role, ...], str]
_EVERY_ROLE = (Role.ACTOR, Role.OBJECT, Role.TARGET)
_DATA = "data."


@dataclass(frozen=True, slots=True)
class Entry:
    """What filters know of an action. ``parts`` has its rows of the role index; ``data`` what
    stands under the paths into its actionData that `Query.paths` names, as text."""

    type: str
    verb: str | None
    published_at: datetime
    parts: frozenset[tuple[int, UUID]] = frozenset()
    data: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What an action must meet, each of it that is given.

    ``type`` and ``verb`` are its own; ``actor``, ``object``, ``target`` and ``any`` (in any of
    these roles) are ids, ``of_type`` is the type of a participant; ``data`` has paths into its
    actionData (``color``, ``size.width``, ``tags.0``) with the values found there, as text.
    """

    type: str | None = None
    verb: str | None = None
    actor: str | None = None
    object: str | None = None
    target: str | None = None
    any: str | None = None
    of_type: str | None = None
    published_gte: datetime | None = None
    published_gt: datetime | None = None
    published_lte: datetime | None = None
    published_lt: datetime | None = None
    data: tuple[tuple[str, str], ...] = ()

    @property
    def parts(self) -> tuple[Part, ...]:
        """The participants that it names, with the roles that each may have; types last."""
        named: tuple[tuple[tuple[Role, ...], str | None], ...] = (
            ((Role.ACTOR,), self.actor),
            ((Role.OBJECT,), self.object),
            ((Role.TARGET,), self.target),
            (_EVERY_ROLE, self.any),
            ((Role.TYPE,), self.of_type),
        )
        return tuple((roles, name) for roles, name in named if name is not None)

    @property
    def is_one_part(self) -> bool:
        """Whether it asks for one participant and nothing else."""
        rest = replace(self, actor=None, object=None, target=None, any=None, of_type=None)
        return len(self.parts) == 1 and rest == Filter()

    def matches(self, entry: Entry, keys: Mapping[str, UUID]) -> bool:
        """Whether an action meets it. ``keys`` of the participants that it names."""
        published = entry.published_at
        return (
            (self.type is None or self.type == entry.type)
            and (self.verb is None or self.verb == entry.verb)
            and (self.published_gte is None or published >= self.published_gte)
            and (self.published_gt is None or published > self.published_gt)
            and (self.published_lte is None or published <= self.published_lte)
            and (self.published_lt is None or published < self.published_lt)
            and all(
                any((role, keys[name]) in entry.parts for role in roles)
                for roles, name in self.parts
            )
            and all(entry.data.get(path) == value for path, value in self.data)
        )


#: Parameters of URLs that are filters, besides ``data.PATH``, and the members they set.
_TEXTS = ("type", "verb", "actor", "object", "target")
_TIMES = {f"published.{end}": f"published_{end}" for end in ("gte", "gt", "lte", "lt")}
PARAMETERS = (*_TEXTS, *_TIMES, "data.PATH")


def is_filter(parameter: str) -> bool:
    """Whether a parameter is one of `PARAMETERS`."""
    return parameter in _TEXTS or parameter in _TIMES or parameter.startswith(_DATA)


def read_filter(given: Mapping[str, str]) -> Filter:
    """The filter that parameters say. BadInput names the one that cannot be read."""
    members: dict[str, Any] = {name: given[name] for name in _TEXTS if name in given}
    for name, member in _TIMES.items():
        if name in given:
            members[member] = read_time(given[name])
            if members[member] is None:
                raise BadInput(f"{name} must be a date and time, such as 2026-01-02T03:04:05Z.")
    data = tuple(
        (name.removeprefix(_DATA), value) for name, value in given.items() if name.startswith(_DATA)
    )
    if any(not path for path, _ in data):
        raise BadInput("data. needs a path into actionData, such as data.color.")
    if len(data) > limits.DATA_FILTERS:
        raise BadInput(f"At most {limits.DATA_FILTERS} parameters may begin with data.")
    return Filter(**members, data=data)


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A stream, and what was asked of it: one of ``any_of``, all of ``also``, and with ``public``
    only what is listed for everybody."""

    any_of: tuple[Filter, ...] = (Filter(),)
    also: tuple[Filter, ...] = ()
    public: bool = False

    @property
    def names(self) -> frozenset[str]:
        """The ids and types that it names."""
        return frozenset(name for one in (*self.any_of, *self.also) for _, name in one.parts)

    @property
    def ranges(self) -> tuple[tuple[Role, str], ...] | None:
        """Ranges of the role index that hold all of the answer; None: only the order of time."""
        for one in self.also:
            if one.parts:
                return _ranges(one.parts[:1])
        firsts = [one.parts[:1] for one in self.any_of]
        if not all(firsts):
            return None
        return _ranges(tuple(dict.fromkeys(part for [part] in firsts)))

    @property
    def is_exact(self) -> bool:
        """Whether all that stands in these ranges is in the answer."""
        if any(one != Filter() for one in self.also):
            return False
        return self.any_of == (Filter(),) or all(one.is_one_part for one in self.any_of)

    @property
    def is_by_parts(self) -> bool:
        """Whether who takes part must be known to answer it."""
        return not self.is_exact and bool(self.names)

    @property
    def paths(self) -> tuple[str, ...]:
        """What of actionData must be known to answer it."""
        named = [path for one in (*self.any_of, *self.also) for path, _ in one.data]
        return tuple(dict.fromkeys(named))

    @property
    def span(self) -> tuple[datetime | None, datetime | None]:
        """Between which places in streams the answer lies: from, and before.

        A place is within the second after the date, never before it (`core.streams`).
        """
        asked = (*self.also, *(self.any_of if len(self.any_of) == 1 else ()))
        since = [d for one in asked for d in (one.published_gte, one.published_gt) if d]
        until = [d for one in asked for d in (one.published_lte, one.published_lt) if d]
        return max(since, default=None), _second_after(min(until, default=None))

    def matches(self, entry: Entry, keys: Mapping[str, UUID]) -> bool:
        """Whether an action is in the answer."""
        return all(one.matches(entry, keys) for one in self.also) and any(
            one.matches(entry, keys) for one in self.any_of
        )


def _ranges(parts: tuple[Part, ...]) -> tuple[tuple[Role, str], ...]:
    return tuple((role, name) for roles, name in parts for role in roles)


def _second_after(moment: datetime | None) -> datetime | None:
    if moment is None or moment.year > 9_000:
        return None
    return moment + timedelta(seconds=1)
