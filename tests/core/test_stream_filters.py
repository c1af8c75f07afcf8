"""Where the answer to a query lies, and what is in it (seed-features C10, C13)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from apserver.app.streams import stream_of
from apserver.core import limits
from apserver.core.custom_streams import CustomStream
from apserver.core.origin import key_of
from apserver.core.roles import Role
from apserver.core.stream_filters import Entry, Filter, Query, read_filter
from apserver.errors import BadInput

X, Y = "https://x.example/x", "https://x.example/y"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
ENTRY = Entry(
    "Add",
    "added",
    NOW,
    frozenset({(0, key_of(X)), (1, key_of(Y)), (3, key_of("Note"))}),
    {"n": "1.5", "no": "false", "none": None},
)


@pytest.mark.parametrize(
    ("asked", "ranges", "is_exact"),
    [
        (Query(any_of=(Filter(actor=X),)), ((Role.ACTOR, X),), True),
        (
            Query(any_of=(Filter(any=X),)),
            ((Role.ACTOR, X), (Role.OBJECT, X), (Role.TARGET, X)),
            True,
        ),
        (Query(any_of=(Filter(of_type="Note"),)), ((Role.TYPE, "Note"),), True),
        (Query(public=True), None, True),
        (Query(also=(Filter(verb="added"),)), None, False),
        (Query(also=(Filter(actor=X, verb="added"),)), ((Role.ACTOR, X),), False),
        (
            Query(any_of=(Filter(of_type="Note"),), also=(Filter(target=X),)),
            ((Role.TARGET, X),),
            False,
        ),
        (
            Query(any_of=(Filter(actor=X), Filter(object=Y, verb="added"))),
            ((Role.ACTOR, X), (Role.OBJECT, Y)),
            False,
        ),
        (Query(any_of=(Filter(actor=X), Filter(verb="added"))), None, False),
    ],
)
def test_C10_where_the_answer_lies(
    asked: Query, ranges: tuple[tuple[Role, str], ...] | None, is_exact: bool
) -> None:
    """The narrowest ranges that hold all of it; None when only the order of time does."""
    assert asked.ranges == ranges
    assert asked.is_exact == is_exact


@pytest.mark.parametrize(
    ("asked", "is_met"),
    [
        (Filter(), True),
        (Filter(type="Add", verb="added", actor=X, object=Y, any=Y, of_type="Note"), True),
        (Filter(target=Y), False),
        (Filter(type="Join"), False),
        (Filter(verb="Added"), False),
        (Filter(any="Note"), False),
        (Filter(published_gte=NOW, published_lte=NOW), True),
        (Filter(published_gt=NOW), False),
        (Filter(published_lt=NOW), False),
        (Filter(data=(("n", "1.5"), ("no", "false"))), True),
        (Filter(data=(("n", "1.5"), ("no", "true"))), False),
        (Filter(data=(("none", "null"),)), False),
        (Filter(data=(("other", ""),)), False),
    ],
)
def test_C10_what_meets_a_filter(asked: Filter, is_met: bool) -> None:
    """All that is given must be met."""
    keys = {name: key_of(name) for _, name in asked.parts}
    assert asked.matches(ENTRY, keys) is is_met
    assert Query(also=(asked,)).matches(ENTRY, keys) is is_met
    assert Query(any_of=(Filter(type="Join"), asked)).matches(ENTRY, keys) is is_met


def test_C10_the_span_holds_what_the_dates_mean() -> None:
    """Places lie within the second after the date."""
    query = Query(also=(Filter(published_gte=NOW, published_lte=NOW),))
    assert query.span == (NOW, NOW + timedelta(seconds=1))
    either = Query(any_of=(Filter(published_lt=NOW), Filter(verb="added")))
    assert either.span == (None, None)


def test_X14_what_is_asked_of_data_is_bounded() -> None:
    """X14: each costs a look into the data of every action on the way."""
    given = {f"data.{n}": "x" for n in range(limits.DATA_FILTERS + 1)}
    with pytest.raises(BadInput, match=f"{limits.DATA_FILTERS}"):
        read_filter(given)
    given.popitem()
    assert len(read_filter(given).data) == limits.DATA_FILTERS
    query = Query(any_of=(read_filter(given),), also=(Filter(data=(("0", "y"),)),))
    assert query.paths == ("0", "1", "2", "3", "4")


@pytest.mark.parametrize("given", [{"published.gte": "x"}, {"published.lt": ""}, {"data.": "1"}])
def test_X11_what_cannot_be_read_is_refused(given: dict[str, str]) -> None:
    """X11."""
    with pytest.raises(BadInput, match=next(iter(given))):
        read_filter(given)


def test_C13_parameters_fill_filters() -> None:
    """C13: in braces, also within a text; a condition without its parameter does not count."""
    stream = CustomStream(
        slug="s",
        parameters=("who", "verb"),
        filters=({"actor": "https://x.example/{who}", "verb": "{verb}"}, {"type": "Join"}),
    )
    assert stream.any_of({"who": "x"}) == (Filter(actor=X), Filter(type="Join"))
    assert stream.any_of({"verb": "v"})[0] == Filter(verb="v")
    assert CustomStream(slug="s").any_of({}) == (Filter(),)


def test_C13_a_function_must_take_names() -> None:
    """C13: parameters come by name, from a URL."""

    def streamed(*names: str) -> Filter:
        return Filter(verb=names[0])

    with pytest.raises(ValueError, match="by name"):
        stream_of("s", streamed)
