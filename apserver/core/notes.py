"""A post as other servers expect it: what they look for in it and a client may leave out.

What is here is a matter of the document alone (interop 3.2, 3.3); whom a text means, what it
answers and who is addressed is up to `core.rules.posts`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from html import escape
from typing import Any

from apserver.core import limits
from apserver.core.document import as_list, first, id_of, types_of
from apserver.core.lexical import is_language_tag
from apserver.core.text import HTML, MARKDOWN, excerpt, html_of
from apserver.errors import BadInput

#: What is shown as a post. Other types are data, of which we know no such habits.
TYPES = frozenset("Note Article Page Question Event Audio Image Video Document".split())
#: Of these Mastodon shows `name`, `summary` and a link, and nothing else (IO-61).
ARTICLES = frozenset({"Article", "Page"})
#: Texts that are seen by all readers.
TEXTS = ("content", "contentMap")
_NAMED_IN_TEXT = frozenset({"Mention", "Hashtag"})

#: Terms that posts use and the context of Activity Streams has not, as who uses them most
#: defines them.
_TERMS: Mapping[str, Any] = {
    "Hashtag": "as:Hashtag",
    "sensitive": "as:sensitive",
    "Emoji": "http://joinmastodon.org/ns#Emoji",
    "conversation": "http://ostatus.org#conversation",
    "quote": {"@id": "https://w3id.org/fep/044f#quote", "@type": "@id"},
    "quoteAuthorization": {
        "@id": "https://w3id.org/fep/044f#quoteAuthorization",
        "@type": "@id",
    },
    "quoteUrl": "as:quoteUrl",
    "quoteUri": "http://fedibird.com/ns#quoteUri",
    "_misskey_quote": "https://misskey-hub.net/ns#_misskey_quote",
    "blurhash": "http://joinmastodon.org/ns#blurhash",
    "focalPoint": {"@id": "http://joinmastodon.org/ns#focalPoint", "@container": "@list"},
}


def is_post(document: Mapping[str, Any]) -> bool:
    """Whether it is shown as a post. A vote, which names an option and says nothing, is not."""
    is_vote = "name" in document and "inReplyTo" in document and not has_text(document)
    return not TYPES.isdisjoint(types_of(document)) and not is_vote


def has_text(document: Mapping[str, Any]) -> bool:
    """Whether it has content, in any language."""
    return any(document.get(name) for name in TEXTS)


def with_content(document: Mapping[str, Any], *, pointer: str = "") -> dict[str, Any]:
    """What a client posted, with ``content`` made from ``source`` (ActivityPub 3.3) when it has
    none: from Markdown, plain text or HTML. BadInput when the text is too long."""
    source = document.get("source")
    if not isinstance(source, dict) or any(name in document for name in TEXTS):
        return dict(document)
    text, type_ = source.get("content"), source.get("mediaType", HTML)
    if not isinstance(text, str) or not isinstance(type_, str):
        return dict(document)
    most = limits.MARKDOWN if type_ == MARKDOWN else limits.TEXT
    if len(text) > most:
        at = f"{pointer}/source/content"
        raise BadInput(f"A text of {type_} may have {most} characters.", pointer=at)
    made = html_of(text, type_.partition(";")[0].strip().lower())
    return dict(document) if made is None else {**document, "content": made}


def in_languages(
    document: Mapping[str, Any], before: Mapping[str, Any], *, context: object
) -> dict[str, Any]:
    """The post with both ``content`` and, when its language is known, ``contentMap`` (AP-I18N-01):
    the language of the one text there is, or ``@language`` of the context. ``before`` is what the
    post was until an edit: one of the two that was not edited follows the other."""
    content, by_language = document.get("content"), document.get("contentMap")
    if isinstance(by_language, dict) and by_language:
        old, old_map = before.get("content"), before.get("contentMap")
        if by_language == old_map and content:
            said = {tag: content if text == old else text for tag, text in by_language.items()}
            return {**document, "contentMap": said}
        if not content or (content == old and old_map):
            content = next(iter(by_language.values()))
        return {**document, "content": content}
    language = _language(context)
    return {**document, "contentMap": {language: content}} if content and language else {**document}


def _language(context: object) -> str | None:
    entries = [one["@language"] for one in _inline(context) if "@language" in one]
    language = entries[-1] if entries else None
    return language if isinstance(language, str) and is_language_tag(language) else None


def with_members(document: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """The post with what follows from its texts (IO-54, IO-61): a warning makes it sensitive, and
    an article without a summary has the beginning of its text."""
    is_article = not ARTICLES.isdisjoint(types_of(document))
    whole = dict(document)
    if is_article:
        old, summary = before.get("content"), document.get("summary")
        is_made = summary is None or (isinstance(old, str) and summary == excerpt(old))
        if is_made and "summaryMap" not in document and isinstance(document.get("content"), str):
            whole["summary"] = excerpt(document["content"])
    elif document.get("summary"):
        whole.setdefault("sensitive", True)
    elif before.get("summary") and before.get("sensitive") is document.get("sensitive") is True:
        del whole["sensitive"]  # it was so for the warning that is gone
    return whole


def with_texts(document: Mapping[str, Any], change: Callable[[str], str]) -> dict[str, Any]:
    """The post with its texts changed."""
    changed = dict(document)
    if isinstance(document.get("content"), str):
        changed["content"] = change(document["content"])
    if isinstance(by_language := document.get("contentMap"), Mapping):
        changed["contentMap"] = {tag: change(text) for tag, text in by_language.items()}
    return changed


def texts_of(document: Mapping[str, Any]) -> list[str]:
    """The texts of a post that are HTML."""
    if document.get("mediaType", HTML) != HTML:
        return []
    by_language = document.get("contentMap")
    texts = by_language.values() if isinstance(by_language, dict) else ()
    return [one for one in (document.get("content"), *texts) if isinstance(one, str)]


def tags_by_name(document: Mapping[str, Any], type_: str) -> dict[str, str]:
    """Where the tags of a type lead, by name in lower case without ``@`` or ``#``."""
    found: dict[str, str] = {}
    for tag in as_list(document.get("tag")):
        if isinstance(tag, dict) and type_ in types_of(tag):
            name, href = first(tag.get("name")), tag.get("href")
            if isinstance(name, str) and isinstance(href, str):
                found[name.lstrip("@#").lower()] = href
    return found


