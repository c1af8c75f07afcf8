"""What a post of ours says of others: whom it mentions, which tags it has, what it answers.

A client may give the tags itself. What its text names beside them is looked up: an actor here by
its name, one elsewhere when it is known here. Nobody is looked for on other servers while the
client waits: what is not known stays text. The mentioned are addressed in ``cc``, as Mastodon does
it, but not in what is for named recipients alone: to name somebody there is not to show it to them
(IO-43).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from apserver.core import limits, mentions, notes
from apserver.core.attachments import checked
from apserver.core.audience import (
    Audience,
    Visibility,
    audience_of,
    visibility_of,
    with_addressing,
)
from apserver.core.document import first, id_of, parse
from apserver.core.emoji import shortcodes_of, with_emoji
from apserver.core.facts import ActorFact, EmojiNeed, Facts, HandleNeed, Need
from apserver.core.hashtags import fold_tag, with_places
from apserver.core.html import Markup
from apserver.core.mentions import Links, Named
from apserver.core.model import Activity, VerifiedActivity, addressed_to
from apserver.core.names import Names, collection_id
from apserver.core.origin import Handle, host_of, origin_of
from apserver.core.quotes import plain
from apserver.core.rules import concerning, quotes
from apserver.core.webfinger import claimed_handle
from apserver.errors import BadInput


def needs(activity: Activity, facts: Facts) -> Iterable[Need]:
    """Whom the text of a post of ours names, but for those it has tags for; its emoji, and what it
    quotes. An edit says a part: what it was before may go on."""
    post = activity.embedded
    if isinstance(activity, VerifiedActivity) or post is None or "companionOf" in post:
        return
    for document in (post, *_said_before(activity, facts)):
        yield from map(EmojiNeed, shortcodes_of(document))
        yield from quotes.needs(activity, document, facts)
    for handle in _unknown(post, activity.actor, facts).values():
        yield HandleNeed(handle)


def _said_before(activity: Activity, facts: Facts) -> Iterable[Mapping[str, Any]]:
    if (stored := facts.object(activity.object_id)) is not None:
        yield stored.document
    if activity.is_about_itself and (actor := facts.actor(activity.actor)) is not None:
        yield parse(actor.document)


def complete(activity: Activity, facts: Facts, *, before: Mapping[str, Any]) -> Activity:
    """A Create, or an Update with the whole post in it, as others expect it. ``before`` is what
    the post was until an edit. BadInput for more tags or recipients than are handled."""
    post = activity.embedded
    if post is None or not notes.is_post(post) or "companionOf" in post:
        return activity
    context = activity.document.get("@context")
    post, before = plain(post), plain(before)
    names = Names(str(origin_of(activity.actor)))
    whole, mentioned = with_places(checked(post), names), tuple[str, ...]()
    if notes.texts_of(post) != (said := notes.texts_of(before)):
        whole = notes.in_languages(whole, before, context=context)
        whole, mentioned = _tagged(whole, activity.actor, facts, said=said)
    whole = with_own_emoji(notes.with_members(whole, before), activity, facts)
    whole, quoted = quotes.complete(whole, activity, facts, before=before)
    if not before:
        whole = {**_place(whole, activity, facts), **whole}
    shown = audience_of(whole)
    told = dict.fromkeys((*mentioned, *quoted))
    cc = Audience(cc=tuple(one for one in told if one not in activity.audience.everyone))
    author = facts.actor(activity.actor)
    if visibility_of(shown, author.followers if author else None) == Visibility.DIRECT:
        cc = Audience()
    audience = activity.audience | cc
    if len(audience.everyone) > limits.RECIPIENTS:
        raise BadInput(f"At most {limits.RECIPIENTS} recipients may be named.", pointer="/object")
    document = {
        **activity.document,
        "@context": notes.with_terms(context, whole),
        "object": with_addressing(whole, shown | cc),
    }
    return addressed_to(replace(activity, document=document), audience)


def with_own_emoji(document: Mapping[str, Any], activity: Activity, facts: Facts) -> dict[str, Any]:
    """A post or an actor with tags for the emoji of this server in it."""
    return with_emoji(document, facts.emoji, names=Names(str(origin_of(activity.actor))))


def _tagged(
    post: Mapping[str, Any], actor: str, facts: Facts, *, said: Iterable[str]
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The post with links and tags for what its texts name, and whom it mentions that its client
    gave no tag for. ``said`` are the texts until an edit."""
    named = mentions.named_in(notes.texts_of(post))
    people = _people(post, named, actor, facts)
    links = _links(post, named, people, actor)
    markup = Markup(strict=True)
    linked = notes.with_texts(post, lambda text: mentions.linked(text, links, markup=markup))
    tags = notes.standing_tags(post, said, notes.texts_of(linked))
    there = {tag.get("href") for tag in tags if isinstance(tag, dict)}
    made = {href: {"type": "Mention", "href": href, "name": name} for href, name in people.values()}
    made |= {
        href: {"type": "Hashtag", "href": href, "name": f"#{tag}"}
        for tag, href in links.tags.items()
    }
    tags += [tag for href, tag in made.items() if href not in there]
    if len(tags) > limits.TAGS:
        raise BadInput(f"A post may have {limits.TAGS} tags.", pointer="/object/content")
    return {**linked, "tag": tags}, tuple(href for href, _ in people.values())


