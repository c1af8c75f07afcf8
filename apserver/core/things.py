"""Types of things: which IRIs of a web site stand for what, and what may be done with them.

A site keeps its things (issues, groups, photos) and its users under URLs of its own. A template
such as ``https://shop.example/issues/{id}`` says which of them are of one type. A name in braces
stands for one part of the path, so it holds neither "/" nor "?" nor "#".

What a template fits is the site's: it is written with a token of scope ``site`` alone, never
fetched, and never taken from other servers. A site may share our origin; what we make there
ourselves (`core.names.OUR_PATHS`) is no thing of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, Literal, TypeAlias

from apserver.core import limits
from apserver.core.names import OUR_PATHS, local_name
from apserver.core.origin import Origin, origin_of
from apserver.core.projection import projection
from apserver.errors import BadInput

Deletion: TypeAlias = Literal["tombstone", "cascade"]
Access: TypeAlias = Literal["public", "none"]
Facade: TypeAlias = Literal["Person", "Group", "Organization", "Application", "Service", ""]

_NAME = re.compile(r"\{([a-z][a-z0-9_]*)\}")
#: One part of a path: nothing that ends it, and nothing that no IRI may hold (RFC 3987 2.2).
_PART = r"[^/?#\x00-\x20\x7f-\xa0\\\u2028\u2029\ud800-\udfff]+"


@dataclass(frozen=True, slots=True, kw_only=True)
class ThingType:
    """One type of things of a site (``[things.KIND]``).

    ``iri`` is the template of their ids, ``type`` their AS2 type. With ``approval`` a follow waits
    for an answer. ``facade`` is the type of the actor that others can follow in place of the
    thing, ``handle`` the template of its name. ``deletion`` tells what becomes of actions when
    their thing goes. ``access`` tells who sees the thing, ``members`` which of its members are
    shown. Things of a type with ``user`` are the users of the site.
    """

    kind: str
    iri: str
    type: str = "Object"
    followable: bool = False
    approval: bool = False
    facade: Facade = ""
    handle: str = ""
    deletion: Deletion = "tombstone"
    access: Access = "none"
    members: tuple[str, ...] = ()
    user: bool = False

    def match(self, iri: str) -> Mapping[str, str] | None:
        """What the names of the template stand for in this IRI; None when it is none of these."""
        if len(iri) > limits.IRI:
            return None
        found = _pattern(self.iri).fullmatch(iri)
        return None if found is None else found.groupdict()

    def name_of(self, iri: str) -> str | None:
        """The name of the actor for a thing by ``handle``; None without one."""
        parts = self.match(iri)
        return None if parts is None or not self.handle else local_name(fill(self.handle, parts))

    def iri_of(self, name: str) -> str | None:
        """The IRI of the thing whose actor would have this name; None when it cannot be told,
        because ``handle`` lacks a name of ``iri`` or the actor's name is another."""
        if not self.handle or set(names_in(self.handle)) != set(names_in(self.iri)):
            return None
        if len(name) > limits.NAME:  # matching several names takes long for a long one
            return None
        found = _name_pattern(self.handle).fullmatch(name)
        return None if found is None else fill(self.iri, found.groupdict())

    def shown(self, iri: str, document: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """What is kept and shown of a thing: ``id``, ``type`` and the members that are listed."""
        return {"id": iri, "type": self.type, **projection(document or {}, self.members)}


def names_in(template: str) -> tuple[str, ...]:
    """The names in braces of a template. ValueError for other braces, or a name twice."""
    names = tuple(_NAME.findall(template))
    if set("{}").intersection(_NAME.sub("", template)) or len(set(names)) < len(names):
        raise ValueError(template)
    return names


def fill(template: str, parts: Mapping[str, str]) -> str:
    """The template with its names replaced."""
    return _NAME.sub(lambda found: parts[found[1]], template)


@cache
def _pattern(template: str) -> re.Pattern[str]:
    return _compiled(template, _PART, re.escape)


@cache
def _name_pattern(template: str) -> re.Pattern[str]:
    return _compiled(template, "[A-Za-z0-9_]+?", lambda text: local_name(text) if text else "")


def _compiled(template: str, part: str, literal: Any) -> re.Pattern[str]:
    # Odd pieces of a split by a group are what the group caught.
    pieces = _NAME.split(template)
    return re.compile(
        "".join(
            f"(?P<{piece}>{part})" if index % 2 else literal(piece)
            for index, piece in enumerate(pieces)
        )
    )


@dataclass(frozen=True)
class Things:
    """The registered types of things; ``own`` is our own origin."""

    configured: tuple[ThingType, ...] = ()
    own: str = ""

    def find(self, iri: str | None) -> ThingType | None:
        """The first type whose template the IRI fits; None for what is no thing of a site."""
        if not self.configured or iri is None or self._is_made_here(iri):
            return None
        return next((one for one in self.configured if one.match(iri) is not None), None)

    def is_of_site(self, iri: str) -> bool:
        """Whether the IRI is of an origin where a site has things, and not one of our ids."""
        if not self.configured or self._is_made_here(iri):
            return False
        try:
            return origin_of(iri) in self._origins
        except BadInput:
            return False

    def named(self, name: str) -> tuple[tuple[ThingType, str], ...]:
        """The things, with their types, whose façade would have this name."""
        found = ((one, one.iri_of(name)) for one in self.configured if one.facade)
        return tuple((one, iri) for one, iri in found if iri is not None)

    @cached_property
    def by_kind(self) -> Mapping[str, ThingType]:
        """The types by the names that the configuration gives them."""
        return {one.kind: one for one in self.configured}

    @cached_property
    def _origins(self) -> frozenset[Origin]:
        return frozenset(origin_of(one.iri) for one in self.configured)

    def _is_made_here(self, iri: str) -> bool:
        try:
            if not self.own or origin_of(iri) != origin_of(self.own):
                return False
        except BadInput:
            return False
        path = iri.split("/", 3)[3:] or [""]
        return re.split(r"[/?#]", path[0], maxsplit=1)[0] in OUR_PATHS
