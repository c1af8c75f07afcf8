"""What docs/api.md tells of each type of activity, and the posts that its examples come from.

In a post, ``$NAME`` stands for the id that an earlier one got, ``$NAME.object`` for that of what it
made; ``$ANN``, ``$BOB``, ``$CAT``, ``$PUBLIC``, and ``$FOLLOWERS`` and ``$FEATURED`` of ann are
known from the start.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """A post to the outbox of ``by``, and which status it gets; ``keep`` is its name later on."""

    body: Any
    by: str = "ann"
    status: int = 201
    keep: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """Types that are told of together: what is ``accepted``, what is ``done`` here, to whom it is
    ``delivered`` when its client names nobody; ``ids`` of the requirements that its tests name."""

    types: tuple[str, ...]
    accepted: str
    done: str
    delivered: str
    example: Post
    refused: tuple[Post, ...] = ()
    ids: tuple[str, ...] = ()
    title: str = ""


def _note(text: str, *to: str, **members: Any) -> dict[str, Any]:
    return {"type": "Note", "content": text, "to": list(to or ("$PUBLIC",)), **members}


#: What is there before the first example.
BEFORE = (
    Post(body=_note("Tea is ready"), by="bob", keep="THEIRS"),
    Post(body=_note("Only for bob", "$BOB"), by="bob", keep="SECRET"),
    Post(body=_note("Gone"), by="bob", keep="GONE"),
    Post(body={"type": "Delete", "object": "$GONE.object"}, by="bob"),
    Post(body=_note("Only for bob", "$BOB"), keep="PRIVATE"),
    Post(body=_note("Old news"), keep="OLD"),
    Post(
        body={
            "type": "Question",
            "content": "What to drink?",
            "oneOf": [{"type": "Note", "name": "tea"}, {"type": "Note", "name": "coffee"}],
            "endTime": "2100-01-01T00:00:00Z",
            "to": ["$PUBLIC"],
        },
        by="bob",
        keep="ASKED",
    ),
)

KINDS = (
    Kind(
        title="Create, and objects by themselves",
        types=("Create",),
        accepted="An object of any type, which is wrapped in a Create, or a Create with one whole "
        "object in it. `content` is HTML, or is made of a `source` in Markdown or plain text.",
        done="The object and its Create get ids, a date and an author. Recipients of one are those "
        "of both. HTML is cleaned; mentions, hashtags and emoji in the text become tags. What "
        "answers something here appears in its `replies`. A Collection becomes one of the actor's "
        "own, which Add and Remove fill.",
        delivered="Whoever is named, and who is mentioned. Else it is for its actor alone.",
        example=Post(
            body={
                "type": "Note",
                "source": {"content": "Hello **all**", "mediaType": "text/markdown"},
                "to": ["$PUBLIC"],
                "cc": ["$FOLLOWERS"],
            },
            keep="NOTE",
        ),
        refused=(
            Post(body={"type": "Create", "object": "$OLD.object"}, status=400),
            Post(body=_note("x", "$PUBLIC", endTime="tomorrow"), status=400),
            Post(body=_note("x", "bob"), status=400),
            Post(body=_note("x", attributedTo="$BOB"), status=403),
        ),
        ids=("AP-C2S-16", "AP-C2S-17", "AP-C2S-19", "AP-C2S-20", "AP-C2S-22", "AP-SRC-01"),
    ),
    Kind(
        types=("Question",),
        title="Question, and votes",
        accepted="A Question with `oneOf` or `anyOf`, as an object; it may have an `endTime`. A "
        "vote is a Note with the `name` of an option and `inReplyTo`, without `content`.",
        done="A vote counts once for each actor and option, with `oneOf` once for each actor. The "
        "options tell how many chose them, `votersCount` how many voted, `closed` that it is over. "
        "Who voted for what is told to nobody.",
        delivered="The Question as any object; a vote to who asked.",
        example=Post(
            body={"type": "Note", "name": "tea", "inReplyTo": "$ASKED.object"}, keep="VOTE"
        ),
        refused=(
            Post(body={"type": "Note", "name": "tea", "inReplyTo": "$ASKED.object"}, status=422),
            Post(body={"type": "Note", "name": "water", "inReplyTo": "$ASKED.object"}, status=422),
        ),
        ids=("IO-58", "IO-79"),
    ),
    Kind(
        types=("Update",),
        accepted="The id of an object, of an activity or of the actor itself, and the members that "
        "change; null takes one away. What is not named stays.",
        done="The object is replaced; `updated` is set. `id`, `published`, `attributedTo` and the "
        "collections are the server's. Of an activity only how it is told may change: "
        "`verbPhrase`, `summary`, `content`, `name`, `actionData`.",
        delivered="The whole object, to whom it was sent, and to those who liked, shared or "
        "answered it. An actor: to everybody and its followers.",
        example=Post(
            body={"type": "Update", "object": {"id": "$NOTE.object", "content": "Hello, you"}}
        ),
        refused=(
            Post(
                body={
                    "type": "Update",
                    "object": {"id": "$NOTE.object", "published": "2020-01-01T00:00:00Z"},
                },
                status=400,
            ),
            Post(
                body={"type": "Update", "object": {"id": "$THEIRS.object", "content": "x"}},
                status=403,
            ),
            Post(
                body={
                    "type": "Update",
                    "object": {"id": "https://nowhere.example/1", "content": "x"},
                },
                status=404,
            ),
        ),
        ids=("AP-C2S-23", "AP-C2S-24", "AP-C2S-25", "AP-C2S-26", "BP-06"),
    ),
    Kind(
        types=("Delete",),
        accepted="The id of an object or of an activity of the actor's own.",
        done="A Tombstone stands in its place, which answers 410. It leaves all collections and "
        "streams. What stands for a state (a Follow, a Like) is undone instead.",
        delivered="The Tombstone, to whom the object was sent.",
        example=Post(body={"type": "Delete", "object": "$OLD.object"}),
        refused=(
            Post(body={"type": "Delete", "object": "$OLD.object"}, status=410),
            Post(body={"type": "Delete", "object": "$NOTE"}, status=400),
            Post(body={"type": "Delete", "object": "$THEIRS.object"}, status=403),
        ),
        ids=("AP-C2S-27", "AP-C2S-28"),
    ),
    Kind(
        types=("Follow",),
        accepted="The id of an actor, here or elsewhere, or of a thing. With `followFlag` once "
        "more for each flag; `actorOnly` asks for what the actor itself does.",
        done="The Follow waits in `pendingFollowing` until the other actor accepts; then the actor "
        "is in `following`. An actor here accepts at once, unless it has "
        "`manuallyApprovesFollowers`. The same again is the Follow that stands (200).",
        delivered="The actor that is followed, or whose the thing is.",
        example=Post(body={"type": "Follow", "object": "$BOB"}, keep="FOLLOW"),
        refused=(
            Post(body={"type": "Follow", "object": "$ANN"}, status=400),
            Post(body={"type": "Follow"}, status=400),
        ),
        ids=("AP-C2S-29",),
    ),
    Kind(
        types=("Accept", "Reject"),
        accepted="A Follow that asked for the actor, by its id, or described by `type`, `actor` "
        "and `object`.",
        done="Accept: who asked is in `followers`. Reject: it is not, or no longer.",
        delivered="Who asked; the Follow is embedded in full.",
        example=Post(body={"type": "Reject", "object": "$FOLLOW"}, by="bob"),
        refused=(Post(body={"type": "Accept", "object": "https://nowhere.example/1"}, status=404),),
        ids=("AP-S2S-34", "AP-S2S-35"),
    ),
    Kind(
        types=("TentativeAccept", "TentativeReject"),
        accepted="What is answered, by its id.",
        done="It is told; nothing changes.",
        delivered="Who did what is answered.",
        example=Post(
            body={
                "type": "TentativeAccept",
                "object": {"type": "Invite", "actor": "$BOB", "object": "$ANN"},
            }
        ),
        refused=(Post(body={"type": "TentativeAccept"}, status=400),),
        ids=("BP-03",),
    ),
    Kind(
        types=("Like", "EmojiReact", "EmojiReaction", "Dislike"),
        title="Like, Dislike and reactions",
        accepted="The id of an object or of several. With an emoji as `content` it is a reaction, "
        "kept and sent as a Like.",
        done="A Like stands in `likes` of the object and the object in `liked` of the actor; a "
        "reaction also in `emojiReactions`, a Dislike in `dislikes`. The same again is the one "
        "that stands (200).",
        delivered="Whose the object is; if nobody here knows it, it is fetched before.",
        example=Post(body={"type": "Like", "object": "$THEIRS.object"}, keep="LIKE"),
        refused=(
            Post(body={"type": "Like"}, status=400),
            Post(body={"type": "Like", "object": "$SECRET.object"}, status=404),
            Post(body={"type": "Like", "object": ["$THEIRS.object", "$GONE.object"]}, status=410),
        ),
        ids=("AP-C2S-32", "IO-49"),
    ),
    Kind(
        types=("Announce",),
        accepted="The id of an object that everybody may see.",
        done="It stands in `shares` of the object.",
        delivered="The actor's followers, and whose the object is.",
        example=Post(body={"type": "Announce", "object": "$THEIRS.object"}, keep="SHARE"),
        refused=(
            Post(body={"type": "Announce", "object": "$PRIVATE.object"}, status=403),
            Post(body={"type": "Announce", "object": "$SECRET.object"}, status=404),
        ),
        ids=("IO-48",),
    ),
    Kind(
        types=("Undo",),
        accepted="The id of what the actor did, or its description by `type` and `object`.",
        done="A Follow, Like, Dislike, Announce, Block or Add is no more. What made, changed or "
        "deleted something cannot be undone: delete what was made.",
        delivered="Who was told of it; of a Follow, the actor that was followed.",
        example=Post(body={"type": "Undo", "object": "$LIKE"}),
        refused=(
            Post(
                body={"type": "Undo", "object": {"type": "Like", "object": "$THEIRS.object"}},
                status=400,
            ),
            Post(body={"type": "Undo", "object": "$THEIRS"}, status=403),
            Post(body={"type": "Undo", "object": "https://nowhere.example/1"}, status=404),
        ),
        ids=("AP-C2S-35", "AP-C2S-36", "AP-C2S-37"),
    ),
    Kind(
        types=("Add", "Remove"),
        accepted="An `object`, and a `target`: `featured`, or a collection that the actor made.",
        done="The object is in the collection, or no longer. A target that is no collection here "
        "is a place in the world: then it is told, and nothing changes.",
        delivered="For whom the collection is; of `featured`, the followers.",
        example=Post(body={"type": "Add", "object": "$NOTE.object", "target": "$FEATURED"}),
        refused=(
            Post(body={"type": "Add", "object": "$NOTE.object"}, status=400),
            Post(body={"type": "Add", "object": "$BOB", "target": "$FOLLOWERS"}, status=403),
        ),
        ids=("AP-C2S-14", "AP-C2S-30", "AP-C2S-31", "BP-05", "IO-84"),
    ),
    Kind(
        types=("Block",),
        accepted="The id of another actor.",
        done="Follows between the two end, on both servers. They see nothing of each other; the "
        "other can neither follow, like nor answer. The Block stands in `blocked`, for its "
        "actor alone.",
        delivered="Nobody: the other is not told.",
        example=Post(body={"type": "Block", "object": "$CAT"}, keep="BLOCK"),
        refused=(Post(body={"type": "Block", "object": "$ANN"}, status=400),),
        ids=("AP-C2S-33", "AP-C2S-34", "IO-50"),
    ),
    Kind(
        types=("Ignore",),
        accepted="What is not to be seen.",
        done="It is kept; nothing changes.",
        delivered="Whoever is named, but never who is ignored.",
        example=Post(body={"type": "Ignore", "object": "$BOB"}),
        refused=(Post(body={"type": "Ignore"}, status=400),),
        ids=("BP-03",),
    ),
    Kind(
        types=("Flag",),
        accepted="What is reported: ids of actors and objects, and why, as `content`.",
        done="Moderators see it, with what was reported as it was then. Nobody else does.",
        delivered="Nobody. A reported actor elsewhere that is named in `to`: its server gets a "
        "Flag by the server itself, which does not say who reported.",
        example=Post(
            body={"type": "Flag", "object": ["$BOB", "$THEIRS.object"], "content": "Tea is spam"}
        ),
        refused=(Post(body={"type": "Flag", "object": "$SECRET.object"}, status=404),),
        ids=("IO-83",),
    ),
    Kind(
        types=("Move",),
        accepted="The actor itself as `object`, and as `target` an account that names it in its "
        "`alsoKnownAs`.",
        done="The actor has moved: its followers follow the target. Anything else that is moved is "
        "told, and nothing changes.",
        delivered="The followers.",
        example=Post(
            body={
                "type": "Move",
                "object": "https://shop.example/cups/1",
                "target": "https://shop.example/shelves/2",
            }
        ),
        refused=(Post(body={"type": "Move", "object": "$ANN", "target": "$BOB"}, status=400),),
        ids=("IO-82",),
    ),
    Kind(
        types=("Offer", "Invite"),
        accepted="An `object` that is offered, or who is invited; a `target`, to whom or to what.",
        done="It is told; nothing changes.",
        delivered="Offer: the target, or whose it is, else whose the object is. Invite: who is "
        "invited, and whose the target is.",
        example=Post(body={"type": "Offer", "object": "$NOTE.object", "target": "$BOB"}),
        refused=(Post(body={"type": "Offer"}, status=400),),
        ids=("BP-03",),
    ),
    Kind(
        types=("Join", "Leave"),
        accepted="A group, an event or another thing.",
        done="It is told; nothing changes.",
        delivered="Whose it is.",
        example=Post(body={"type": "Join", "object": "$BOB"}),
        refused=(Post(body={"type": "Join"}, status=400),),
        ids=("BP-03",),
    ),
    Kind(
        types=("Arrive", "Travel", "Listen", "Read", "View"),
        accepted="An `object`, a `target` or a `location`, as fits.",
        done="It is told; nothing changes.",
        delivered="Only who is named: where somebody is, and what he reads, is for him to say.",
        example=Post(body={"type": "Read", "object": "$THEIRS.object", "to": ["$PUBLIC"]}),
        refused=(Post(body={"type": "Read", "object": 7}, status=400),),
        ids=("BP-03",),
    ),
    Kind(
        types=("Activity", "IntransitiveActivity"),
        title="Actions in words",
        accepted="`verbPhrase`, what was done, and an `object` and a `target` if there are any; "
        "`actionData` of any form. The type may be left out ([actions.md](actions.md)).",
        done="It is in the streams of whom and what it names ([streams.md](streams.md)). A "
        "sentence is made for readers that do not know the verb.",
        delivered="Only who is named.",
        example=Post(
            body={
                "verbPhrase": "watered",
                "object": {
                    "id": "https://shop.example/plants/7",
                    "type": "Document",
                    "name": "the fern",
                },
                "to": ["$PUBLIC"],
            }
        ),
        refused=(
            Post(body={"verbPhrase": " two\nlines", "to": ["$PUBLIC"]}, status=400),
            Post(body={"verbPhrase": "x", "actionData": 7}, status=400),
        ),
        ids=("BP-07",),
    ),
    Kind(
        types=(),
        title="Any other type",
        accepted="Activities and objects of types that nobody here knows. With an `actor`, an "
        "`object` or a `verbPhrase` it is an activity.",
        done="It is stored, and listed in the outbox and in the inboxes of whom it reaches.",
        delivered="Only who is named.",
        example=Post(
            body={"type": "Bake", "object": "$THEIRS.object", "to": ["$BOB"]},
        ),
        refused=(
            Post(body={"type": "Link", "href": "https://shop.example/"}, status=400),
            Post(body={"content": "x"}, status=400),
        ),
        ids=("BP-07", "AP-C2S-38"),
    ),
)
