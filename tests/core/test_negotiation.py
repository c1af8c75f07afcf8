"""Which media type goes out for which `Accept` (IO-05, AP-GET-01 to 05; conformance 7, 1 and 2)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apserver.core.negotiation import as2_media_type, choose, parse_accept, quality_of

AS2 = "application/activity+json"
LD = 'application/ld+json; profile="https://www.w3.org/ns/activitystreams"'
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("", AS2),
        ("*/*", AS2),
        ("application/*", AS2),
        (AS2, AS2),
        ("Application/Activity+JSON; charset=utf-8", AS2),
        ("application/ld+json", LD),
        (LD, LD),
        ("application/activity+json, application/ld+json", AS2),
        (f"{LD}, {AS2}", AS2),
        (f"{LD}, {AS2};q=0.5", AS2),
        (f"{AS2}, {LD}, text/html;q=0.1", AS2),
        (f"{LD}, text/html;q=0.1", LD),
        (f"{LD}, */*;q=0.1", LD),
        (f"{LD};q=0.1, */*", AS2),
        ("application/activity+json;q=0, application/ld+json", LD),
        ("application/activity+json;q=0, */*", LD),
        # What we do not have is answered none the less (AP-GET-05): nobody gets 406.
        ("application/json", AS2),
        ("text/html", AS2),
        (BROWSER, AS2),
        ("application/activity+json;q=0", AS2),
        ("nonsense", AS2),
        (", ,;q=1", AS2),
    ],
)
def test_IO_05_the_type_of_a_document(accept: str, media_type: str) -> None:
    assert as2_media_type(accept) == media_type


@pytest.mark.parametrize(
    ("profile", "covers"),
    [
        ('"https://www.w3.org/ns/activitystreams"', True),
        ('"https://other.example/ https://www.w3.org/ns/activitystreams"', True),
        ("https://www.w3.org/ns/activitystreams", True),  # not quoted, as it must be; harmless
        ('"https://other.example/"', False),
        ('""', False),
    ],
)
def test_AS_36_one_of_several_profiles_is_enough(profile: str, covers: bool) -> None:
    ranges = parse_accept(f"application/ld+json; profile={profile}")
    assert (quality_of(LD, ranges) > 0) is covers


@pytest.mark.parametrize(
    ("accept", "quality"),
    [
        # RFC 9110 12.5.1: the most precise range decides, wherever it stands.
        ("text/*;q=0.3, text/plain;q=0.7, */*;q=0.5", 0.7),
        ("text/html, text/*;q=0.3, */*;q=0.5", 0.3),
        ("image/*, */*;q=0.5", 0.5),
        ("text/plain;q=0, */*", 0.0),
        ("text/plain ; Q=0.25", 0.25),
        ('text/plain;x=",q=0.1";q=0.2', 0.0),  # with x=... is another type than ours
        ("text/html", 0.0),
        # What is no weight is none.
        ("text/plain;q=2", 1.0),
        ("text/plain;q=nan", 1.0),
        ("text/plain;q=-1", 1.0),
        ("text/plain;q=", 1.0),
    ],
)
def test_weights(accept: str, quality: float) -> None:
    assert quality_of("text/plain", parse_accept(accept)) == quality


def test_the_first_of_equals_and_none_of_none() -> None:
    offers = ("text/plain", "application/json")
    assert choose("", offers) == "text/plain"
    assert choose("application/json, text/plain", offers) == "text/plain"
    assert choose("application/json, text/plain;q=0.9", offers) == "application/json"
    assert choose("image/png", offers) is None


@given(st.text(max_size=200))
def test_any_header_is_read(header: str) -> None:
    assert as2_media_type(header) in (AS2, LD)
    assert all(0 <= one.quality <= 1 for one in parse_accept(header))
