"""Emoji of this server: ``:shortcode:`` in what our clients post, told to others as Emoji tags.

A tag says where the image is, and `updated` when it was last replaced (interop 3.3): other servers
fetch it once. Nothing is looked for inside of links and of code. Images are shown to people by
whoever reads a post, so they must be what they are called: their first bytes decide.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from apserver.core import limits
from apserver.core.document import as_list, first, types_of
from apserver.core.facts import EmojiFact
from apserver.core.names import Names
from apserver.core.text import change_text
from apserver.core.times import stamp
from apserver.errors import BadInput

TYPE = "Emoji"
_SHORTCODE = rf"[A-Za-z0-9_]{{2,{limits.SHORTCODE}}}"
_NAMED = re.compile(rf"(?<![\w:]):({_SHORTCODE}):(?![\w:])")
#: Members that people read, and those whose items have such members.
_TEXTS = ("content", "summary", "name", "value")
_PARTS = ("oneOf", "anyOf", "attachment")
#: By the first bytes of a file: its media type, and the end of its name.
_KINDS = (
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "image/png", "png"),
    (re.compile(rb"GIF8[79]a"), "image/gif", "gif"),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), "image/webp", "webp"),
)


def is_shortcode(text: str) -> bool:
    """Whether a text, without colons, can name an emoji."""
    return re.fullmatch(_SHORTCODE, text) is not None


def check_shortcode(text: str) -> str:
    """A shortcode without its colons; BadInput for what cannot be one."""
    if not is_shortcode(text):
        raise BadInput(
            f"A shortcode has 2 to {limits.SHORTCODE} letters, digits and _, such as blob_cat."
        )
    return text


def kind_of(image: bytes) -> tuple[str, str]:
    """The media type of an image, and how the names of such files end. BadInput for what is no
    PNG, GIF or WebP, or too big."""
    if len(image) > limits.EMOJI:
        raise BadInput(f"The image has {len(image)} bytes; {limits.EMOJI} are the most.")
    for beginning, media_type, ending in _KINDS:
        if beginning.match(image):
            return media_type, ending
    raise BadInput("The file is no PNG, GIF or WebP image.")


def emoji_tag(emoji: EmojiFact, names: Names) -> dict[str, Any]:
    """The tag, which is the emoji's document as well."""
    id_ = names.emoji(emoji.shortcode)
    icon = {"type": "Image", "mediaType": emoji.media_type, "url": f"{id_}/{emoji.file}"}
    name = f":{emoji.shortcode}:"
    return {"id": id_, "type": TYPE, "name": name, "updated": stamp(emoji.updated_at), "icon": icon}


def shortcodes_of(document: Mapping[str, Any]) -> list[str]:
    """The shortcodes in what people read of a document, each once; no more than it may have
    tags."""
    found: dict[str, None] = {}
    for text in _texts_of(document):
        if ":" in text:
            change_text(text, lambda part: _noted(part, found))
    return list(found)[: limits.TAGS]


def _noted(text: str, found: dict[str, None]) -> str:
    found.update(dict.fromkeys(_NAMED.findall(text)))
    return text


def _texts_of(document: Mapping[str, Any]) -> Iterator[str]:
    for name in _TEXTS:
        by_language = document.get(f"{name}Map")
        many = by_language.values() if isinstance(by_language, dict) else ()
        yield from (one for one in (document.get(name), *many) if isinstance(one, str))
    for name in _PARTS:
        for part in as_list(document.get(name)):
            # The name of a picture is a description for those who do not see it.
            if isinstance(part, dict) and (name != "attachment" or "value" in part):
                yield from _texts_of({key: one for key, one in part.items() if key in _TEXTS})


def with_emoji(
    document: Mapping[str, Any], find: Callable[[str], EmojiFact | None], *, names: Names
) -> dict[str, Any]:
    """The document with a tag for each emoji of ours in its texts, and no other tag of ours. What
    its client has tags for is the client's. BadInput for more tags than are handled."""
    ours = names.emoji("")
    tags = [one for one in as_list(document.get("tag")) if not _is_below(one, ours)]
    given = {_name(one) for one in tags}
    used = (find(code) for code in shortcodes_of(document) if f":{code}:" not in given)
    made = [emoji_tag(emoji, names) for emoji in used if emoji is not None]
    if len(tags) + len(made) > limits.TAGS:
        raise BadInput(f"{limits.TAGS} tags are the most.", pointer="/object/tag")
    whole = {name: value for name, value in document.items() if name != "tag"}
    return {**whole, "tag": tags + made} if tags or made or "tag" in document else whole


def _is_below(tag: Any, ours: str) -> bool:
    is_emoji = isinstance(tag, dict) and TYPE in types_of(tag)
    return is_emoji and str(tag.get("id")).startswith(ours)


def _name(tag: Any) -> Any:
    return first(tag.get("name")) if isinstance(tag, dict) and TYPE in types_of(tag) else None
