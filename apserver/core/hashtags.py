"""Hashtags: how they are written and compared, and which ones an object has.

Two names are one hashtag when they fold to the same (interop 3.3). A hashtag is a word: letters and
digits of any script, and at least one letter, since "#1" is a number.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from apserver.core import limits
from apserver.core.document import as_list, first, types_of
from apserver.core.names import Names

#: Letters of scripts whose vowels are marks: Python's \w knows the consonants alone.
MARKS = r"\u0300-\u036f\u0900-\u0963\u0966-\u109f\u200c\u200d\u00b7"
#: A name without its "#".
WORD = rf"[\w{MARKS}]{{1,{limits.HASHTAG}}}"
_WORD = re.compile(WORD)
#: Latin letters that do not come apart into one of ASCII and a mark.
_LATIN = str.maketrans("ðđħıĸłŋøŧ", "ddhiklnot")
#: Marks that have no letter with them to be one of: "x̂", "é́", "i̇" of a lower "İ".
_LEFT = re.compile(r"(?<=[\x00-\x7f])[\u0300-\u036f]+")


def fold_tag(tag: str) -> str:
    """The form in which hashtags are compared: NFKC, lower case, Latin letters without marks."""
    folded = unicodedata.normalize("NFKC", tag).lower()
    return _LEFT.sub("", "".join(map(_without_marks, folded)).translate(_LATIN))


def _without_marks(letter: str) -> str:
    base = unicodedata.normalize("NFKD", letter)[0]
    return base if base.isascii() else letter


def read_tag(name: str) -> str | None:
    """A name, with its "#" or without, as it is compared; None for what is no hashtag."""
    name = name.strip().removeprefix("#").removeprefix("＃")
    if len(name) > limits.HASHTAG:
        return None
    folded = fold_tag(name)
    is_word = _WORD.fullmatch(folded) and any(letter.isalpha() for letter in folded)
    return folded if is_word else None


def tags_of(document: Mapping[str, Any]) -> list[str]:
    """The hashtags of an object as they are compared, each once, at most `limits.TAGS`."""
    names = [
        first(tag.get("name"))
        for tag in as_list(document.get("tag"))[: limits.TAGS]
        if isinstance(tag, dict) and "Hashtag" in types_of(tag)
    ]
    found = (read_tag(name) for name in names if isinstance(name, str))
    return list(dict.fromkeys(tag for tag in found if tag is not None))


def with_places(document: Mapping[str, Any], names: Names) -> dict[str, Any]:
    """What our client posts, with the place of each hashtag that it gives without one."""
    whole = dict(document)
    if "tag" in document:
        whole["tag"] = [_placed(one, names) for one in as_list(document["tag"])]
    return whole


def _placed(tag: Any, names: Names) -> Any:
    if not isinstance(tag, dict) or "Hashtag" not in types_of(tag) or "href" in tag:
        return tag
    name = first(tag.get("name"))
    folded = read_tag(name) if isinstance(name, str) else None
    return tag if folded is None else {**tag, "href": names.tag(folded)}