def _people(
    post: Mapping[str, Any], named: Named, actor: str, facts: Facts
) -> dict[str, tuple[str, str]]:
    """The id and the name to show of those who are mentioned without a tag, as they are written."""
    found: dict[str, tuple[str, str]] = {}
    for written, handle in _unknown(post, actor, facts, named=named).items():
        fact = facts.by_handle(handle)
        if fact is not None:
            found[written] = (fact.id, f"@{_own_handle(fact) if fact.ours else handle}")
    return found


def _links(
    post: Mapping[str, Any], named: Named, people: Mapping[str, tuple[str, str]], actor: str
) -> Links:
    """Where what is named leads: by the tags of the client, or by what was found."""
    given = notes.tags_by_name(post, "Mention")
    hashtags = notes.tags_by_name(post, "Hashtag")
    folded = {fold_tag(name): href for name, href in hashtags.items()}
    names = Names(str(origin_of(actor)))
    return Links(
        {**given, **{written: href for written, (href, _) in people.items()}},
        {tag: folded.get(tag) or names.tag(tag) for tag in named.tags},
    )


def _unknown(
    post: Mapping[str, Any], actor: str, facts: Facts, *, named: Named | None = None
) -> dict[str, Handle]:
    """The handles that the texts name and no tag does, as they are written."""
    texts = notes.texts_of(post)
    sender = facts.actor(actor)
    if sender is None or not any("@" in text for text in texts):
        return {}
    given = notes.tags_by_name(post, "Mention")
    here = _own_handle(sender).host
    found: dict[str, Handle] = {}
    for written in (named or mentions.named_in(texts)).mentions[: limits.TAGS]:
        handle = None if written in given else mentions.handle_of(written, host=here)
        if handle is not None:
            is_ours = handle.host == host_of(actor)
            found[written] = Handle(handle.name, here) if is_ours else handle
    return found


def _own_handle(actor: ActorFact) -> Handle:
    return claimed_handle(parse(actor.document))


def _place(post: Mapping[str, Any], activity: Activity, facts: Facts) -> dict[str, str]:
    """Where a new post is shown, and the conversation that it is in: that of what it answers, if
    this is known here and may be read."""
    id_, answered = str(post["id"]), id_of(first(post.get("inReplyTo")))
    if answered is None:
        return {"url": id_, "context": collection_id(id_, "context")}
    parent = facts.object(answered)
    if parent is None or concerning.refused(answered, activity, facts) is not None:
        return {"url": id_}
    context = id_of(first(parent.document.get("context")))
    if context is None and parent.ours:
        context = collection_id(answered, "context")
    place = {"url": id_, "context": context, "conversation": parent.document.get("conversation")}
    return {name: value for name, value in place.items() if isinstance(value, str)}
