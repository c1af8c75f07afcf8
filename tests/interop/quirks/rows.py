"""What a row of the table of quirks can say, and how it is checked against a running server.

A row tells of one habit of other software that breaks naive servers, and of our rule for it:

* `Sends`: what they post to an inbox of ours, in their shape and signed in their dialect;
* `Asks`: what they GET from us, and how the answer must be for them;
* `Reads`: how what we deliver must look, checked on the bytes that a peer received.

Nobody sent these documents: they are in the shape of other servers, modelled after the facts that
the project collected, with made-up hosts. `peer.example` and `me.example` become the hosts of the
test. `Covered` names tests elsewhere that hold a quirk.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

from tests.doubles.cavage import Dialect
from tests.doubles.peer import Received
from tests.doubles.server import AS2, CONTEXT, PUBLIC, Reply

PEER = "https://peer.example"
BOB = f"{PEER}/users/bob"
ANN = "https://me.example/actors/ann"
NOTE = "https://me.example/objects/1"  #: a public note of ann's
POLL = "https://me.example/objects/2"  #: a public Question of ann's: tea, coffee, or both
FOLLOW = "https://me.example/activities/1"  #: ann's Follow of the peer's actor
LD_JSON_AS2 = f'application/ld+json; profile="{CONTEXT}"'

Json = Mapping[str, Any]


class Place(Protocol):
    """Where a row is checked: our server, a fresh peer, and what they did with each other."""

    async def take(self, row: Sends) -> None:
        """Post what the row says; its status is checked, and the work it led to done."""

    async def answer(self, row: Asks) -> tuple[Reply, str]:
        """What we answer to the row's GET, and the URL that was asked for."""

    async def delivered(self, type_: str) -> list[Received]:
        """What ann sent of this type in the course of an acquaintance."""

    async def shown(self) -> list[dict[str, Any]]:
        """What ann's inbox shows of the peer's, newest first."""

    async def items(self, collection: str) -> list[Any]:
        """A collection of ann's, with her token; ids are those of the table."""

    async def read(self, url: str) -> dict[str, Any]:
        """A document of ours, as anybody reads it."""

    async def reported(self) -> list[str]:
        """What the peer says in reports that moderators here can see."""

    def asked(self) -> list[str]:
        """The requests that the peer got, as `GET /path`."""


Check = Callable[[Place], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Quirk:
    """A line of the table: a short name, what breaks naive servers, and what we do."""

    name: str
    quirk: str
    rule: str

    kind: ClassVar[str] = ""

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Covered(Quirk):
    """Held by tests elsewhere, given as `file::test` below `tests/`."""

    kind = "elsewhere"
    tests: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sends(Quirk):
    """``activity`` is posted to ann's inbox, after those of ``before``, and ``then`` must hold.

    ``by`` is the actor, whose document is the usual one with ``actor`` laid over it; ``documents``
    are others by path, or a status. ``key_id`` is the actor's ``#main-key`` unless given.
    ``signed`` is a dialect of draft-cavage, or the label and components of RFC 9421.
    """

    kind = "sent"
    activity: Json
    then: tuple[Check, ...] = ()
    before: tuple[Json, ...] = ()
    by: str = BOB
    actor: Json = field(default_factory=dict)
    documents: Mapping[str, Any] = field(default_factory=dict)
    key_id: str | None = None
    signs_as: str | None = None  #: who signs the last one, if not ``by``
    signed: Dialect | tuple[str, tuple[str, ...], str] = field(default_factory=Dialect)
    followed: bool = False  #: whether ann follows the actor first
    status: int = 202

    async def check(self, place: Place) -> None:
        """Post it and look at what came of it."""
        await place.take(self)
        for one in self.then:
            await one(place)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asks(Quirk):
    """A GET of ``url``, signed by the peer's actor when ``covered`` names what it covers.

    ``holds`` is told the answer and the URL as it was asked for.
    """

    kind = "asked"
    url: str
    holds: Callable[[Reply, str], object]
    accept: str = AS2
    covered: str | None = None
    target: str | None = None

    async def check(self, place: Place) -> None:
        """Ask and look at the answer."""
        reply, url = await place.answer(self)
        assert self.holds(reply, url), (reply.status, reply.headers, reply.text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reads(Quirk):
    """Whatever we send of these types is so."""

    kind = "read"
    types: tuple[str, ...]
    holds: Callable[[Received], object]

    async def check(self, place: Place) -> None:
        """Look at all that was delivered."""
        for type_ in self.types:
            sent = await place.delivered(type_)
            assert sent, f"no {type_} was delivered"
            for one in sent:
                assert self.holds(one), (type_, one.headers, one.body)


def act(type_: str, object_: Any = None, /, **members: Any) -> dict[str, Any]:
    """An activity of bob's; a member that is None is left out."""
    usual: dict[str, Any] = {
        "@context": CONTEXT,
        "id": f"{BOB}/activities/1",
        "type": type_,
        "actor": BOB,
        "object": object_,
    }
    return {name: value for name, value in (usual | members).items() if value is not None}


def note(**members: Any) -> dict[str, Any]:
    """A public note of bob's that mentions nobody; a member that is None is left out."""
    usual: dict[str, Any] = {
        "id": f"{PEER}/notes/1",
        "type": "Note",
        "attributedTo": BOB,
        "content": "<p>tea</p>",
        "published": "2026-03-01T10:20:30Z",
        "to": [PUBLIC],
        "cc": [ANN],
    }
    return {name: value for name, value in (usual | members).items() if value is not None}


def create(**members: Any) -> dict[str, Any]:
    """The Create of such a note."""
    made = note(**members)
    parts = {name: made[name] for name in ("to", "cc") if name in made}
    return act("Create", made, **parts)


def lists(**members: Any) -> Check:
    """Ann's inbox shows an object of the peer's, and the newest has these members."""

    async def check(place: Place) -> None:
        shown = [one["object"] for one in await place.shown()]
        newest, *_ = (one for one in shown if isinstance(one, dict))
        for name, value in members.items():
            assert newest.get(name) == value, (name, newest)

    return check


def lists_activity(**members: Any) -> Check:
    """Ann's inbox shows it, and it has these members itself."""

    async def check(place: Place) -> None:
        newest, *_ = await place.shown()
        for name, value in members.items():
            assert newest.get(name) == value, (name, newest)

    return check


def lists_nothing() -> Check:
    """Nothing of the peer's is in ann's inbox."""

    async def check(place: Place) -> None:
        assert await place.shown() == []

    return check


def holds(collection: str, *ids: str) -> Check:
    """What the peer has to do with in a collection of ann's, or of her note."""

    async def check(place: Place) -> None:
        assert await place.items(collection) == list(ids)

    return check


def has(url: str, **members: Any) -> Check:
    """A document of ours has these members, for everybody."""

    async def check(place: Place) -> None:
        document = await place.read(url)
        assert {name: document.get(name) for name in members} == members

    return check


def has_votes(url: str, *totals: int) -> Check:
    """The options of a poll of ours have so many votes, in order."""

    async def check(place: Place) -> None:
        options = (await place.read(url))["anyOf"]
        assert [one["replies"]["totalItems"] for one in options] == list(totals)

    return check


def reports(*contents: str) -> Check:
    """Moderators here see these reports of the peer's, by what they say."""

    async def check(place: Place) -> None:
        assert await place.reported() == list(contents)

    return check


def was_asked(*requests: str) -> Check:
    """These are the GETs that the peer got, and no others."""

    async def check(place: Place) -> None:
        assert [one for one in place.asked() if one.startswith("GET ")] == list(requests)

    return check
