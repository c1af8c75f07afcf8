"""Every refusal of the API for clients is problem details with a pointer to what is at fault."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from apserver.core import limits
from tests.doubles.server import AS2, CONTEXT, PUBLIC, Server
from tests.flows.steps import check_problem, stored
from tests.flows.verb_steps import public_note

NOTE = {"@context": CONTEXT, "type": "Note", "content": "hello"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A request of ann's client, and how it is refused. In strings NOTE, SECRET, GONE, THEIRS
    (bob's, for all) and OWN stand for ids."""

    status: int
    posted: Any = None
    pointer: str | None = None
    method: str = "POST"
    path: str = "/actors/ann/outbox"
    token: str | None = "ann"
    media_type: str = AS2


CASES = {
    "broken JSON": Case(status=400, posted='{"type":'),
    "a list": Case(status=400, posted=[NOTE]),
    "no type": Case(status=400, posted={"content": "x"}, pointer="/type"),
    "a list of two notes": Case(
        status=400, posted={"type": "Create", "object": [NOTE, NOTE]}, pointer="/object"
    ),
    "no object": Case(status=400, posted={"type": "Like"}, pointer="/object"),
    "no target": Case(status=400, posted={"type": "Add", "object": "THEIRS"}, pointer="/target"),
    "a bad date inside": Case(
        status=400, posted={**NOTE, "endTime": "tomorrow"}, pointer="/endTime"
    ),
    "a bad recipient": Case(status=400, posted={**NOTE, "to": [PUBLIC, "x"]}, pointer="/to/1"),
    "an own follow": Case(
        status=400, posted={"type": "Follow", "object": "/actors/ann"}, pointer="/object"
    ),
    "what the server keeps": Case(
        status=400,
        posted={"type": "Update", "object": {"id": "OWN", "published": "2020-01-01T00:00:00Z"}},
        pointer="/object/published",
    ),
    "Undo of nothing": Case(
        status=400,
        posted={"type": "Undo", "object": {"type": "Like", "actor": "ANN", "object": "THEIRS"}},
        pointer="/object",
    ),
    "no token": Case(status=401, posted=NOTE, token=None),
    "the outbox of another": Case(status=403, posted=NOTE, token="bob"),
    "another actor": Case(
        status=403,
        posted={"type": "Like", "actor": "https://x.example/u", "object": "THEIRS"},
        pointer="/actor",
    ),
    "Update of another's": Case(
        status=403,
        posted={"type": "Update", "object": {"id": "THEIRS", "content": "mine"}},
        pointer="/object/id",
    ),
    "Delete of another's": Case(
        status=403, posted={"type": "Delete", "object": "THEIRS"}, pointer="/object"
    ),
    "Announce of what is private": Case(
        status=403, posted={"type": "Announce", "object": "OWN"}, pointer="/object"
    ),
    "a collection that the server fills": Case(
        status=403,
        posted={"type": "Add", "object": "THEIRS", "target": "ANN/followers"},
        pointer="/target",
    ),
    "Like of what is not for ann": Case(
        status=404, posted={"type": "Like", "object": "SECRET"}, pointer="/object"
    ),
    "the second of several": Case(
        status=404, posted={"type": "Like", "object": ["THEIRS", "SECRET"]}, pointer="/object/1"
    ),
    "Undo of the unknown": Case(
        status=404, posted={"type": "Undo", "object": "https://x.example/1"}, pointer="/object"
    ),
    "no such actor": Case(status=404, method="GET", path="/actors/nobody", token=None),
    "no such method": Case(status=405, method="PUT", posted=NOTE),
    "POST to what is read": Case(status=405, posted=NOTE, path="/actors/ann/followers"),
    "Like of what was deleted": Case(
        status=410, posted={"type": "Like", "object": "GONE"}, pointer="/object"
    ),
    "too much": Case(status=413, posted=b"x" * (limits.BODY + 1)),
    "no JSON": Case(status=415, posted="hello", media_type="text/plain"),
    "a vote for nothing": Case(
        status=422,
        posted={"type": "Note", "name": "water", "inReplyTo": "QUESTION"},
        pointer="/object",
    ),
}


async def _ids(server: Server) -> dict[str, str]:
    question = {**NOTE, "type": "Question", "oneOf": [{"type": "Note", "name": "tea"}]}
    asked = await server.post("bob", {**question, "to": [PUBLIC]})
    ids = {
        "SECRET": (await server.note("bob", "x", server.id("bob")))["object"]["id"],
        "OWN": (await server.note("ann", "x", server.id("bob")))["object"]["id"],
        "THEIRS": await public_note(server, "bob"),
        "GONE": await public_note(server, "bob"),
        "QUESTION": asked.json["object"]["id"],
        "/actors/ann": server.id("ann"),
        "ANN": server.id("ann"),
    }
    await server.post("bob", {"type": "Delete", "object": ids["GONE"]})
    await server.drained()
    return ids


def _filled(value: Any, ids: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {name: _filled(one, ids) for name, one in value.items()}
    if isinstance(value, list):
        return [_filled(one, ids) for one in value]
    if value == "ANN/followers":
        return f"{ids['ANN']}/followers"
    return ids.get(value, value) if isinstance(value, str) else value


async def test_BP_03_every_refusal_says_what_is_at_fault(server: Server) -> None:
    """AP-C2S-02, AP-C2S-03, AP-C2S-04, AP-C2S-13, AP-C2S-14, AP-C2S-35, BP-03: the status, a
    pointer into what was posted, and nothing stored."""
    ids = await _ids(server)
    before = await stored(server)
    for name, case in CASES.items():
        reply = await server.ask(
            case.method,
            case.path,
            as_=case.token,
            data=_filled(case.posted, ids),
            Content_Type=case.media_type,
        )
        assert (name, reply.status) == (name, case.status), reply.text
        check_problem(reply, case.status, case.pointer)
    assert await stored(server) == before
