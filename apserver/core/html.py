"""HTML that others wrote, made harmless: one list of what stays (ActivityPub B.10, AS2 Core 7).

`content`, `summary` and the values of profile fields are HTML; whoever shows them puts them into a
page. So they are cleaned once, when they come in or are posted here (`core.intake`), and every
reader of our API gets what is clean. What stays is what Mastodon shows, and a little more: text,
links, lists, quotes, headings; the classes of mentions, hashtags and microformats. Scripts, styles,
forms and drawings go with all that is in them, of other elements the text stays. Links lead to
http, https or mail, and carry ``rel="nofollow noopener noreferrer"``.

A parser that mends HTML as browsers do (nh3, which is ammonia and html5ever) has costs that a
small text can drive up, because the algorithm of the standard says so:

* *Formatting that is not closed* is opened again in every paragraph that follows: five hundred
  ``<b a=1><b a=2>`` and two thousand ``<p>`` in 12 kB make a million elements. Elements without
  attributes are copied three times at most, those with attributes always; so the product of what
  may be copied and of all tags bounds the work, and counting them needs no parser.
* *Depth*: each ``<li>`` looks through all elements that are open. The tags of all texts of a
  document are bounded together, so that many texts cost no more than one; so are references such
  as ``&amp;``, which are dear too.
* *What is taken out* may have been what kept a link from standing in a link: a table, a button.
  What is left then means something else when it is parsed again, so it is cleaned again.

What goes beyond the bounds becomes plain text, and so does what is nested deeper than readers take
(CVE-2022-31052). `name` is no HTML at all (AS2 Vocabulary): there tags are removed, and a "<" that
could begin one is made one that cannot.
"""

from __future__ import annotations

import re
from collections import Counter

import nh3

from apserver.core import limits
from apserver.errors import BadInput

TAGS = frozenset(
    "a b bdi blockquote br code del em h1 h2 h3 h4 h5 h6 i li ol p pre rp rt ruby s span strong "
    "sub sup u ul".split()
)
#: Elements that go with everything inside them.
_DROPPED = frozenset(
    "applet embed form frameset iframe math noembed noframes noscript object script select style "
    "svg template textarea title xmp".split()
)
#: Microformats 2, and what Mastodon styles: classes that mean something to readers.
CLASSES = frozenset(
    "mention hashtag ellipsis invisible quote-inline "
    "h-adr h-card h-cite h-entry h-event h-feed h-geo h-item h-product h-recipe h-resume h-review "
    "u-audio u-bookmark-of u-email u-featured u-in-reply-to u-like-of u-photo u-quotation-of "
    "u-repost-of u-syndication u-uid u-url u-video "
    "p-author p-category p-content p-location p-name p-nickname p-note p-org p-rating p-summary "
    "dt-end dt-published dt-start dt-updated e-content".split()
)
SCHEMES = frozenset({"http", "https", "mailto"})
REL = "nofollow noopener noreferrer"

_DIRECTIONS = {"dir": {"auto", "ltr", "rtl"}}
_UNTRANSLATED = {"translate": {"no"}}
_CLEANER = nh3.Cleaner(
    tags=set(TAGS),
    clean_content_tags=set(_DROPPED),
    attributes={"*": {"lang"}, "a": {"href"}, "ol": {"start", "reversed"}, "li": {"value"}},
    tag_attribute_values=dict.fromkeys(TAGS, _DIRECTIONS)
    | dict.fromkeys(("a", "span"), _DIRECTIONS | _UNTRANSLATED),
    set_tag_attribute_values={"a": {"target": "_blank"}},
    allowed_classes={tag: set(CLASSES) for tag in ("a", "p", "span")},
    link_rel=REL,
    url_schemes=set(SCHEMES),
    url_relative="deny",
)

