"""POST /follow, and the buttons that send it (seed-features E6, E7, F5).

What a button does goes the way of every client of the API: a Follow or an Undo that is posted for
the actor (`flow.publish`). So there is one rule for what may be followed and what comes of it.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from aiohttp import web

from apserver.core.flags import ALL
from apserver.core.follow_form import Followed, Standing, follow_section, remote_follow
from apserver.core.forms import local_path
from apserver.core.hypertext import NOTHING, Html
from apserver.core.origin import key_of
from apserver.core.page import Reader
from apserver.errors import BadInput
from apserver.serve.forms import Fields, form_of_reader
from apserver.serve.html import path_of, see_other
from apserver.serve.site import Site, site_of
from apserver.store import follows, relations
from apserver.store.follows import KnownFollow

_TRUTH = {"true": True, "false": False}


async def post_follow(request: web.Request) -> web.Response:
    """303 to ``next``, or to the page of what was followed or is so no longer."""
    reader, fields = await form_of_reader(request)
    followed = fields.get("id", "")
    if not followed:
        raise BadInput("The form does not say what to follow.")
    next_ = fields.get("next") or f"/authorize_interaction?uri={quote(followed, safe='')}"
    next_ = local_path(next_)
    site = site_of(request)
    for activity in await _meant(site, reader, followed, fields):
        await site.publisher.post(reader.id, await site.site_posts.resolve(activity))
    site.bell.ring("jobs")
    return see_other(next_)


async def follow_part(
    request: web.Request,
    reader: Reader | None,
    id_: str,
    *,
    elsewhere: str | None = None,
) -> Html:
    """What the page of something that can be followed has for it: the buttons of who is signed in,
    or for others the way to their own server. ``elsewhere`` is what is followed from there, None
    when that cannot be done."""
    if reader is None:
        return NOTHING if elsewhere is None else remote_follow(elsewhere)
    if reader.id == id_:
        return NOTHING
    site = site_of(request)
    rows, waits = await _follows(site, reader, id_)
    followed = Followed(
        id=id_,
        standing=[Standing(one.flag, one.actor_only, one.mutes) for one in rows],
        waits=waits,
        csrf=reader.csrf,
        next=path_of(request),
    )
    return follow_section(followed, site.registry.flags.values())


async def _meant(site: Site, reader: Reader, followed: str, fields: Fields) -> list[dict[str, Any]]:
    """The activities that a form stands for; none when what it ends does not stand."""
    flag, action = fields.get("flag", ""), fields.get("action", "")
    follow: dict[str, Any] = {"type": "Follow", "actor": reader.id, "object": followed}
    if action == "follow":
        actor_only = _TRUTH.get(fields.get("actor_only", "true"))
        if actor_only is None:
            raise BadInput("actor_only is true or false.")
        return [_flagged({**follow, "actorOnly": actor_only}, flag)]
    if action != "unfollow":
        raise BadInput("action is follow or unfollow.")
    rows, _ = await _follows(site, reader, followed)
    ended = [one.flag for one in rows if (not one.mutes if flag == ALL else one.flag == flag)]
    return [{"type": "Undo", "object": _flagged(follow, one)} for one in ended]


def _flagged(follow: dict[str, Any], flag: str) -> dict[str, Any]:
    return {**follow, "followFlag": flag} if flag else follow


async def _follows(site: Site, reader: Reader, followed: str) -> tuple[list[KnownFollow], bool]:
    """The reader's follows of one thing, and whether they wait for an answer."""
    subject, object_ = key_of(reader.id), key_of(followed)
    async with site.db.connection() as conn:
        rows = (await follows.known(conn, [(subject, object_)])).get((subject, object_), [])
        at = (object_, "follow", subject)
        relation = (await relations.find_relations(conn, [at])).get(at)
    return rows, relation is not None and relation.state == "pending"
