"""Filters of streams (seed-features C9, C10, A8; scenario 16; faults X11 and X14)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from apserver.core import limits
from tests.doubles.server import Server
from tests.flows.steps import check_problem
from tests.flows.stream_steps import FLASK, ISSUE, act, follow, ids, of, read, walk

PATHS = (
    "/streams/public",
    "/streams/type/Person",
    of("actor", "https://x.example/"),
    of("any", "https://x.example/"),
    "/actors/ann/streams/home",
)


async def test_scenario_16_by_verb_type_and_participants(server: Server) -> None:
    """C10: each of them, and all of them at once."""
    closed = await act(
        server, "ann", "Activity", verbPhrase="closed", object=ISSUE["id"], target=FLASK["id"]
    )
    joined = await act(server, "ann", "Join", object=FLASK["id"])
    await act(server, "bob", "Join", object="https://shop.example/groups/django")
    ann, bob = server.id("ann"), server.id("bob")
    await follow(server, "bob", ann)
    for path, as_ in (
        ("/streams/public?", None),
        (f"{of('any', FLASK['id'])}&", None),
        (f"{of('actor', ann)}&", None),
        ("/streams/type/Person?", None),
        ("/actors/bob/streams/home?", "bob"),
    ):
        for query, wanted in (
            ("verb=closed", [closed]),
            (f"type=Join&actor={ann}", [joined]),
            (f"target={FLASK['id']}", [joined, closed]),
            (f"object={ISSUE['id']}", [closed]),
            (f"object={ISSUE['id']}&actor={bob}", []),
            (f"actor={ann}&verb=closed&type=Activity&target={FLASK['id']}", [closed]),
        ):
            assert await ids(server, path + query, as_=as_) == wanted, path + query


async def test_scenario_03_by_data(server: Server) -> None:
    """A8: by what actionData holds under a path: texts, numbers, truth, in objects and lists."""
    data = {"favorite_color": "Blue", "level": 7, "new": True, "size": {"w": 2.5}, "tags": ["a"]}
    blue = await act(server, "ann", "View", object=ISSUE["id"], actionData=data)
    await act(server, "ann", "View", object=ISSUE["id"], actionData={"favorite_color": "Red"})
    await act(server, "ann", "View", object=ISSUE["id"])
    for query in ("favorite_color=Blue", "level=7", "new=true", "size.w=2.5", "tags.0=a"):
        assert await ids(server, f"/streams/public?data.{query}") == [blue], query
    for query in ("favorite_color=blue", "level=8", "size=x", "tags.1=a", "none=1", "tags.x=a"):
        assert await ids(server, f"/streams/public?data.{query}") == [], query


async def test_scenario_16_by_time(server: Server) -> None:
    """C10: a date means what the item says in `published`, with and without the bound itself."""
    made = []
    for year in (2001, 2002, 2003):
        id_ = await act(server, "ann", "View", object=ISSUE["id"])
        made.append(id_)
        # As if it had been published then; streams have it a moment later (core.streams).
        await server.rows(
            "WITH moved AS (UPDATE activity SET published_at = $2::timestamptz,"
            " sort_at = $2::timestamptz + interval '1 ms' WHERE id = $1 RETURNING key, sort_at)"
            " UPDATE role SET sort_at = m.sort_at FROM moved m WHERE role.activity = m.key",
            id_,
            datetime(year, 1, 1, tzinfo=UTC),
        )
    first, middle, last = made
    at = "2002-01-01T00:00:00Z"
    for query, wanted in (
        (f"published.gte={at}", [last, middle]),
        (f"published.gt={at}", [last]),
        (f"published.lte={at}", [middle, first]),
        (f"published.lt={at}", [first]),
        (f"published.gt={at}&published.lt={at}", []),
        ("published.gte=2002-01-01T01:00:00%2B01:00&published.lte=2002-06-01T00:00:00Z", [middle]),
    ):
        for path in ("/streams/public", "/streams/type/Person"):
            assert await ids(server, f"{path}?{query}") == wanted, query
    pages = await walk(server, f"/streams/public?published.gte={at}", limit=1)
    assert [one["id"] for page in pages for one in page] == [last, middle]


@pytest.mark.parametrize("path", PATHS)
async def test_scenario_16_an_unknown_parameter_is_named(server: Server, path: str) -> None:
    """C10, X11: 400 with the parameter's name and those that there are."""
    joint = "&" if "?" in path else "?"
    reply = await server.get(f"{path}{joint}nonsense=1", as_="ann")
    check_problem(reply, 400)
    assert "nonsense" in reply.json["detail"]
    for known in ("verb", "published.gte", "data.PATH", "expand", "limit"):
        assert known in reply.json["detail"]


