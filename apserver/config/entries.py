"""Checks of the entries of tables: each returns the value to use, or raises ValueError."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, cast
from urllib.parse import urlsplit

from apserver.core.custom_streams import RESERVED_PARAMETERS, CustomStream
from apserver.core.lexical import is_absolute_iri, is_language_tag
from apserver.core.projection import is_never_shown
from apserver.core.stream_filters import PARAMETERS, is_filter, read_filter
from apserver.core.summaries import check_pattern
from apserver.core.things import ThingType, names_in
from apserver.core.verbs import PLAIN_ROLES, RoleName, check_phrase
from apserver.core.vocabulary import ACTIVITY_TYPES, ACTOR_TYPES, THING_PROPERTIES
from apserver.errors import BadInput

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_SLUG = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_:.-]{0,99}")
_PARAMETER = re.compile(r"[a-z][a-z0-9_]{0,31}")
_HANDLE = re.compile(r"[A-Za-z0-9_.{}-]+")


def is_bare(name: str) -> bool:
    """Whether TOML takes the key without quotes (TOML 1.0, "Keys")."""
    return _BARE.fullmatch(name) is not None


def quoted(name: str) -> str:
    """The key in quotes."""
    return json.dumps(name, ensure_ascii=False)


def phrase(value: str) -> str:
    """A phrase that a verb can have."""
    try:
        return check_phrase(value)
    except BadInput as error:
        raise ValueError(value) from error


def phrase_or_nothing(value: str) -> str:
    """A phrase, or nothing."""
    return phrase(value) if value else value


def slug(value: str) -> str:
    """A name that stands well in a URL."""
    return _whole(_SLUG, value)


def type_name(value: str) -> str:
    """A type: a word, or an IRI."""
    return value if is_absolute_iri(value) else _whole(_WORD, value)


def activity_type(value: str) -> str:
    """A type of activities: one of ActivityStreams, or an IRI."""
    if value not in ACTIVITY_TYPES and not is_absolute_iri(value):
        raise ValueError(value)
    return value


def roles(value: Mapping[str, str]) -> Mapping[RoleName, str]:
    """Roles and members; those that are left out hold nothing, unless all are."""
    if not value:
        return PLAIN_ROLES
    whole = {"actor": "actor", **value}
    members = list(whole.values())
    if (
        not whole.keys() <= PLAIN_ROLES.keys()
        or whole["actor"] != "actor"
        or not set(members) <= set(THING_PROPERTIES)
        or len(set(members)) < len(members)
    ):
        raise ValueError(value)
    return cast("Mapping[RoleName, str]", whole)


def sentences(value: Mapping[str, str]) -> Mapping[str, str]:
    """A pattern for each language."""
    for tag, pattern in value.items():
        if not is_language_tag(tag):
            raise ValueError(tag)
        check_pattern(pattern)
    return value


def iri_template(value: str) -> str:
    """An http(s) URL whose path has at least one name, and whose host has none."""
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or "{" in parts.netloc:
        raise ValueError(value)
    if not names_in(value) or "}{" in value or any(mark.isspace() for mark in value):
        raise ValueError(value)
    return value


def handle_template(value: str) -> str:
    """The template of an actor's name, or nothing."""
    if value:
        names_in(_whole(_HANDLE, value))
    return value


def member_names(value: Sequence[str]) -> tuple[str, ...]:
    """Names of members that may be shown."""
    for name in value:
        if is_never_shown(name):
            raise ValueError(name)
    return tuple(_whole(_WORD, name) for name in value)


def parameter_names(value: Sequence[str]) -> tuple[str, ...]:
    """Names of parameters, each once, and none that every stream has."""
    if len(set(value)) < len(value) or RESERVED_PARAMETERS.intersection(value):
        raise ValueError(value)
    return tuple(_whole(_PARAMETER, name) for name in value)


def filters(value: Sequence[Mapping[str, str]]) -> tuple[Mapping[str, str], ...]:
    """Alternatives, each a table of parameters to values."""
    for alternative in value:
        for text in alternative.values():
            names_in(text)
    return tuple(value)


def thing_type(**members: Any) -> ThingType:
    """A type of things whose handle can be made of its ids."""
    made = ThingType(**members)
    strange = set(names_in(made.handle)) - set(names_in(made.iri))
    if strange:
        raise ValueError(f"handle uses {{{min(strange)}}}, and iri does not have it")
    if (made.facade or made.user) and not names_in(made.handle):
        example = f"{made.kind}_{{{names_in(made.iri)[0]}}}"
        raise ValueError(
            f"handle holds no name of iri, and each actor needs its own. Set one, such as {example}"
        )
    if made.facade and made.user:
        raise ValueError("facade is set, but users are actors by themselves. Leave one out")
    if made.user and made.type not in ACTOR_TYPES:
        raise ValueError(f'type is {made.type}, but users are actors. Set type = "Person"')
    if made.approval and not (made.followable or made.facade):
        raise ValueError(
            "approval is set, and nothing can be followed. Set followable = true, or a facade"
        )
    return made


def custom_stream(**members: Any) -> CustomStream:
    """A stream whose filters are some, and use no parameters but its own."""
    made = CustomStream(**members)
    if made.slug == "home":
        raise ValueError("home is there already")
    unknown = {name for one in made.filters for name in one if not is_filter(name)}
    if unknown:
        raise ValueError(f"{min(unknown)} is no filter; there are {', '.join(PARAMETERS)}")
    used = {name for one in made.filters for text in one.values() for name in names_in(text)}
    strange = used - set(made.parameters)
    if strange:
        raise ValueError(f"a filter uses {{{min(strange)}}}, and parameters does not have it")
    for one in made.filters:
        fixed = {name: text for name, text in one.items() if not names_in(text)}
        try:
            read_filter(fixed)
        except BadInput as error:
            raise ValueError(f"in a filter, {str(error).rstrip('.')}") from error
    return made


def _whole(pattern: re.Pattern[str], value: str) -> str:
    if pattern.fullmatch(value) is None:
        raise ValueError(value)
    return value
