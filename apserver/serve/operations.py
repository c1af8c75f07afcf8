"""What each route is for, takes and answers, in words and as names of schemas.

From this and from the table of routes the OpenAPI description is made (`serve.openapi`). What holds
for every route of a kind (who may ask, which refusals there are) is not said again here: it follows
from the route.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from apserver.core import limits
from apserver.core.forms import FORM_TYPE
from apserver.core.vocabulary import (
    ACTIVITY_JSON,
    HTML,
    JRD_JSON,
    LD_JSON,
    XRD_XML,
)

Tag: TypeAlias = Literal["Act", "Read", "Streams", "Things of a site", "Federation", "Discovery"]
#: Schemas of parameters of the query, by name.
Parameters: TypeAlias = Mapping[str, Mapping[str, Any]]

JSON = "application/json"
_TEXT = "text/plain"
#: An answer in either of the media types of ActivityStreams.
AS2 = (ACTIVITY_JSON, LD_JSON)


@dataclass(frozen=True, slots=True)
class Content:
    """What a body holds: its media types, and the file in ``schemas/api`` that tells its form;
    without one it is no JSON."""

    media_types: tuple[str, ...]
    schema: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One route. ``answers`` has what comes with each status that is no refusal, ``refuses`` the
    statuses of refusals besides those that follow from the route. ``also`` are other contents that
    200 may have; ``required`` parameters of the query must be given, ``optional`` ones need not."""

    tag: Tag
    summary: str
    answers: Mapping[int, Content | None]
    also: tuple[Content, ...] = ()
    takes: Content | None = None
    required: Parameters = field(default_factory=dict)
    optional: Parameters = field(default_factory=dict)
    refuses: tuple[int, ...] = ()


_DOCUMENT = Content(AS2, "document")
_COLLECTION = Content(AS2, "collection")
_TOGETHER = Content(AS2, "bulk")
_DONE = Content((JSON,), "bulk-answer")
_ATOMIC: Parameters = {
    "atomic": {"type": "boolean", "description": "true: all of them, or none. Else each that can."}
}
_PAGE_OF_HTML = Content((HTML,))

_IRI = {"type": "string", "format": "uri", "maxLength": limits.IRI}
_POSITION = {"type": "string", "description": "From the links of a page."}
PAGES: Parameters = {
    "page": {"const": "first", "description": "The newest items."},
    "before": _POSITION,
    "after": _POSITION,
    "limit": {
        "type": "integer",
        "minimum": 1,
        "description": f"Items on a page: {limits.PAGE}, or so many; never more than "
        f"{limits.PAGE_MAX}.",
    },
}
_TIME = {"type": "string", "format": "date-time"}
FILTERS: Parameters = {
    "type": {"type": "string", "description": "The type of the action, such as Like."},
    "verb": {"type": "string", "description": "Its verbPhrase."},
    "actor": {"type": "string", "description": "The id of who did it."},
    "object": {"type": "string", "description": "The id of what it was done with."},
    "target": {"type": "string", "description": "The id of where it was done."},
    **{f"published.{end}": _TIME for end in ("gte", "gt", "lte", "lt")},
    "expand": {
        "enum": ["none", "ids", "full"],
        "description": "Items as ids; as activities; as activities with what they are about.",
    },
}
_FOLLOWS: Parameters = {
    "flag": {"type": "string", "description": "Only follows under this flag."},
    "type": {"type": "string", "description": "Only what has this type."},
    "view": {"enum": ["ids", "flags", "relation"], "description": "How each is shown."},
}
_ONE_SIDE: Mapping[str, Parameters] = {
    "followers": {"actor": {"type": "string", "description": "Whether this one follows."}},
    "following": {"object": {"type": "string", "description": "Whether this is followed."}},
}
_THING: Parameters = {"id": {**_IRI, "description": "The IRI of the thing."}}

#: What is in a collection, by its name.
COLLECTIONS: Mapping[str, str] = {
    "inbox": "What came in, for its owner alone",
    "outbox": "What the actor did, as far as the asker may see it",
    "followers": "Who follows the actor; others than the owner are told how many",
    "following": "What the actor follows; others than the owner are told how much",
    "liked": "What the actor liked; others than the owner are told how much",
    "featured": "What the actor pinned to its profile",
    "emojiReactions": "The Likes of the object that show an emoji",
    "blocked": "The Blocks of the actor, for the owner alone",
    "pendingFollowers": "Follows that wait for the actor's answer, for the owner alone",
    "pendingFollowing": "The actor's Follows that wait for an answer, for the owner alone",
    "likes": "The Likes of the object",
    "dislikes": "The Dislikes of the object",
    "shares": "The Announces of the object",
    "replies": "The replies to the object",
    "context": "All of the conversation that the object began",
}


