"""What two servers tell each other, type by type, and whether both have the same afterwards.

All activities of one side are sent first, and then looked for on the other: what arrived is
compared with what was sent, member by member. Who verified the signature is whoever received it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

from tests.doubles.server import AS2, CONTEXT, PUBLIC, Server, until
from tests.interop.peer import PeerTrouble, RealPeer
from tests.interop.results import Results

PLACE = {"type": "Place", "name": "Work"}
#: Of these there is more to say than their members: they have steps of their own, or are private.
_LISTED_NOWHERE = {"Block", "Flag"}

#: How long the other side may take when nothing is on the way any more.
_ARRIVES_S = 20

Json = dict[str, Any]


class Far(Protocol):
    """The other side: an actor, a public note of its, and what came to it."""

    @property
    def actor(self) -> str: ...
    @property
    def note(self) -> str: ...
    @property
    def known(self) -> frozenset[str] | None:
        """The types that it takes in; None when it takes all."""

    async def settled(self) -> None:
        """Wait until what was delivered has had its effects."""

    async def got(self, id_: str) -> Any:
        """The activity with this id as it arrived, and was verified; None when it did not."""

    def form(self, activity: Any) -> Any:
        """As much of an activity as this side shows of it for ever."""


@dataclass(frozen=True, slots=True)
class OfPeer:
    """Software of others, run for the test."""

    peer: RealPeer
    actor: str
    note: str
    known: frozenset[str] | None = None

    async def settled(self) -> None:
        """It records what it answers 202 to."""

    async def got(self, id_: str) -> Any:
        """What it recorded; Fedify tells besides whether the signature held."""
        with suppress(PeerTrouble):
            record = (await self.peer.wait(id=id_, timeout_s=_ARRIVES_S))[0]
            verified = record.get("verified", {"http": "verified"})["http"] == "verified"
            return record["json"] if verified else f"not verified: {record}"
        return None

    def form(self, activity: Any) -> Any:
        """All of it, as it came."""
        return activity


@dataclass(frozen=True, slots=True)
class OfServer:
    """Another apserver, and bob on it."""

    server: Server
    actor: str
    note: str
    #: The others are listed nowhere: their effects tell of them.
    known: frozenset[str] | None = frozenset(
        (
            "Follow Create Update Delete Like Dislike Announce View Read Listen Join Leave Offer "
            "Invite Arrive Travel Add Remove Ignore Question"
        ).split()
    )

    async def settled(self) -> None:
        """Its jobs are done."""
        await self.server.drained()

    async def got(self, id_: str) -> Any:
        """What bob's inbox shows."""
        listed = await self.server.items("bob", "inbox", as_="bob")
        return next((one for one in listed if one["id"] == id_), None)

    def form(self, activity: Any) -> Any:
        """A page has one context, and objects as they are now: edited, or a Tombstone."""
        if activity is None:
            return None
        object_ = activity.get("object")
        inner = object_["id"] if isinstance(object_, dict) and "id" in object_ else object_
        return {**_without_context(activity), "object": inner}

    async def compare_effects(self, results: Results) -> None:
        """What was taken back is in no collection any more."""
        for name in ("likes", "dislikes", "shares"):
            left = await self.server.collected(f"{self.note}/{name}", as_="bob")
            results.compare(f"Undo from us: {name}", here=[], there=left)
        left = await self.server.items("bob", "followers", as_="bob")
        results.compare("Undo from us: followers", here=[], there=left)


def told(actor: str, note: str, *, own: str, own_note: str) -> dict[str, Json]:
    """One activity of each type that needs nothing before it; ``actor`` and ``note`` are those of
    the receiver. By type."""
    of_note = ("Like", "Dislike", "Announce", "View", "Read", "Listen", "Join", "Leave")
    featured = f"{own}/featured"
    return {
        **{type_: {"object": note} for type_ in of_note},
        "Offer": {"object": PLACE, "target": actor},
        "Invite": {"object": actor, "target": {"type": "Event", "name": "Tea"}},
        "Arrive": {"location": PLACE},
        "Travel": {"target": PLACE},
        "Add": {"object": own_note, "target": featured},
        "Remove": {"object": own_note, "target": featured},
        "Ignore": {"object": own_note},
        "Flag": {"object": actor, "content": "look at this"},
    }


