"""`TABLES`: the sections whose entries have names that the owner of the server chooses.

`[verbs."reached level"]` is an entry of such a table. Its keys are described as those of other
sections are (`config.keys.Key`); what they come to is a value of the core.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from apserver.config import entries as check
from apserver.config.keys import PREFIX, Key
from apserver.config.values import check_one_of
from apserver.core.flags import Flag
from apserver.core.verbs import Verb


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A section of named entries.

    ``entry`` is the member of the value that holds the name. ``check_name`` takes the name and
    ``make`` the members of an entry: each returns what to use, or raises ValueError; that of
    ``make`` says what is wrong. A key with ``computed`` must be set in each entry.
    """

    name: str
    entry: str
    doc: str
    comment: str
    allowed: str
    example: str
    keys: tuple[Key, ...]
    check_name: Callable[[str], str]
    make: Callable[..., Any]

    @property
    def variable(self) -> str:
        """The environment variable with all entries as one JSON object: `APSERVER__VERBS`."""
        return PREFIX + self.name.upper()

    def label(self, name: str) -> str:
        """How messages name an entry: `[verbs."reached level"]`."""
        return f"[{self.name}.{name if check.is_bare(name) else check.quoted(name)}]"

    def keys_of(self, name: str) -> Mapping[str, Key]:
        """The keys of one entry by name, labelled as its own."""
        section = self.label(name)[1:-1]
        return {key.name: replace(key, section=section) for key in self.keys}

    def plain(self, entries: Iterable[Any]) -> dict[str, dict[str, Any]]:
        """The entries in their TOML types, by name."""
        return {
            getattr(one, self.entry): {
                key.name: _plain(getattr(one, key.name)) for key in self.keys
            }
            for one in entries
        }


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