def _discovery(summary: str, *contents: Content, **more: Any) -> Operation:
    return Operation(
        tag="Discovery", summary=summary, answers={200: contents[0]}, also=contents[1:], **more
    )


def _stream(summary: str, **more: Any) -> Operation:
    optional = {**FILTERS, **PAGES, **more.pop("optional", {})}
    return Operation(
        tag="Streams", summary=summary, answers={200: _COLLECTION}, optional=optional, **more
    )


def _nodeinfo(version: str) -> Operation:
    return _discovery(f"NodeInfo {version}", Content((JSON,), f"nodeinfo-{version}"))


_POSTED = Content(AS2, "posted")
_CREATED = Content((ACTIVITY_JSON,), "activity")
#: Besides those of every POST: what is not there, was deleted, clashes, or means nothing.
_REFUSED_POST = (404, 409, 410, 422)

#: By method and path.
OPERATIONS: Mapping[tuple[str, str], Operation] = {
    ("GET", "/"): _discovery("What this is", Content((_TEXT,))),
    ("GET", "/livez"): _discovery("Whether the process lives", Content((_TEXT,))),
    ("GET", "/readyz"): Operation(
        tag="Discovery",
        summary="Whether the server can work",
        answers={200: Content((_TEXT,)), 503: Content((_TEXT,))},
    ),
    ("GET", "/openapi.json"): _discovery("This description", Content((JSON,))),
    ("GET", "/.well-known/webfinger"): _discovery(
        "From a handle to an actor (RFC 7033)",
        Content((JRD_JSON,), "jrd"),
        required={"resource": {"type": "string", "description": "acct:NAME@HOST, or an id"}},
        optional={"rel": {"type": "string", "description": "Only links with this relation."}},
        refuses=(404, 410),
    ),
    ("GET", "/.well-known/host-meta"): _discovery(
        "Where WebFinger answers (RFC 6415)", Content((XRD_XML,)), Content((JRD_JSON,), "jrd")
    ),
    ("GET", "/.well-known/host-meta.json"): _discovery(
        "The same as JSON", Content((JRD_JSON,), "jrd")
    ),
    ("GET", "/.well-known/nodeinfo"): _discovery(
        "Where the NodeInfo documents are", Content((JSON,), "jrd")
    ),
    ("GET", "/nodeinfo/2.0"): _nodeinfo("2.0"),
    ("GET", "/nodeinfo/2.1"): _nodeinfo("2.1"),
    ("GET", "/nodeinfo/2.2"): _nodeinfo("2.2"),
    ("GET", "/ns"): _discovery(
        "The terms of this software's own namespace", Content((LD_JSON,)), _PAGE_OF_HTML
    ),
    ("GET", "/actors/{name}"): Operation(
        tag="Read",
        summary="An actor; one that was deleted is a Tombstone (410)",
        answers={200: Content(AS2, "actor"), 410: _DOCUMENT},
        also=(_PAGE_OF_HTML,),
        refuses=(401, 403, 404),
    ),
    ("GET", "/actors/{name}/{collection}"): Operation(
        tag="Read",
        summary="{collection}",
        answers={200: _COLLECTION},
        optional=PAGES,
        refuses=(410,),
    ),
    ("GET", "/actors/{name}/streams"): Operation(
        tag="Streams",
        summary="The streams of an actor, as a list",
        answers={200: _COLLECTION},
        refuses=(401, 403, 404),
    ),
    ("GET", "/actors/{name}/streams/{stream}"): _stream(
        "A stream of an actor: home, for its owner alone, or one that the site defines",
        optional={
            "flag": {"type": "string", "description": "Home: of follows under this flag."},
            "since": {"const": "follow", "description": "Home: since each was followed."},
            "include_self": {
                "enum": ["only", "also", "never"],
                "description": "Home: what the owner did.",
            },
        },
    ),
    ("GET", "/streams/public"): _stream("All that is public here"),
    ("GET", "/streams/type/{type}"): _stream("What things of a type take part in"),
    ("GET", "/streams/custom/{stream}"): _stream("A stream that the site defines", optional=_THING),
    ("GET", "/streams/{role}"): _stream(
        "What a thing takes part in, in one role or in any", required=_THING
    ),
    ("GET", "/tags/{tag}"): Operation(
        tag="Read",
        summary="The public posts with a hashtag",
        answers={200: _COLLECTION},
        also=(_PAGE_OF_HTML,),
        optional=PAGES,
    ),
    ("GET", "/emoji/{shortcode}"): Operation(
        tag="Federation",
        summary="An emoji of this server",
        answers={200: _DOCUMENT},
        refuses=(403, 404),
    ),
    ("GET", "/emoji/{shortcode}/{file}"): Operation(
        tag="Federation",
        summary="The image of an emoji; one that was replaced leads to its successor (302)",
        answers={200: Content(("image/png", "image/gif", "image/webp")), 302: None},
        refuses=(404,),
    ),
    ("GET", "/objects/{unique}"): Operation(
        tag="Read",
        summary="An object; one that was deleted is a Tombstone (410)",
        answers={200: _DOCUMENT, 410: _DOCUMENT},
        also=(_PAGE_OF_HTML,),
    ),
    ("GET", "/objects/{unique}/{collection}"): Operation(
        tag="Read",
        summary="{collection}",
        answers={200: _COLLECTION},
        optional=PAGES,
        refuses=(410,),
    ),
    ("GET", "/activities/{unique}"): Operation(
        tag="Read",
        summary="An activity; one that was deleted is a Tombstone (410)",
        answers={200: Content(AS2, "activity"), 410: _DOCUMENT},
        also=(_PAGE_OF_HTML,),
    ),
    ("GET", "/inbox"): Operation(
        tag="Read",
        summary="The public objects that are known here",
        answers={200: _COLLECTION},
        optional=PAGES,
        refuses=(403,),
    ),
    ("POST", "/inbox"): Operation(
        tag="Federation",
        summary="Another server delivers an activity to everybody here whom it is for",
        answers={202: None},
        takes=Content((*AS2, JSON), "document"),
    ),
    ("POST", "/actors/{name}/inbox"): Operation(
        tag="Federation",
        summary="Another server delivers an activity to one actor",
        answers={202: None},
        takes=Content((*AS2, JSON), "document"),
        refuses=(404,),
    ),
    ("POST", "/actors/{name}/outbox"): Operation(
        tag="Act",
        summary="The actor does something: an activity, or an object, which is wrapped in a Create",
        answers={201: _CREATED, 200: _CREATED},
        takes=_POSTED,
        refuses=_REFUSED_POST,
    ),
    ("POST", "/actors/{name}/outbox/bulk"): Operation(
        tag="Act",
        summary="The actor does many things, one after the other",
        answers={200: _DONE},
        takes=_TOGETHER,
        optional=_ATOMIC,
        refuses=_REFUSED_POST,
    ),
    ("POST", "/outbox/bulk"): Operation(
        tag="Things of a site",
        summary="The site tells many things that its users did, one after the other",
        answers={200: _DONE},
        takes=_TOGETHER,
        optional=_ATOMIC,
        refuses=_REFUSED_POST,
    ),
    ("POST", "/outbox"): Operation(
        tag="Things of a site",
        summary="The site tells what one of its users did, whom it names as actor",
        answers={201: _CREATED, 200: _CREATED},
        takes=Content(AS2, "posted-by-site"),
        refuses=_REFUSED_POST,
    ),
    ("POST", "/proxy"): Operation(
        tag="Read",
        summary="What lies at an id, here or elsewhere, as the client's actor may see it",
        answers={200: Content((ACTIVITY_JSON,), "document"), 410: Content((ACTIVITY_JSON,))},
        takes=Content((FORM_TYPE,), "wanted"),
        refuses=(404, 502, 504),
    ),
    ("GET", "/things"): Operation(
        tag="Things of a site",
        summary="A thing of the site; a user of it leads to its actor here (303)",
        answers={200: _DOCUMENT, 303: None, 410: _DOCUMENT},
        also=(_PAGE_OF_HTML,),
        required=_THING,
    ),
    ("GET", "/things/followers"): Operation(
        tag="Things of a site",
        summary="How many follow a thing; and who, for the site alone",
        answers={200: _COLLECTION},
        required=_THING,
        optional={**PAGES, **_FOLLOWS, **_ONE_SIDE["followers"]},
    ),
    ("GET", "/things/pending"): Operation(
        tag="Things of a site",
        summary="The follows of a thing that wait for the site's answer",
        answers={200: _COLLECTION},
        required=_THING,
        optional={name: one for name, one in PAGES.items() if name != "after"},
        refuses=(404,),
    ),
}


def optional_of(operation: Operation, collection: str | None) -> Parameters:
    """What may be left out of the query, for one of the collections if it is one."""
    if collection is None or collection not in _ONE_SIDE:
        return operation.optional
    return {**operation.optional, **_FOLLOWS, **_ONE_SIDE[collection]}
