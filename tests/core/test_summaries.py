"""The sentence of an action (seed-features E1, E2; fault X13)."""

from __future__ import annotations

import pytest

from apserver.core.summaries import Sentence, check_pattern, default_pattern, sentence, summaries
from apserver.core.verbs import PLAIN_ROLES, TARGET_IN_OBJECT

CLOSED = "{actor} closed {object}[ on {target}]"


@pytest.mark.parametrize(
    ("object_", "target", "expected"),
    [
        (None, None, "ann saved"),
        ("issue 70", None, "ann saved issue 70"),
        (None, "flask", "ann saved on flask"),
        ("issue 70", "flask", "ann saved issue 70 on flask"),
        ("", "", "ann saved"),
    ],
)
def test_E1_the_four_shapes(object_: str | None, target: str | None, expected: str) -> None:
    said = Sentence(verb="saved", actor="ann", object=object_, target=target)
    assert sentence(default_pattern(PLAIN_ROLES), said) == expected


def test_E1_what_is_done_to_its_target_has_no_on() -> None:
    said = Sentence(verb="joined", actor="ann", target="flask")
    assert sentence(default_pattern(TARGET_IN_OBJECT), said) == "ann joined flask"


def test_X13_the_preposition_is_that_of_the_pattern_everywhere() -> None:
    said = Sentence(verb="added", actor="ann", object="photo", target="album")
    summary, by_language = summaries(
        {"en": "{actor} added {object} to {target}", "sv": "{actor} lade {object} i {target}"},
        said,
    )
    assert summary == by_language["en"] == "ann added photo to album"
    assert by_language["sv"] == "ann lade photo i album"


def test_E1_a_pattern_that_needs_what_is_not_there_gives_way() -> None:
    said = Sentence(verb="closed", actor="ann", target="flask")
    assert sentence(CLOSED, said) == "ann closed on flask"
    whole = Sentence(verb="closed", actor="ann", object="issue 70")
    assert sentence(CLOSED, whole) == "ann closed issue 70"


def test_E1_names_are_never_taken_for_patterns_or_markup() -> None:
    said = Sentence(verb="{actor}", actor="<script>x</script>", object="[a] {target} & b")
    summary, _ = summaries({}, said)
    assert summary == "&lt;script&gt;x&lt;/script&gt; {actor} [a] {target} &amp; b"


def test_E3_without_english_the_summary_has_the_phrase() -> None:
    said = Sentence(verb="closed", actor="ann", object="issue 70")
    summary, by_language = summaries({"ru": "{actor} закрыл {object}"}, said)
    assert summary == "ann closed issue 70"
    assert by_language == {"ru": "ann закрыл issue 70"}


@pytest.mark.parametrize(
    "pattern",
    ["{who} did", "{actor", "actor}", "{}", "[{actor}", "{actor}]", "[[{actor}]]", "{actor.name}"],
)
def test_patterns_that_cannot_be_used(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        check_pattern(pattern)


@pytest.mark.parametrize("pattern", [CLOSED, "{verb}", "nothing at all", "{actor}[ ({object})]"])
def test_patterns_that_can(pattern: str) -> None:
    check_pattern(pattern)