@pytest.mark.parametrize(
    "query",
    [
        "published.gte=yesterday",
        "published.lt=",
        "data.=1",
        "expand=some",
        "limit=0",
        "limit=x",
        "before=1",
        "before=zz-1",
        f"before={'f' * 15}-{'0' * 32}",
        "page=2",
        f"page=first&before=1-{'0' * 32}",
        "verb=a&verb=b",
        "verb=%00",
        "data.a%00b=1",
    ],
)
async def test_X11_what_cannot_be_read_is_400(server: Server, query: str) -> None:
    """X11: no 500 for a filter that is no filter."""
    check_problem(await server.get(f"/streams/public?{query}"), 400)


@pytest.mark.parametrize("role", ["actor", "object", "target", "any"])
async def test_X11_a_stream_of_nothing_is_400(server: Server, role: str) -> None:
    """X11: it must be said of what."""
    for query in ("", "?id=", "?id=carl", f"?id=https://x.example/{'x' * limits.IRI}"):
        check_problem(await server.get(f"/streams/{role}{query}"), 400)


async def test_scenario_16_sql_is_text(server: Server) -> None:
    """C10: quotes and commands are texts that nothing matches."""
    await act(server, "ann", "View", object=ISSUE["id"])
    bad = "%27%3B%20DROP%20TABLE%20role%3B--"
    for query in (f"verb={bad}", f"actor={bad}", f"data.{bad}={bad}", f"type={bad}"):
        assert await ids(server, f"/streams/public?{query}") == []
    assert await ids(server, f"/streams/any?id=urn:{bad}") == []
    assert len(await ids(server, "/streams/public")) == 1


async def test_X14_no_page_is_endless(server: Server) -> None:
    """X14, C11: pages, of so many items as were asked for, up to a bound."""
    for n in range(limits.PAGE_MAX + 1):
        await act(server, "ann", "View", object=f"https://x.example/{n}")
    for asked, got in (("", limits.PAGE), ("&limit=3", 3), ("&limit=1000", limits.PAGE_MAX)):
        page = await read(server, f"/streams/public?page=first{asked}")
        assert len(page["orderedItems"]) == got
    head = (await server.get("/streams/public")).json
    assert "orderedItems" not in head


async def test_X14_a_filter_that_finds_little_leads_on(server: Server) -> None:
    """X14: what is looked at for one page is bounded; nothing is lost by it."""
    wanted = await act(server, "ann", "View", object=ISSUE["id"], verbPhrase="found")
    [row] = await server.rows("SELECT key, sort_at FROM activity WHERE id = $1", wanted)
    many = limits.SIFTED * limits.OVER_FETCH + 10
    await server.rows(
        "WITH made AS (INSERT INTO activity (key, id, actor, actor_id, type, visibility, audience,"
        " envelope, published_at, sort_at) SELECT gen_random_uuid(), 'https://x.example/' || n,"
        " actor, actor_id, 'View', 0, '{}', '{}', now(), now() + n * interval '1 ms'"
        " FROM activity, generate_series(1, $1::int) n WHERE key = $2"
        " RETURNING key, sort_at, actor)"
        " INSERT INTO role SELECT actor, 0, sort_at, key, 0 FROM made",
        many,
        row["key"],
    )
    for path in ("/streams/public?", f"{of('actor', server.id('ann'))}&"):
        pages = await walk(server, f"{path}verb=found")
        assert [one["id"] for page in pages for one in page] == [wanted]
        assert len(pages) == 2
