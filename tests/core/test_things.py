"""Templates of a site's IRIs, and names of the actors that stand for what they fit."""

from __future__ import annotations

import re

import pytest

from apserver.core.names import OUR_PATHS, local_name
from apserver.core.origin import is_local_name
from apserver.core.things import Things, ThingType
from apserver.serve.routes import PAGES, ROUTES

ORIGIN = "https://social.example"
ISSUE = ThingType(
    kind="issue",
    iri="https://shop.example/p/{project}/issues/{id}",
    facade="Group",
    handle="issue-{project}.{id}",
)
PAGE = ThingType(kind="page", iri=f"{ORIGIN}/{{kind}}/{{id}}")
THINGS = Things((ISSUE, PAGE), ORIGIN)


@pytest.mark.parametrize(
    "iri",
    [
        "https://shop.example/p/flask/issues/2",
        "https://shop.example/p/caf%C3%A9/issues/ä",
    ],
)
def test_an_iri_fits_its_template(iri: str) -> None:
    assert THINGS.find(iri) is ISSUE


@pytest.mark.parametrize(
    "iri",
    [
        "https://shop.example/p/flask/issues/",
        "https://shop.example/p/flask/issues/2/3",
        "https://shop.example/p/flask/issues/2?x",
        "https://shop.example/p/flask/issues/2#x",
        "https://shop.example/p/flask/issues/2 3",
        "https://shop.example/p/flask/issues/2\n",
        "https://shop.example/p/flask/issues/\\",
        "https://shop.example.evil.example/p/flask/issues/2",
        "http://shop.example/p/flask/issues/2",
        "https://shop.example/p/flask/issues/" + "2" * 3_000,
        "",
    ],
)
def test_what_is_not_quite_one_does_not_fit(iri: str) -> None:
    """A name stands for one part of the path; RFC 3987 2.2 tells what no IRI holds."""
    assert THINGS.find(iri) is None


@pytest.mark.parametrize("path", sorted(OUR_PATHS))
def test_our_own_ids_are_no_things(path: str) -> None:
    """Decision 2: a template may fit ours on our own origin, in whichever spelling, and counts
    for nothing there."""
    for origin in (ORIGIN, "https://social.example:443", "HTTPS://SOCIAL.example"):
        iri = f"{origin}/{path}/1"
        assert THINGS.find(iri) is None
        assert not THINGS.is_of_site(iri)
    assert THINGS.find(f"{ORIGIN}/pages/1") is PAGE


def test_our_paths_are_those_that_are_routed() -> None:
    """A site on our origin cannot have things where we answer."""
    routed = {route.path.split("/")[1] for route in (*ROUTES, *PAGES)}
    assert routed <= OUR_PATHS


def test_what_is_of_the_site_and_not_registered_is_known_as_such() -> None:
    assert THINGS.is_of_site("https://shop.example/widgets/1")
    assert THINGS.is_of_site("https://SHOP.example:443/widgets/1")
    assert not THINGS.is_of_site("https://elsewhere.example/widgets/1")
    assert not THINGS.is_of_site("no IRI")
    assert not Things().is_of_site("https://shop.example/widgets/1")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("j.doe+1@mail-x", "j_doe_1_mail_x"),
        ("J%C3%BCrgen", "J_rgen"),
        ("a" * 40, "a" * 30),
        ("plain_1", "plain_1"),
    ],
)
def test_names_are_mapped(text: str, name: str) -> None:
    """Decision 2: what our names cannot hold becomes an underscore; 30 characters count."""
    assert local_name(text) == name
    assert is_local_name(name)


def test_a_facade_is_found_by_its_name() -> None:
    """The handle leads back to the thing where it has all names of the IRI."""
    iri = "https://shop.example/p/flask/issues/2"
    assert ISSUE.name_of(iri) == "issue_flask_2"
    assert THINGS.named("issue_flask_2") == ((ISSUE, iri),)
    assert THINGS.named("ann") == ()
    partly = ThingType(kind="x", iri=ISSUE.iri, facade="Group", handle="issue_{id}")
    assert Things((partly,)).named("issue_2") == ()
    assert re.fullmatch(r"issue_\d", partly.name_of(iri) or "")
