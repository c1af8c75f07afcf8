"""What its own server shows of a thing to everybody: kept here as that of its author.

Whoever named the thing is not believed about it. What lies at its id is, when it calls itself so
and names an author of the same origin (FEP-fe34).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from apserver.core.audience import Visibility, audience_of, visibility_of
from apserver.core.document import ids_of, types_of
from apserver.core.effects import Put, Refuse
from apserver.core.model import has_own_row
from apserver.core.origin import same_origin
from apserver.core.ownership import is_by, objection
from apserver.core.received import as_kept
from apserver.core.times import published_at, read_time


def kept(
    document: Mapping[str, Any], id_: str, *, now: datetime, is_found: bool = False
) -> Put | Refuse | None:
    """The object in a document that was fetched by its id; None for what is kept otherwise, or not
    at all: actors, activities. ``is_found`` is for what nobody sent us or told us of by an activity
    of its own (`Put.is_found`)."""
    if document.get("id") != id_:
        return Refuse("object-of-another-id")
    if not has_own_row(document):
        return None
    author = _author(document, id_)
    if author is None:
        return Refuse("object-of-another-author")
    audience = audience_of(document)
    visibility = visibility_of(audience, None)
    told, context = as_kept(document, author, document.get("@context"))
    if visibility > Visibility.UNLISTED:
        return Refuse("object-not-public")
    return Put(
        id=id_,
        kind="remote",
        type=next(iter(types_of(document)), "Object"),
        author=author,
        visibility=visibility,
        audience=audience,
        document=told,
        context=context,
        published_at=published_at(document.get("published"), now),
        updated_at=read_time(document.get("updated")),
        is_found=is_found,
    )


def _author(document: Mapping[str, Any], id_: str) -> str | None:
    """The author whom the object's own server names; one of that server."""
    for author in ids_of(document.get("attributedTo")):
        if same_origin(author, id_) and objection(document, author) is None:
            return author if is_by(document, author) else None
    return None
