"""Verbs: what an action is called, which AS2 type it has, and which member holds which role.

An action has an actor, an object (what it was done with) and a target (where). ActivityStreams
puts some targets into ``object``: who joins a group names the group there. A `Verb` says so, once,
for what we make and for what comes from elsewhere alike.

A verb is found by its phrase, which is kept as it was written (``verbPhrase``), or by its type.
What no verb is registered for keeps its phrase, is an Activity or, without an object, an
IntransitiveActivity, and has its roles where they are named.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, TypeAlias
from unicodedata import category

from apserver.core import limits
from apserver.errors import BadInput

RoleName: TypeAlias = Literal["actor", "object", "target"]
#: Where the roles are unless a verb says otherwise.
PLAIN_ROLES: Mapping[RoleName, str] = {"actor": "actor", "object": "object", "target": "target"}
#: What is done to something that AS2 names in ``object``.
TARGET_IN_OBJECT: Mapping[RoleName, str] = {"actor": "actor", "target": "object"}
#: What a phrase without a type of its own has for a type.
OPEN_TYPES = ("Activity", "IntransitiveActivity")
#: Categories of Unicode: control characters, halves of a pair, ends of lines and of paragraphs.
_NOT_IN_A_LINE = frozenset({"Cc", "Cs", "Zl", "Zp"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """One verb. ``sentences`` has a pattern for each language tag (see `core.summaries`);
    ``companion`` tells whether servers that show only notes get one.
    """

    phrase: str
    type: str = "Activity"
    roles: Mapping[RoleName, str] = field(default_factory=lambda: PLAIN_ROLES)
    sentences: Mapping[str, str] = field(default_factory=dict)
    companion: bool = False


BUILT_IN = (
    Verb(phrase="started following", type="Follow", roles=TARGET_IN_OBJECT),
    Verb(phrase="joined", type="Join", roles=TARGET_IN_OBJECT),
    Verb(phrase="left", type="Leave", roles=TARGET_IN_OBJECT),
    Verb(phrase="liked", type="Like", roles=TARGET_IN_OBJECT),
    Verb(phrase="disliked", type="Dislike", roles=TARGET_IN_OBJECT),
    Verb(phrase="posted", type="Create"),
    Verb(phrase="shared", type="Announce"),
    Verb(phrase="added", type="Add", sentences={"en": "{actor} {verb} {object} to {target}"}),
    Verb(
        phrase="removed",
        type="Remove",
        sentences={"en": "{actor} {verb} {object} from {target}"},
    ),
    Verb(phrase="viewed", type="View"),
    Verb(phrase="read", type="Read"),
    Verb(phrase="listened to", type="Listen"),
    Verb(phrase="invited", type="Invite", sentences={"en": "{actor} {verb} {object} to {target}"}),
    Verb(phrase="offered", type="Offer", sentences={"en": "{actor} {verb} {object} to {target}"}),
    Verb(phrase="moved", type="Move", sentences={"en": "{actor} {verb} {object} to {target}"}),
    Verb(phrase="travelled", type="Travel"),
    Verb(phrase="arrived", type="Arrive"),
)


@dataclass(frozen=True)
class Verbs:
    """The registered verbs: those built in, and those of the configuration, which count first."""

    configured: tuple[Verb, ...] = ()

    @cached_property
    def _by_phrase(self) -> Mapping[str, Verb]:
        return {verb.phrase: verb for verb in (*BUILT_IN, *self.configured)}

    @cached_property
    def _by_type(self) -> Mapping[str, Verb]:
        # Of several verbs with one type the first stands for it, so those built in do.
        named = {verb.type: verb for verb in reversed([*self._by_phrase.values()])}
        return {type_: verb for type_, verb in named.items() if type_ not in OPEN_TYPES}

    def find(self, phrase: str | None, type_: str) -> Verb | None:
        """The verb of an activity: by its phrase if that is registered, else by its type."""
        return self._by_phrase.get(phrase or "") or self._by_type.get(type_)

    def by_phrase(self, phrase: str) -> Verb | None:
        """The verb that is called so."""
        return self._by_phrase.get(phrase)

    def roles(self, phrase: str | None, type_: str) -> Mapping[RoleName, str]:
        """Which member holds which role."""
        verb = self.find(phrase, type_)
        return PLAIN_ROLES if verb is None else verb.roles


def check_phrase(value: object, *, pointer: str = "") -> str:
    """A phrase: one line of plain text; or BadInput."""
    if (
        not isinstance(value, str)
        or not 0 < len(value) <= limits.PHRASE
        or any(category(character) in _NOT_IN_A_LINE for character in value)
        or value != value.strip()
    ):
        raise BadInput(
            f"A phrase is one line of text of at most {limits.PHRASE} characters, without spaces "
            "around it.",
            pointer=pointer,
        )
    return value
