"""Structured fields for HTTP (RFC 8941): the dictionaries that signatures and digests come in.

    Signature-Input: sig1=("@method" "@target-uri");created=1618884473;keyid="https://…"
                     └key └inner list, its items    └parameters

A dictionary maps keys to items or inner lists; a bare item is a string, a byte sequence between
colons, a number, a token or a boolean; items, inner lists and members may carry parameters. The
reader follows the algorithms of RFC 8941 4.2 and is stricter in one point: where the RFC lets the
last of two equal keys win, both are refused, since a reader that keeps the first would see another
signature. Every value keeps its text as received, because that text is what was signed (RFC 9421
2.5). One pass, no backtracking.
"""

from __future__ import annotations

import re
from binascii import a2b_base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from apserver.core import limits
from apserver.errors import BadInput, NotTrusted


@dataclass(frozen=True, slots=True)
class Token:
    """A bare word (RFC 8941 3.3.4): not the same as a string of equal letters."""

    text: str


BareItem: TypeAlias = str | bytes | int | float | bool | Token


@dataclass(frozen=True, slots=True)
class Item:
    """A bare item with its parameters; ``raw`` is its text as received."""

    value: BareItem
    parameters: Mapping[str, BareItem]
    raw: str


@dataclass(frozen=True, slots=True)
class InnerList:
    """Items in parentheses, with the parameters of the list; ``raw`` is its text as received."""

    items: tuple[Item, ...]
    parameters: Mapping[str, BareItem]
    raw: str


Member: TypeAlias = Item | InnerList

_KEY = re.compile(r"[a-z*][a-z0-9_.*-]*+")
_PARAMETER = re.compile(r"; *+([a-z*][a-z0-9_.*-]*+)(=)?")
_SPACES = re.compile(r" *+")
_COMMA = re.compile(r"[ \t]*+(?:(,)[ \t]*+|\Z)")
_BARE = re.compile(
    r'"(?P<string>(?:[ !#-\[\]-~]|\\["\\])*+)"'
    r"|:(?P<bytes>[A-Za-z0-9+/=]*+):"
    r"|(?P<decimal>-?[0-9]{1,12}\.[0-9]{1,3})"
    r"|(?P<integer>-?[0-9]{1,15})"
    r"|(?P<token>[A-Za-z*][A-Za-z0-9!#$%&'*+.^_`|~:/-]*+)"
    r"|\?(?P<boolean>[01])"
)
_ESCAPED = re.compile(r'\\(["\\])')


def read_dictionary(text: str, *, field: str) -> dict[str, Member]:
    """Read the combined value of a header as a dictionary (RFC 8941 4.2.2).

    ``field`` is the header's name, for messages. Raises BadInput when it is too long or no
    dictionary, NotTrusted when a key or a parameter stands twice.
    """
    if len(text) > limits.HEADER:
        raise BadInput(f"{field} is longer than {limits.HEADER} bytes.")
    return _Reader(text, field).dictionary()


class _Reader:
    """A place in a text. Each method reads one production of RFC 8941 and moves on."""

    __slots__ = ("at", "field", "text")

    def __init__(self, text: str, field: str) -> None:
        self.text = text.strip(" ")
        self.field = field
        self.at = 0

    def dictionary(self) -> dict[str, Member]:
        members: dict[str, Member] = {}
        more = bool(self.text)
        while more:
            key = self._take(_KEY, "a key").group()
            if key in members:
                raise self._twice(key)
            members[key] = self._member()
            more = self._take(_COMMA, "a comma").group(1) is not None
        return members

    def _member(self) -> Member:
        start = self.at
        if self._next() != "=":
            return Item(True, self._parameters(), self.text[start : self.at])
        self.at += 1
        return self._inner_list() if self._next() == "(" else self._item()

    def _inner_list(self) -> InnerList:
        start = self.at
        self.at += 1
        self._take(_SPACES, "an item")
        items: list[Item] = []
        while self._next() != ")":
            items.append(self._item())
            if not self._take(_SPACES, "an item").group() and self._next() != ")":
                raise self._malformed("a space or a closing parenthesis")
        self.at += 1
        return InnerList(tuple(items), self._parameters(), self.text[start : self.at])

    def _item(self) -> Item:
        start = self.at
        value = self._bare_item()
        return Item(value, self._parameters(), self.text[start : self.at])

    def _parameters(self) -> dict[str, BareItem]:
        parameters: dict[str, BareItem] = {}
        while found := _PARAMETER.match(self.text, self.at):
            key, has_value = found.groups()
            if key in parameters:
                raise self._twice(key)
            self.at = found.end()
            parameters[key] = self._bare_item() if has_value else True
        return parameters

    def _bare_item(self) -> BareItem:
        found = self._take(_BARE, "a value")
        kind, text = found.lastgroup, found[found.lastindex or 0]
        if kind == "string":
            return _ESCAPED.sub(r"\1", text) if "\\" in text else text
        if kind == "bytes":
            return self._decoded(text)
        if kind == "integer":
            return int(text)
        if kind == "token":
            return Token(text)
        return float(text) if kind == "decimal" else text == "1"

    def _decoded(self, text: str) -> bytes:
        try:
            return a2b_base64(text, strict_mode=True)
        except ValueError:
            raise self._malformed("base64") from None

    def _take(self, pattern: re.Pattern[str], wanted: str) -> re.Match[str]:
        found = pattern.match(self.text, self.at)
        if found is None:
            raise self._malformed(wanted)
        self.at = found.end()
        return found

    def _next(self) -> str:
        return self.text[self.at : self.at + 1]

    def _twice(self, key: str) -> NotTrusted:
        return NotTrusted(f"{self.field} contains {key!r} twice. Send it once.")

    def _malformed(self, wanted: str) -> BadInput:
        return BadInput(
            f"{self.field} is not a structured field (RFC 8941):"
            f" {wanted} expected at character {self.at + 1}."
        )