# All patterns are linear: after "<" each matches a class that ends where the next may begin.
#: Elements that the parser opens again after a paragraph has closed them (HTML 13.2.4.3).
_FORMATTING = re.compile(
    r"<(big|b|code|em|font|i|nobr|small|strike|strong|s|tt|u)([\s/>])", re.ASCII | re.IGNORECASE
)
_FEW = 2 * limits.HTML_DEPTH  #: tags: so few open no more elements than may be nested
_COPIES = 3  #: of equal formatting elements (HTML 13.2.4.3, "Noah's Ark")
_NAMES = re.compile(r"</?([A-Za-z][^\s/>]*)")
_MARKUP = re.compile(r"<[^<>]*>?")
_TAG = re.compile(r"</?[A-Za-z][^<>]*>")
_OPENING = re.compile(r"<(?=[A-Za-z/!?])")
#: A tag of what was cleaned; a value may hold ">".
_CLEAN_TAG = re.compile(r'<(/?)([a-z0-9]+)(?:[^">]|"[^"]*")*>')


class Markup:
    """Cleans the texts of one document, within one bound on their tags.

    What stands there twice, as `content` and in `contentMap`, is cleaned once. A ``strict`` one
    raises BadInput where others take a text for plain: our own clients are told.
    """

    def __init__(self, *, strict: bool = False) -> None:
        self._strict = strict
        self._marks_left = limits.HTML_MARKS
        self._cleaned: dict[str, str] = {}

    def html(self, text: str) -> str:
        """A text that is HTML with what is on the list; cleaning it again changes nothing."""
        if "<" not in text:
            return text
        known = self._cleaned.get(text)
        if known is None:
            known = self._cleaned[text] = self._clean(text)
        return known

    def _clean(self, text: str) -> str:
        self._marks_left -= _marks(text)
        if self._marks_left < 0 or _work(text) > limits.HTML_NODES:
            return self._plain(text)
        cleaned = _CLEANER.clean(text)
        if not TAGS.issuperset(_NAMES.findall(text)):
            once, cleaned = cleaned, _CLEANER.clean(cleaned)
            if cleaned != once and _CLEANER.clean(cleaned) != cleaned:
                return self._plain(text)
        return cleaned if _is_modest(cleaned) else self._plain(text)

    def _plain(self, text: str) -> str:
        """The text of what is beyond the bounds: HTML still, in which no tag is."""
        if self._strict:
            raise BadInput(
                f"The HTML of one document may have {limits.HTML_MARKS} tags and references, "
                f"nested {limits.HTML_DEPTH} deep and each closed."
            )
        return _MARKUP.sub("", text)


def plain_name(text: str) -> str:
    """A name without HTML (AV-04): "I <3 <b>cats</b>" is "I <3 cats"."""
    return plain_text(_TAG.sub("", text)) if "<" in text else text


def plain_text(text: str) -> str:
    """A text that is no HTML, such as Markdown, and is none for those either who take it for it."""
    return _OPENING.sub("< ", text) if "<" in text else text


def _marks(text: str) -> int:
    return text.count("<") + text.count("&")


def _work(text: str) -> int:
    """How many elements the parser may have to make, at most."""
    tags = text.count("<")
    if tags <= _FEW:
        return tags * tags
    plain, varied = Counter[str](), 0
    for name, end in _FORMATTING.findall(text):
        if end == ">":
            plain[name.lower()] += 1
        else:
            varied += 1
    return tags * (1 + varied + sum(min(n, _COPIES) for n in plain.values()))


def _is_modest(cleaned: str) -> bool:
    """Whether what came out is within the bounds for what comes in, and not too deep."""
    if cleaned.count("<") <= _FEW:
        return True
    return (
        len(cleaned) <= limits.HTML
        and _marks(cleaned) <= limits.HTML_MARKS
        and _work(cleaned) <= limits.HTML_NODES
        and _depth(cleaned) <= limits.HTML_DEPTH
    )


def _depth(cleaned: str) -> int:
    """How deep the elements of a cleaned text are nested."""
    depth = deepest = 0
    for end, name in _CLEAN_TAG.findall(cleaned):
        if name != "br":
            depth += -1 if end else 1
            deepest = max(depth, deepest)
    return deepest
