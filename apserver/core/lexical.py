"""What the strings of Activity Streams may look like: dates, language tags, durations, IRIs.

Each function tells whether a text is well-formed and says nothing about its meaning. All
patterns take time linear in the text: no part of one can match what its neighbour matches.
"""

from __future__ import annotations

import re
from datetime import date

# AS2 Core 2.3 on RFC 3339 5.6: `T` and `Z` in upper case, seconds may be left out, a fraction
# only after seconds. Example 181 of the Vocabulary leaves the offset out, as xsd:dateTime may;
# so that is taken too, when the seconds are there.
_DATE_TIME = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([01][0-9]|2[0-3]):[0-5][0-9]"
    r"(?:(?::(?:[0-5][0-9]|60)(?:\.[0-9]{1,9})?)?"
    r"(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
    r"|:(?:[0-5][0-9]|60)(?:\.[0-9]{1,9})?)"
)

# RFC 5646 2.1: langtag, private use, or one of the tags that are older than the grammar.
_LANGTAG = re.compile(
    r"(?:[a-z]{2,3}(?:-[a-z]{3}){0,3}|[a-z]{4}|[a-z]{5,8})"  # language and extlang
    r"(?:-[a-z]{4})?"  # script
    r"(?:-(?:[a-z]{2}|[0-9]{3}))?"  # region
    r"(?:-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*"  # variants
    r"(?:-[0-9a-wy-z](?:-[a-z0-9]{2,8})+)*"  # extensions
    r"(?:-x(?:-[a-z0-9]{1,8})+)?"  # private use
    r"|x(?:-[a-z0-9]{1,8})+"
)
_GRANDFATHERED = frozenset(
    "art-lojban cel-gaulish en-gb-oed i-ami i-bnn i-default i-enochian i-hak i-klingon i-lux "
    "i-mingo i-navajo i-pwn i-tao i-tay i-tsu no-bok no-nyn sgn-be-fr sgn-be-nl sgn-ch-de "
    "zh-guoyu zh-hakka zh-min zh-min-nan zh-xiang".split()
)
_LANGUAGE_TAG_LENGTH = 100

# XML Schema 1.1 part 2, 3.3.6; the last look-ahead refuses a bare `T`.
_DURATION = re.compile(
    r"-?P(?=[0-9T])(?:[0-9]+Y)?(?:[0-9]+M)?(?:[0-9]+D)?"
    r"(?:T(?=[0-9])(?:[0-9]+H)?(?:[0-9]+M)?(?:[0-9]+(?:\.[0-9]+)?S)?)?"
)

_FLOAT = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,3})?")

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_MEDIA_TYPE = re.compile(
    rf"{_TOKEN}/{_TOKEN}(?:[ \t]*;[ \t]*{_TOKEN}=(?:{_TOKEN}|\"[^\"\\\r\n]*\"))*"
)

# AS2 Vocabulary, `rel`: what both RFC 5988 and HTML allow.
_LINK_RELATION = re.compile(r"[^ \t\n\f\r,]+")

# RFC 3987: a scheme, then no space, no control character, none of the delimiters.
_ABSOLUTE_IRI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\x00-\x20\x7f-\x9f<>\"\\^`{|}\u2028\u2029]+")


def is_date_time(text: str) -> bool:
    """A date and time as AS2 writes it (AS-13); ``24:00`` and 30 February are none."""
    match = _DATE_TIME.fullmatch(text)
    if match is None:
        return False
    try:
        date(int(match[1]), int(match[2]), int(match[3]))
    except ValueError:
        return False
    return True


def is_language_tag(text: str) -> bool:
    """A well-formed BCP 47 tag (RFC 5646 2.2.9); whether it is registered does not matter."""
    tag = text.lower()
    if len(tag) > _LANGUAGE_TAG_LENGTH or not tag.isascii():
        return False
    return _LANGTAG.fullmatch(tag) is not None or tag in _GRANDFATHERED


def is_duration(text: str) -> bool:
    """An xsd:duration, such as ``PT2H30M``."""
    return _DURATION.fullmatch(text) is not None


def is_float(text: str) -> bool:
    """An xsd:float in digits; INF and NaN are not taken."""
    return _FLOAT.fullmatch(text) is not None


def is_media_type(text: str) -> bool:
    """A MIME media type with or without parameters (RFC 9110 8.3.1)."""
    return _MEDIA_TYPE.fullmatch(text) is not None


def is_link_relation(text: str) -> bool:
    """A link relation that RFC 5988 and HTML both allow (AS-19)."""
    return _LINK_RELATION.fullmatch(text) is not None


def is_absolute_iri(text: str) -> bool:
    """An IRI with a scheme, of any scheme; blank node labels (``_:b0``) are none."""
    return _ABSOLUTE_IRI.fullmatch(text) is not None


def is_web_iri(text: str | None) -> bool:
    """One that a page may link to: over http or https, so no script and no data."""
    return text is not None and text.startswith(("https://", "http://")) and is_absolute_iri(text)