TABLES = (
    Table(
        name="verbs",
        entry="phrase",
        doc="Verbs of this site, each under the phrase that its actions have as verbPhrase.",
        comment="What no verb is registered for is an Activity with its phrase. See "
        "docs/actions.md.",
        allowed='a phrase of plain text, such as "reached level"',
        example="reached level",
        check_name=check.phrase,
        make=Verb,
        keys=(
            Key(
                name="type",
                doc="The type of an activity with this phrase.",
                comment="Activity becomes IntransitiveActivity where there is no object.",
                allowed='an activity type of ActivityStreams, such as "Join", or an IRI',
                default="Activity",
                check=check.activity_type,
            ),
            Key(
                name="roles",
                kind="table",
                doc="Which member holds the object, and which the target.",
                comment='Empty: each has its own. {target = "object"} is for what AS2 puts into '
                "object though it happened there, as in Join.",
                allowed='a table of "object" and "target" to members of an activity, such as '
                '{target = "object"}',
                default={},
                check=check.roles,
            ),
            Key(
                name="sentences",
                kind="table",
                doc="The sentence that tells it, by language; it becomes the summary.",
                comment="Placeholders: {actor}, {verb}, {object}, {target}. What stands in square "
                "brackets is left out when a placeholder in it has nothing to show.",
                allowed="a table of language tags to patterns with {actor}, {verb}, {object} and "
                "{target}, such as "
                '{en = "{actor} closed {object}[ on {target}]"}',
                default={},
                check=check.sentences,
            ),
            Key(
                name="companion",
                kind="boolean",
                doc="Whether a Note with the sentence is published beside the action.",
                comment="Servers that show only notes then show it.",
                allowed="true or false",
                default=False,
            ),
        ),
    ),
    Table(
        name="flags",
        entry="name",
        doc="Flags that a follow can have, each under its name.",
        comment="A flag that is not registered is a label and does nothing by itself.",
        allowed='small letters, digits, "-" and "_", such as "watching"',
        example="mute",
        check_name=check.slug,
        make=Flag,
        keys=(
            Key(
                name="mutes",
                kind="boolean",
                doc="Whether it takes what it is on out of home.",
                comment="Nobody is told of it.",
                allowed="true or false",
                default=False,
            ),
            Key(
                name="verb",
                doc="The phrase of a follow with this flag.",
                comment='Such as "is watching". Empty: "started" and the name of the flag.',
                allowed="plain text, at most 255 characters",
                check=check.phrase_or_nothing,
            ),
        ),
    ),
    Table(
        name="things",
        entry="kind",
        doc="Types of things of the site that uses this server, each under a name.",
        comment="See docs/things.md.",
        allowed='small letters, digits, "-" and "_", such as "issue"',
        example="issue",
        check_name=check.slug,
        make=check.thing_type,
        keys=(
            Key(
                name="iri",
                doc="The template of their ids.",
                comment='A name in braces stands for one part of the path, without "/".',
                allowed='an http(s) URL with names, such as "https://shop.example/issues/{id}"',
                computed="none, it must be set",
                shown="https://shop.example/issues/{id}",
                check=check.iri_template,
            ),
            Key(
                name="type",
                doc="Their type.",
                comment="A type of ActivityStreams, or one of the site's own.",
                allowed='a word or an IRI, such as "Document"',
                default="Object",
                check=check.type_name,
            ),
            Key(
                name="followable",
                kind="boolean",
                doc="Whether they can be followed.",
                comment="Their followers see what happens to them.",
                allowed="true or false",
                default=False,
            ),
            Key(
                name="approval",
                kind="boolean",
                doc="Whether a follow waits until it is accepted.",
                comment="",
                allowed="true or false",
                default=False,
            ),
            Key(
                name="facade",
                doc="The type of the actor that other servers can follow in place of the thing.",
                comment="Empty: there is none.",
                allowed='"", "Person", "Group", "Organization", "Application" or "Service"',
                check=check_one_of("", "Person", "Group", "Organization", "Application", "Service"),
            ),
            Key(
                name="handle",
                doc="The template of the name of that actor, or of the user's.",
                comment="With the names that stand in iri.",
                allowed='letters, digits, "_", "." and "-" and names of iri, such as "issue_{id}"',
                check=check.handle_template,
            ),
            Key(
                name="deletion",
                doc="What becomes of the actions with a thing that is deleted.",
                comment="tombstone: they stay, and show that it is gone. cascade: they go too.",
                allowed='"tombstone" or "cascade"',
                default="tombstone",
                check=check_one_of("tombstone", "cascade"),
            ),
            Key(
                name="access",
                doc="Who may see the things by themselves.",
                comment="",
                allowed='"public" or "none"',
                default="none",
                check=check_one_of("public", "none"),
            ),
            Key(
                name="members",
                kind="list",
                doc="The members of a thing that are shown.",
                comment="id and type always are. No other is, unless it stands here.",
                allowed='a list of member names, such as ["name", "url"], without credentials, '
                "e-mail addresses and what the server says itself",
                default=[],
                check=check.member_names,
            ),
            Key(
                name="user",
                kind="boolean",
                doc="Whether they are the users of the site, who act.",
                comment="Each gets an actor here when it acts first.",
                allowed="true or false",
                default=False,
            ),
        ),
    ),
    Table(
        name="streams",
        entry="slug",
        doc="Streams of this site's own, each under its name in URLs.",
        comment="See docs/streams.md.",
        allowed='small letters, digits, "-" and "_", such as "closings"',
        example="closings",
        check_name=check.slug,
        make=check.custom_stream,
        keys=(
            Key(
                name="name",
                doc="What people call it.",
                comment="",
                allowed="plain text",
            ),
            Key(
                name="parameters",
                kind="list",
                doc="Parameters that its URL takes.",
                comment="Filters use them in braces.",
                allowed='a list of names, such as ["until"], other than those of pages',
                default=[],
                check=check.parameter_names,
            ),
            Key(
                name="scope",
                doc="Of what it is a part.",
                comment="public: of all that is public here. Otherwise of what the thing named by "
                "the parameter id takes part in, in that role or in any.",
                allowed='"public", "actor", "object", "target" or "any"',
                default="public",
                check=check_one_of("public", "actor", "object", "target", "any"),
            ),
            Key(
                name="filters",
                kind="tables",
                doc="What its actions have in common: parameters of streams with their values.",
                comment="An action is in the stream that meets all of one of these.",
                allowed="a list of tables of text, such as "
                '[{verb = "closed", "published.lt" = "{until}"}]',
                default=[],
                check=check.filters,
            ),
        ),
    ),
)
TABLES_BY_NAME: Mapping[str, Table] = {table.name: table for table in TABLES}
