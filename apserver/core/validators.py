"""Entity tags: is what the client holds still what we would send? (RFC 9110 8.8.3, 13.1.2)

Tags are weak: pages are put together from parts, and only their content is vouched for. A tag is
made from what is shown to this viewer, after it was decided that he may see it, so it tells
nothing that the answer itself would not.
"""

from __future__ import annotations

import re
from hashlib import blake2b

_TAG = re.compile(r'(?:W/)?("[^"]*")')


def entity_tag(content: bytes, media_type: str) -> str:
    """The tag of these bytes sent as this media type: ``W/"..."``."""
    digest = blake2b(media_type.encode() + b"\n", digest_size=12)
    digest.update(content)
    return f'W/"{digest.hexdigest()}"'


def is_held(if_none_match: str, tag: str) -> bool:
    """Whether `If-None-Match` names the tag, or ``*``: anything that is there."""
    if if_none_match.strip() == "*":
        return True
    return tag.removeprefix("W/") in _TAG.findall(if_none_match)
