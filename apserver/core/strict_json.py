"""JSON from bytes that were made by somebody else (RFC 8259, and I-JSON of RFC 7493).

Two parsers must never see two values in the same bytes, and what was parsed must fit into
PostgreSQL and into every other reader. So this refuses duplicate keys (Python keeps the last,
others the first), NaN and Infinity, numbers that lose digits, NUL and lone surrogates, any
encoding but UTF-8, and trees that are too deep or too wide.

Nearly every check is a pass in C over the bytes, because most documents have nothing to hide:
brackets and colons are counted before parsing, which also keeps the parser from recursing far;
texts are looked at one by one only when the bytes hold an escape that may matter.
"""

from __future__ import annotations

import codecs
import json
import math
import re
from collections import Counter
from dataclasses import dataclass
from typing import Any, NoReturn

from apserver.core import limits
from apserver.errors import BadInput, TooLarge

#: Escapes that may stand for NUL or for half a surrogate pair.
_RISKY_ESCAPE = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
_QUOTED = re.compile(rb'"[^"]*"?')
_INTEGER_LENGTH = len(str(-limits.SAFE_INTEGER))


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How much JSON is read: bytes, levels of nesting, members of objects."""

    size: int
    depth: int
    members: int


#: One document.
DOCUMENT = Bounds(size=limits.BODY, depth=limits.JSON_DEPTH, members=limits.JSON_KEYS)


def read_json(body: bytes, *, bounds: Bounds = DOCUMENT) -> Any:
    """The value in ``body``.

    Raises BadInput that tells the place where that is cheap to know; TooLarge for more bytes than
    the bounds have.
    """
    check_bounds(body, bounds)
    if body.startswith(codecs.BOM_UTF8):
        raise BadInput("The body starts with a byte order mark. Send plain UTF-8.")
    try:
        value = _DECODER.decode(body.decode())
    except UnicodeDecodeError as error:
        raise BadInput(f"The body is not UTF-8 at byte {error.start}.") from None
    except json.JSONDecodeError as error:
        problem = error.msg.removesuffix(" at")
        raise BadInput(f"The body is not JSON: {problem}, character {error.pos}.") from None
    if _RISKY_ESCAPE.search(body):
        _check_texts(value, "")
    return value


def check_bounds(body: bytes, bounds: Bounds = DOCUMENT) -> None:
    """Raise TooLarge or BadInput for bytes that are more, deeper or wider."""
    if len(body) > bounds.size:
        raise TooLarge(f"The body is larger than {bounds.size} bytes.")
    if _is_too_deep(body, bounds.depth):
        raise BadInput(f"The body nests deeper than {bounds.depth} levels.")
    if _has_too_many_members(body, bounds.members):
        raise BadInput(f"The body has more than {bounds.members} members.")


def child_pointer(pointer: str, name: str) -> str:
    """The JSON pointer (RFC 6901 3) of a member of what ``pointer`` points to."""
    return f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"


def _is_too_deep(body: bytes, most: int) -> bool:
    # A bound first: brackets inside strings can only make this count too high.
    if body.count(b"{") + body.count(b"[") <= most:
        return False
    brackets = _outside_strings(body, b"{}[]").translate(bytes.maketrans(b"[]", b"{}"))
    for _ in range(most):
        if not brackets:
            return False
        brackets = brackets.replace(b"{}", b"")  # takes off the innermost level everywhere
    return b"{}" in brackets or brackets.count(b"{") > most


def _has_too_many_members(body: bytes, most: int) -> bool:
    # `"a":1` is the shortest member.
    if len(body) <= 5 * most or body.count(b":") <= most:
        return False
    return len(_outside_strings(body, b":")) > most


def _outside_strings(body: bytes, marks: bytes) -> bytes:
    """Those ``marks`` of the body that stand outside its strings, in order."""
    if b"\\" in body:
        body = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    left = body.translate(None, bytes(set(range(256)).difference(marks, b'"')))
    # Two quotes side by side change nothing for what follows them, whichever two they are.
    left = left.replace(b'""', b"")
    return _QUOTED.sub(b"", left) if b'"' in left else left


def _check_texts(value: Any, pointer: str) -> None:
    if isinstance(value, str):
        _check_text(value, pointer)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _check_texts(item, f"{pointer}/{index}")
    elif isinstance(value, dict):
        for name, member in value.items():
            _check_text(name, pointer)
            _check_texts(member, child_pointer(pointer, name))


def _check_text(text: str, pointer: str) -> None:
    if "\0" in text:
        raise BadInput("The body holds the character U+0000.", pointer=pointer)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise BadInput("The body holds half a surrogate pair.", pointer=pointer) from None


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        twice = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise BadInput(f"The member {twice[:40]!a} stands twice in one object.")
    return members


def _integer(digits: str) -> int:
    # The length first: Python takes quadratic time for long ones, and refuses the longest.
    if len(digits) <= _INTEGER_LENGTH and abs(number := int(digits)) <= limits.SAFE_INTEGER:
        return number
    raise BadInput(f"The number {digits[:20]} is out of range: integers go up to 2^53.")


def _float(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise BadInput(f"The number {digits[:20]} is too large.")
    return number


def _constant(name: str) -> NoReturn:
    raise BadInput(f"{name} is not a JSON number.")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_members,
    parse_int=_integer,
    parse_float=_float,
    parse_constant=_constant,
)
