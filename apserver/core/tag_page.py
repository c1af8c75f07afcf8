"""The page of a hashtag: the newest posts with it, and the way to older ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from apserver.core.document import first, id_of
from apserver.core.hypertext import NOTHING, Html, cleaned, fill, joined, named
from apserver.core.lexical import is_web_iri
from apserver.core.page import Reader, alternate, page
from apserver.core.summaries import plain

_MAIN = """\
<section class="h-feed">
<h1 class="p-name">{name}</h1>
{posts}{older}</section>
"""
_POST = """\
<article class="h-entry">
<p><a class="u-author" href="{author}">{author}</a> <a class="u-url" href="{id}">{when}</a></p>
{text}</article>
"""
_TEXT = '<div class="e-content" dir="auto">{text}</div>\n'
#: A warning stands before what it warns of.
_WARNED = "<details><summary>{warning}</summary>\n{text}</details>\n"
_NONE = "<p>Nobody here has seen a public post with it.</p>\n"
_OLDER = '<p><a rel="next" href="{url}">Older</a></p>\n'


def tag_page(
    name: str, id_: str, listed: Mapping[str, Any], *, reader: Reader | None, here: str
) -> str:
    """The page of a hashtag, ``name`` with its "#", for a page of its collection."""
    posts: Sequence[Any] = listed.get("orderedItems", ())
    shown = joined(_post(one) for one in posts if isinstance(one, Mapping))
    older = listed.get("next")
    main = fill(
        _MAIN,
        name=named(name),
        posts=shown or Html(_NONE),
        older=fill(_OLDER, url=older) if older else NOTHING,
    )
    return page(name, main, reader=reader, head=alternate(id_), here=here)


def _post(post: Mapping[str, Any]) -> Html:
    content, warning = (post.get(name) or post.get("name") for name in ("content", "summary"))
    text = fill(_TEXT, text=cleaned(content)) if isinstance(content, str) else NOTHING
    if isinstance(warning, str) and post.get("summary"):
        text = fill(_WARNED, warning=named(plain(warning)), text=text)
    id_, author = id_of(post), id_of(first(post.get("attributedTo")))
    if not is_web_iri(id_) or not is_web_iri(author):
        return NOTHING
    published = post.get("published")
    when = published if isinstance(published, str) else "This"
    return fill(_POST, author=author, id=id_, when=when, text=text)