def standing_tags(document: Mapping[str, Any], old: Iterable[str], new: Iterable[str]) -> list[Any]:
    """The tags of an edited post without those that stood in the old texts, and do no more."""
    before, after = "".join(old), "".join(new)

    def is_gone(tag: Any) -> bool:
        if not isinstance(tag, dict) or _NAMED_IN_TEXT.isdisjoint(types_of(tag)):
            return False
        link = f'href="{escape(id_of(tag) or str(tag.get("href")))}"'
        return link in before and link not in after

    return [tag for tag in as_list(document.get("tag")) if not is_gone(tag)]


def with_terms(context: object, post: Mapping[str, Any]) -> Any:
    """The context, with definitions of the terms above as far as the post uses them."""
    tags, attached = (_objects(post.get(name)) for name in ("tag", "attachment"))
    used = {*post.keys(), *(type_ for one in (post, *tags) for type_ in types_of(one))}
    used.update(name for one in attached for name in one)
    known = {name for entry in _inline(context) for name in entry}
    needed = {name: iri for name, iri in _TERMS.items() if name in used and name not in known}
    return [*as_list(context), needed] if needed else context


def _objects(value: Any) -> list[Mapping[str, Any]]:
    return [one for one in as_list(value) if isinstance(one, dict)]


def _inline(context: object) -> list[Mapping[str, Any]]:
    return [entry for entry in as_list(context) if isinstance(entry, dict)]