async def tell(server: Server, far: Far, results: Results) -> None:
    """Ann sends one of each type, and undoes what can be undone; the other side has the same."""
    sent = [
        await _posted(server, {"type": "Follow", "object": far.actor}),
        await _posted(server, _question(far)),
        await _posted(server, _note(far, "hello")),
    ]
    note = sent[-1]["object"]["id"]
    own = {"own": server.id("ann"), "own_note": note}
    activities = told(far.actor, far.note, **own)
    del activities["Flag"]  # it goes out under another name: `report`
    for type_, members in activities.items():
        sent.append(await _posted(server, {"type": type_, "to": [far.actor], **members}))
    undone = [one for one in sent if one["type"] in ("Like", "Dislike", "Announce", "Follow")]
    sent.append(await _posted(server, {"type": "Update", "object": {"id": note, "content": "bye"}}))
    sent.append(
        await _posted(server, {"type": "Update", "object": {"id": own["own"], "name": "A"}})
    )
    await server.drained()
    sent.append(await _posted(server, {"type": "Delete", "object": note}))
    for one in undone:
        sent.append(await _posted(server, {"type": "Undo", "object": one["id"]}))
    for one in sent:
        if far.known is None or _inner_type(one) in far.known:
            got = await far.got(one["id"])
            results.compare(f"{_name(one)} from us", here=far.form(one), there=far.form(got))


async def report(server: Server, peer: RealPeer, far: OfPeer, results: Results) -> None:
    """Ann reports the other; the Flag comes from our instance actor, and does not tell of her."""
    flag = {"type": "Flag", "object": far.actor, "content": "look at this"}
    await _posted(server, {**flag, "to": [far.actor]})
    [record] = await peer.wait(type="Flag")
    expected = {**flag, "object": [far.actor], "actor": server.id("instance")}
    results.compare("Flag from us", here=expected, there=_same_members(record["json"], expected))
    told = server.id("ann") in str(record["json"])
    results.compare("Flag from us tells of whom it is", here=False, there=told)


async def hear(server: Server, peer: RealPeer, far: OfPeer, results: Results, note: str) -> None:
    """The other sends one of each type, by its own code for signatures; ann's inbox has the same.
    ``note`` is one of ann's."""
    ann, inbox = server.id("ann"), f"{server.id('ann')}/inbox"
    sent: list[Json] = []

    async def send(type_: str, members: Json) -> None:
        activity = {
            "@context": CONTEXT,
            "id": f"{far.actor}/told/{type_}",
            "type": type_,
            "actor": far.actor,
            "to": [ann],
            **members,
        }
        answer = await peer.do("raw", inbox=inbox, activity=activity)
        assert answer["status"] == 202, (type_, answer)
        sent.append(activity)

    for type_, members in told(ann, note, own=far.actor, own_note=far.note).items():
        await send(type_, members)
    await server.drained()
    listed = {one["id"]: one for one in await server.items("ann", "inbox", as_="ann")}
    await send("Block", {"object": ann})  # what a blocker has sent is not shown any more
    await server.drained()
    for one in sent:
        if one["type"] in _LISTED_NOWHERE:
            rows = await server.rows("SELECT type FROM activity WHERE id = $1", one["id"])
            results.compare(f"{one['type']} to us", here=rows, there=[{"type": one["type"]}])
        else:
            shown = _same_members(listed.get(one["id"], {}), one)
            results.compare(f"{one['type']} to us", here=shown, there=_without_context(one))


ANSWERS = ("TentativeAccept", "TentativeReject", "Reject", "Accept")


async def answer(server: Server, peer: RealPeer, far: OfPeer, results: Results) -> None:
    """Each invites the other once for every answer that there is, and gets it."""
    ann, inbox = server.id("ann"), f"{server.id('ann')}/inbox"
    for number, type_ in enumerate(ANSWERS):
        party = {"type": "Event", "name": f"Party {number}"}
        invite = {
            "@context": CONTEXT,
            "id": f"{far.actor}/invites/{number}",
            "type": "Invite",
            "actor": far.actor,
            "to": [ann],
            "object": ann,
            "target": party,
        }
        assert (await peer.do("raw", inbox=inbox, activity=invite))["status"] == 202
        await server.drained()
        ours = await _posted(server, {"type": type_, "to": [far.actor], "object": invite["id"]})
        if far.known is None or type_ in far.known:
            got = await far.got(ours["id"])
            results.compare(f"{type_} of an Invite from us", here=ours, there=got)
        offered = {"type": "Invite", "to": [far.actor], "object": far.actor, "target": party}
        invited = await _posted(server, offered)
        theirs = {
            "@context": CONTEXT,
            "id": f"{far.actor}/answers/{number}",
            "type": type_,
            "actor": far.actor,
            "to": [ann],
            "object": invited["id"],
        }
        assert (await peer.do("raw", inbox=inbox, activity=theirs))["status"] == 202
        await server.drained()
        listed = await server.items("ann", "inbox", as_="ann")
        shown: Json = next((one for one in listed if one["id"] == theirs["id"]), {})
        expected = _without_context(theirs)
        here = _same_members(shown, theirs)
        results.compare(f"{type_} of an Invite to us", here=here, there=expected)


