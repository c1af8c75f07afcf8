"""The pages that are read on both sides."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from apserver.core.names import Names
from bench.streams.fill_ours import SITE
from bench.streams.shape import Shape

PAGE = 30  #: items
DEEP = 100  #: the page that is read deep down, or the last one if there are fewer
_COMMON = 100  #: one of so many is read: neither loud nor quiet


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A stream and a page of it. ``original`` is its function for this stream; of whom or what is
    said by one of reader, person and thing, or by none."""

    title: str
    original: str = "user_stream"
    role: str = ""  #: our name for the stream
    reader: str | None = None
    person: int | None = None
    thing: int | None = None
    is_deep: bool = False

    def url(self, names: Names) -> str:
        """The first page with us."""
        if self.reader is not None:
            return f"{names.actor(self.reader)}/streams/home?limit={PAGE}"
        if self.person is not None:
            of = f"?id={quote(names.actor(f'p{self.person}'), safe='')}&"
        elif self.thing is not None:
            of = f"?id={quote(f'{SITE}/groups/{self.thing}', safe='')}&"
        else:
            of = "?"
        return f"{names.origin}/streams/{self.role}{of}limit={PAGE}"


def cases_of(shape: Shape) -> list[Case]:
    """What is read."""
    person, thing = shape.people // _COMMON, shape.things // _COMMON
    return [
        Case(title="home, 20 quiet follows", reader="quiet"),
        Case(title="home, 20 quiet follows, last page", reader="quiet", is_deep=True),
        Case(title="home, 1 200 follows", reader="busy"),
        Case(title="home, 1 200 follows, page 100", reader="busy", is_deep=True),
        Case(title="home, 1 200 quiet follows", reader="sleepy"),
        Case(title="actor", original="actor_stream", role="actor", person=person),
        Case(title="object", original="action_object_stream", role="object", thing=thing),
        Case(title="target", original="target_stream", role="target", thing=thing),
        Case(title="any", original="any_stream", role="any", thing=thing),
        Case(title="type Group", original="model_stream", role="type/Group"),
        Case(title="public", original="public", role="public"),
    ]
