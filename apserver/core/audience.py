"""Who is addressed, and who may see what: the one place that answers for every door.

An activity names its addressees in ``to``, ``cc``, ``audience``, ``bto`` and ``bcc``
(ActivityPub 7.1). Three things follow from them and from nothing else:

*Visibility.* Public in ``to`` is public; Public elsewhere is unlisted; the author's followers
collection makes it followers-only; anything else is direct. (interop: "Addressing".)

*Reading.* `may_read` is asked by objects, pages, counts and look-ups alike. Public and unlisted
things are for everybody. Otherwise the viewer must be the author, be addressed by id, or, for
followers-only things, be an accepted follower. "Not allowed" looks like "not there".

*Delivery.* Everybody addressed receives it, bto and bcc too; Public is nobody's inbox, and the
sender gets no copy.

bto and bcc are taken out of every document before it is stored; their ids live on only as keys
in the audience column, so that those addressed can read what was sent to them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Protocol
from uuid import UUID

from apserver.core.document import ids_of
from apserver.core.origin import key_of
from apserver.core.vocabulary import (
    AUDIENCE_PROPERTIES,
    JSON_LITERALS,
    LANGUAGE_MAPS,
    PRIVATE_PROPERTIES,
    PUBLIC,
    PUBLIC_FORMS,
)


class Visibility(IntEnum):
    """How widely a thing may be seen; up to UNLISTED by everybody."""

    PUBLIC = 0
    UNLISTED = 1
    FOLLOWERS = 2
    DIRECT = 3


@dataclass(frozen=True, slots=True)
class Audience:
    """The addressees of a document, as ids, each list without repeats; Public in full."""

    to: tuple[str, ...] = ()
    cc: tuple[str, ...] = ()
    others: tuple[str, ...] = ()  # the property "audience"
    hidden: tuple[str, ...] = ()  # bto and bcc

    @property
    def everyone(self) -> tuple[str, ...]:
        """All addressees once, Public included."""
        return tuple(dict.fromkeys(self.to + self.cc + self.others + self.hidden))

    @property
    def recipients(self) -> tuple[str, ...]:
        """Those who can be delivered to: all but Public (ActivityPub 5.6)."""
        return tuple(one for one in self.everyone if one != PUBLIC)

    @property
    def is_public(self) -> bool:
        """Whether Public is addressed anywhere."""
        return PUBLIC in self.everyone

    def keys(self) -> list[UUID]:
        """The keys of all recipients, sorted; what the audience columns hold."""
        return sorted(key_of(one) for one in self.recipients)

    def without(self, id_: str) -> Audience:
        """The same but for one addressee."""

        def others(ids: tuple[str, ...]) -> tuple[str, ...]:
            return tuple(one for one in ids if one != id_)

        return Audience(*map(others, (self.to, self.cc, self.others, self.hidden)))

    def __or__(self, other: Audience) -> Audience:
        return Audience(
            _join(self.to, other.to),
            _join(self.cc, other.cc),
            _join(self.others, other.others),
            _join(self.hidden, other.hidden),
        )


def audience_of(document: Mapping[str, Any]) -> Audience:
    """Read the addressing properties of a document."""

    def read(*names: str) -> tuple[str, ...]:
        ids = (one for name in names for one in ids_of(document.get(name)))
        return tuple(dict.fromkeys(PUBLIC if one in PUBLIC_FORMS else one for one in ids))

    return Audience(read("to"), read("cc"), read("audience"), read(*PRIVATE_PROPERTIES))


def visibility_of(audience: Audience, followers: str | None) -> Visibility:
    """How widely something so addressed may be seen.

    ``followers`` is the author's followers collection as the actor document declares it.
    """
    if PUBLIC in audience.to:
        return Visibility.PUBLIC
    if audience.is_public:
        return Visibility.UNLISTED
    if followers is not None and followers in audience.everyone:
        return Visibility.FOLLOWERS
    return Visibility.DIRECT


def with_addressing(document: Mapping[str, Any], audience: Audience) -> dict[str, Any]:
    """A copy of the document that shows exactly this audience; bto and bcc are never shown."""
    shown = {key: value for key, value in document.items() if key not in AUDIENCE_PROPERTIES}
    named = {"to": audience.to, "cc": audience.cc, "audience": audience.others}
    shown.update({name: list(ids) for name, ids in named.items() if ids})
    return shown


def strip_private(value: Any) -> Any:
    """A copy without bto and bcc, at any depth (ActivityPub 6, B.11)."""
    if isinstance(value, dict):
        return {
            key: _strip_member(key, inner)
            for key, inner in value.items()
            if key not in PRIVATE_PROPERTIES
        }
    if isinstance(value, list):
        return [strip_private(inner) for inner in value]
    return value


def _strip_member(name: str, value: Any) -> Any:
    if name == "@context" or name in JSON_LITERALS:
        return value
    if name in LANGUAGE_MAPS and isinstance(value, dict):
        # "bcc" is Southern Balochi there (ISO 639-3), and "bto" Rinconada Bikol.
        return {language: strip_private(text) for language, text in value.items()}
    return strip_private(value)


class Readable(Protocol):
    """What has an author, a visibility and an audience: objects, activities, listing rows."""

    @property
    def author(self) -> UUID:
        """Key of the actor that it belongs to."""

    @property
    def visibility(self) -> int:
        """A `Visibility`."""

    @property
    def audience(self) -> Collection[UUID]:
        """Keys of everyone addressed."""


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who looks: the actor of a bearer token or of a signed request; nobody when None.

    Of the authors in question, ``follows`` holds those whose accepted follower the viewer is,
    ``hidden`` those who are not shown to it (blocked either way, or suspended), ``limited`` those
    who are shown to followers only.
    """

    actor: UUID | None = None
    follows: frozenset[UUID] = frozenset()
    hidden: frozenset[UUID] = frozenset()
    limited: frozenset[UUID] = frozenset()


def is_hidden(viewer: Viewer, author: UUID, *, asking: bool = False) -> bool:
    """Whether moderation keeps the author's things from the viewer, whoever they are for.

    ``asking``: it is a request to the viewer, which is shown when the author is only limited.
    """
    if author in viewer.hidden:
        return True
    return not asking and author in viewer.limited and author not in viewer.follows


def may_read(viewer: Viewer, thing: Readable) -> bool:
    """Whether the viewer may see the thing. The only place where this is decided."""
    if is_hidden(viewer, thing.author):
        return False
    if thing.visibility <= Visibility.UNLISTED:
        return True
    if viewer.actor is None:
        return False
    if viewer.actor == thing.author or viewer.actor in thing.audience:
        return True
    return thing.visibility == Visibility.FOLLOWERS and thing.author in viewer.follows


def _join(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one + other))