async def act(server: Server, peer: RealPeer, far: OfPeer, results: Results, note: str) -> None:
    """The other follows, posts, edits, likes, shares, takes back and deletes, all by its own code;
    after each step our collections say so."""
    ann = server.id("ann")

    async def compare(check: str, url: str, *expected: str) -> None:
        await _soon(lambda: _is(server, url, *expected))
        results.compare(check, here=await _ids(server, url), there=list(expected))

    await peer.do("follow", target=ann)
    await peer.wait(type="Accept")
    followers = f"{ann}/followers"
    await compare("Follow to us, by its own code", followers, far.actor)
    for type_, collection in (("like", f"{note}/likes"), ("announce", f"{note}/shares")):
        done = (await peer.do(type_, object=note))["id"]
        await compare(f"{type_.title()} to us, by its own code", collection, done)
        await peer.do("undo", id=done)
        await compare(f"Undo of {type_.title()} to us, by its own code", collection)
    posted = (await peer.do("post", text="hello", to=[ann]))["note"]
    await _compare_object(server, results, "Create to us, by its own code", posted)
    await peer.do("update", id=posted, text="bye")
    await _compare_object(server, results, "Update to us, by its own code", posted)
    await peer.do("delete", id=posted)
    await _soon(lambda: _is_gone(server, posted))
    gone = await _is_gone(server, posted)
    results.compare("Delete to us, by its own code", here=gone, there=True)


async def _compare_object(server: Server, results: Results, check: str, id_: str) -> None:
    """What we show of an object is what its own server shows."""
    theirs = (await server.get(id_, Accept=AS2)).json

    async def shown() -> Any:
        listed = await server.items("ann", "inbox", as_="ann")
        found = [one["object"] for one in listed if one["type"] == "Create"]
        return next((one["content"] for one in found if one["id"] == id_), None)

    async def same() -> bool:
        return bool(await shown() == theirs["content"])

    await _soon(same)
    results.compare(check, here=await shown(), there=theirs["content"])


async def _is_gone(server: Server, id_: str) -> bool:
    rows = await server.rows("SELECT deleted_at FROM object WHERE id = $1", id_)
    return bool(rows) and rows[0]["deleted_at"] is not None


async def _is(server: Server, url: str, *expected: str) -> bool:
    return await _ids(server, url) == list(expected)


async def _soon(condition: Callable[[], Awaitable[Any]]) -> None:
    """Wait for it; what comes of it when it does not come is told by a comparison."""
    with suppress(AssertionError):
        await until(condition, timeout_s=_ARRIVES_S)


async def _ids(server: Server, url: str) -> list[str]:
    items = await server.collected(url, as_="ann")
    return [one if isinstance(one, str) else one["id"] for one in items]


async def _posted(server: Server, activity: Mapping[str, Any]) -> Json:
    reply = await server.post("ann", {"@context": CONTEXT, **activity})
    assert reply.status == 201, (activity, reply.text)
    made: Json = reply.json
    return made


def _question(far: Far) -> Json:
    options = [{"type": "Note", "name": name} for name in ("green", "black")]
    return {**_note(far, "tea?"), "type": "Question", "oneOf": options}


def _note(far: Far, text: str) -> Json:
    return {"type": "Note", "content": text, "to": [PUBLIC], "cc": [far.actor]}


def _name(activity: Mapping[str, Any]) -> str:
    object_ = activity.get("object")
    tells = activity["type"] in ("Undo", "Update") or (
        isinstance(object_, dict) and object_.get("type") == "Question"
    )
    if tells and isinstance(object_, dict):
        return f"{activity['type']} of {object_['type']}"
    return str(activity["type"])


def _inner_type(activity: Mapping[str, Any]) -> str:
    """Its type, but of a Create of a Question that of the Question: some know the one alone."""
    return "Question" if _name(activity) == "Create of Question" else str(activity["type"])


def _without_context(activity: Mapping[str, Any]) -> Json:
    return {name: value for name, value in activity.items() if name != "@context"}


def _same_members(shown: Mapping[str, Any], sent: Iterable[str]) -> Json:
    return {name: shown[name] for name in sent if name in shown and name != "@context"}
