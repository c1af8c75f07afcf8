"""Pictures, films and sounds with a post: where they are, and what is shown until they have come.

An attachment is a Document, Image, Video or Audio with a `url`, and as others read it (interop
3.4) `mediaType`, `name` for those who do not see it, `width` and `height` in pixels, a `blurhash`
(https://blurha.sh) to be shown meanwhile, and a `focalPoint`: the place, from -1 to 1 both ways,
that stays in view when a picture is cut to fit. Readers allocate by such numbers and decode such
texts; so what is not sound is refused when our client posts it, and left out of what others send.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from apserver.core import limits
from apserver.core.document import as_list, types_of
from apserver.core.lexical import is_absolute_iri, is_media_type
from apserver.errors import BadInput

MEDIA = frozenset({"Document", "Image", "Video", "Audio"})
_BASE83 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz#$%*+,-.:;=?@[]^_{|}~"
_SCHEMES = ("https://", "http://")


def checked(document: Mapping[str, Any]) -> dict[str, Any]:
    """What our client posts, each attachment with a type. BadInput for what is not sound."""
    whole = dict(document)
    if "attachment" in document:
        given = enumerate(as_list(document["attachment"]))
        whole["attachment"] = [_checked(one, f"/object/attachment/{at}") for at, one in given]
    return whole


def _checked(attachment: Any, pointer: str) -> Any:
    if not isinstance(attachment, dict):
        return attachment
    for name, cure in _faults(attachment):
        raise BadInput(cure, pointer=f"{pointer}/{name}")
    if "type" in attachment or "url" not in attachment:
        return attachment
    return {"type": "Document", **attachment}


def sound(document: Mapping[str, Any]) -> dict[str, Any]:
    """What somebody else sent, without what is not sound of each attachment; one that leads
    nowhere goes as a whole."""
    whole = dict(document)
    if "attachment" in document:
        kept = (_sound(one) for one in as_list(document["attachment"]))
        whole["attachment"] = [one for one in kept if one is not None]
    return whole


def _sound(attachment: Any) -> Any:
    if not isinstance(attachment, dict):
        return attachment
    faults = {name for name, _ in _faults(attachment)}
    if not faults.isdisjoint({"url", "href"}):
        return None
    return {name: value for name, value in attachment.items() if name not in faults}


def _faults(attachment: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The members that are not sound, and what would be."""
    if not MEDIA.isdisjoint(types_of(attachment)) or "url" in attachment:
        if not _leads_to_the_web(attachment.get("url")):
            yield "url", "An attachment has a url, or Links, of https or http."
    elif "href" in attachment and not _is_of_web(attachment["href"]):
        yield "href", "A Link leads to https or http."
    media_type = attachment.get("mediaType")
    if media_type is not None and not (isinstance(media_type, str) and is_media_type(media_type)):
        yield "mediaType", "A media type is such as image/png."
    name = attachment.get("name")
    if isinstance(name, str) and len(name) > limits.DESCRIPTION:
        yield "name", f"A description may have {limits.DESCRIPTION} characters."
    for side in ("width", "height"):
        if side in attachment and not _is_size(attachment[side]):
            yield side, f"{side} is a number of pixels, 1 to {limits.PIXELS}."
    if "blurhash" in attachment and not is_blurhash(attachment["blurhash"]):
        yield "blurhash", "It is no BlurHash (https://blurha.sh)."
    if "focalPoint" in attachment and not _is_focal_point(attachment["focalPoint"]):
        yield "focalPoint", "A focal point is two numbers from -1 to 1: right, and up."


def _leads_to_the_web(url: Any) -> bool:
    """Whether it is a URL, or Links; one of the web is among them (PeerTube has magnets too)."""
    places = (one.get("href") if isinstance(one, dict) else one for one in as_list(url))
    return any(_is_of_web(one) for one in places)


def _is_of_web(value: Any) -> bool:
    return isinstance(value, str) and value.startswith(_SCHEMES) and is_absolute_iri(value)


def _is_size(value: Any) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and 1 <= value <= limits.PIXELS


def is_blurhash(value: Any) -> bool:
    """Whether it is one by its form: the first digit says how many others there are."""
    if not isinstance(value, str) or len(value) < 6 or not set(value) <= set(_BASE83):
        return False
    high, wide = divmod(_BASE83.index(value[0]), 9)
    return high < 9 and len(value) == 4 + 2 * (high + 1) * (wide + 1)


def _is_focal_point(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 2
        and all(isinstance(one, int | float) and not isinstance(one, bool) for one in value)
        and all(-1 <= one <= 1 for one in value)
    )
