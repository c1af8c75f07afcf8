"""The Activity Streams test documents of the W3C, and what the Recommendation says of shapes.

`tests/as2-documents` is the folder `test/` of github.com/w3c/activitystreams (its README names
the commit): `valid` must be read without error, `fail` must be refused.
"""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyld import jsonld

from apserver.core import lexical
from apserver.core.document import as_list, check_as2, parse, render, types_of
from apserver.core.vocabulary import AS2_CONTEXT, FUNCTIONAL_PROPERTIES, PUBLIC
from apserver.errors import BadInput
from apserver.resources import load_contexts

TESTS = Path(__file__).parents[1]
VALID = sorted((TESTS / "as2-documents" / "valid").iterdir())
FAIL = sorted((TESTS / "as2-documents" / "fail").iterdir())
PEERS = sorted((TESTS / "peer-documents").glob("*.json"))
CONTEXTS = load_contexts()

# A raw line feed stands in a string of example 196: it is no JSON.
NOT_JSON = {"vocabulary-ex196-jsonld.json"}
# A map for `name`: the same that fail/namemap-as-name.json shows as an error (AS-25).
NAME_IS_A_MAP = {"simple0011.json", "simple0012.json"}


def by_name(path: Path) -> str:
    return path.stem


def valid_documents() -> list[Any]:
    return [pytest.param(path, id=path.stem) for path in VALID if path.name not in NOT_JSON]


def refusal(document: dict[str, Any]) -> BadInput:
    with pytest.raises(BadInput) as caught:
        check_as2(document)
    return caught.value


def test_all_documents_are_here() -> None:
    assert (len(VALID), len(FAIL)) == (212, 20)


@pytest.mark.parametrize("path", valid_documents())
def test_valid_documents_are_accepted(path: Path) -> None:
    document = parse(path.read_bytes())
    if path.name in NAME_IS_A_MAP:
        assert refusal(document).pointer == "/name"
    else:
        check_as2(document)


@pytest.mark.parametrize("path", [path for path in VALID if path.name in NOT_JSON], ids=by_name)
def test_the_valid_document_that_is_no_json_is_refused_as_such(path: Path) -> None:
    with pytest.raises(BadInput, match="control character"):
        parse(path.read_bytes())


# What each document is wrong for: no pointer when it is refused before it is a document.
WRONG_AT = {
    "array-at-top": None,
    "bad-character-set": None,
    "collection-with-non-page-first": "/first",
    "content-map-with-invalid-language-tag": "/contentMap/de-419-DE",
    "name-as-namemap": "/nameMap",
    "namemap-as-name": "/name",
    "number-as-actor": "/actor",
    "number-as-content": "/content",
    "number-as-context": "/@context",
    "number-as-id": "/id",
    "number-as-name": "/name",
    "number-as-object": "/object",
    "number-as-type": "/type",
    "number-at-top": None,
    "ordered-collection-with-items": "/items",
    "ordered-collection-with-non-page-first": "/first",
    "other-context": "/@context",
    "relative-uri-for-url": "/url",
    "string-at-top": None,
    "unordered-collection-with-ordered-items": "/orderedItems",
}


@pytest.mark.parametrize("path", FAIL, ids=by_name)
def test_failing_documents_are_refused_for_what_is_wrong_with_them(path: Path) -> None:
    with pytest.raises(BadInput) as caught:
        check_as2(parse(path.read_bytes()))
    assert caught.value.pointer == WRONG_AT[path.stem]


# --- What goes out means in JSON-LD what it says in JSON -------------------------------------


def load(url: str, _options: Any) -> dict[str, Any]:
    """A document loader that knows the contexts in `schemas` and cannot fetch."""
    return {"contextUrl": None, "documentUrl": url, "document": CONTEXTS[url]}


OPTIONS = {"documentLoader": load, "base": "https://me.example/"}


def expanded(document: dict[str, Any]) -> Any:
    return jsonld.expand(document, OPTIONS)


def readable(path: Path) -> dict[str, Any]:
    """What we emit for a document, with contexts that are all on board."""
    document: dict[str, Any] = json.loads(render(parse(path.read_bytes())))
    document["@context"] = [
        entry.replace("http://www.w3.org/ns/activitystreams#", AS2_CONTEXT)
        if isinstance(entry, str)
        else entry
        for entry in as_list(document.get("@context")) or [AS2_CONTEXT]
        if not (isinstance(entry, str) and entry.endswith("litepub-0.1.jsonld"))
    ]
    return document


# `name` is a map in these two, and not of languages: nothing of it is AS2.
@pytest.mark.parametrize(
    "path",
    [path for path in VALID + PEERS if path.name not in NOT_JSON | NAME_IS_A_MAP],
    ids=by_name,
)
def test_AS_05_output_expands_to_what_its_compaction_expands_to(path: Path) -> None:
    document = readable(path)
    meaning = expanded(document)
    compacted = jsonld.compact(document, document["@context"], OPTIONS)
    assert expanded(compacted) == meaning


@pytest.mark.parametrize("path", PEERS, ids=by_name)
def test_AS_05_rendering_changes_no_meaning(path: Path) -> None:
    given_form = without_unresolvable(json.loads(path.read_bytes()))
    assert expanded(readable(path)) == expanded(given_form)


def without_unresolvable(document: dict[str, Any]) -> dict[str, Any]:
    """Without what PyLD cannot read: `"id": null`, and contexts of other servers."""

    def clean(value: Any) -> Any:
        if isinstance(value, dict):
            return {
                name: clean(member)
                for name, member in value.items()
                if not (name == "id" and member is None) and member != []
            }
        if isinstance(value, list):
            return [clean(item) for item in value if not str(item).endswith("litepub-0.1.jsonld")]
        return value

    cleaned: dict[str, Any] = clean(document)
    return cleaned


def test_AS_05_public_is_an_absolute_iri_after_expansion() -> None:
    document = {"@context": AS2_CONTEXT, "type": "Note", "to": "Public", "cc": ["as:Public"]}
    [meaning] = expanded(json.loads(render(document)))
    assert meaning[f"{AS2_CONTEXT}#to"] == meaning[f"{AS2_CONTEXT}#cc"] == [{"@id": PUBLIC}]


# --- The strict reading, statement by statement ----------------------------------------------


@pytest.mark.parametrize(
    "context",
    [
        None,
        AS2_CONTEXT,
        "http://www.w3.org/ns/activitystreams",
        [AS2_CONTEXT],
        ["https://w3id.org/security/v1", AS2_CONTEXT, {"x": "https://x.example/#"}],
        [{"@language": "en"}, AS2_CONTEXT, None],
    ],
)
def test_AS_08_AS_09_contexts_that_are_taken(context: Any) -> None:
    check_as2({"@context": context, "type": "Note"})


@pytest.mark.parametrize(
    "context", ["https://schema.org", [{}], {}, 3, [AS2_CONTEXT, 3], [[AS2_CONTEXT]]]
)
def test_AS_08_contexts_that_are_not(context: Any) -> None:
    assert refusal({"@context": context, "type": "Note"}).pointer == "/@context"


@pytest.mark.parametrize(
    "date",
    [
        "2015-01-01T06:00Z",
        "2015-01-01T06:00:00Z",
        "2015-01-01T06:00:00.123456789Z",
        "2015-01-01T06:00:00-08:00",
        "2015-01-01T06:00+05:30",
        "2016-02-29T00:00:00Z",
        "1990-12-31T23:59:60Z",
        "2015-04-21T12:34:56",  # example 181 of the Vocabulary
    ],
)
@pytest.mark.parametrize("name", ["published", "updated", "startTime", "endTime", "deleted"])
def test_AS_13_dates(name: str, date: str) -> None:
    check_as2({"type": "Note", name: date})


@pytest.mark.parametrize(
    "date",
    [
        "2015-01-01t06:00z",
        "2015-01-01T06:00:00z",
        "2015-01-01 06:00:00Z",
        "2015-01-01T06:00.5Z",
        "2015-01-01T06:00:00.Z",
        "2015-01-01T06:00",
        "2015-01-01T06Z",
        "2015-01-01",
        "2015-02-29T00:00:00Z",
        "2015-13-01T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "2015-01-01T24:00:00Z",
        "2015-01-01T06:60:00Z",
        "2015-01-01T06:00:00+0800",
        "2015-01-01T06:00:00+25:00",
        "２015-01-01T06:00:00Z",
        "2015-01-01T06:00:00Z\n",
        "yesterday",
        "",
        1420092000,
        ["2015-01-01T06:00:00Z", "2015-01-02T06:00:00Z"],
    ],
)
def test_AS_13_what_is_no_date(date: Any) -> None:
    assert refusal({"type": "Note", "published": date}).pointer == "/published"


# The tags of RFC 5646 appendix A, beside some of our own.
@pytest.mark.parametrize(
    "tag",
    "und de i-enochian zh-Hant sr-Cyrl zh-cmn-Hans-CN cmn-Hans-CN zh-yue-HK yue-HK zh-Hans-CN "
    "sr-Latn-RS sl-rozaj sl-rozaj-biske sl-nedis de-CH-1901 sl-IT-nedis hy-Latn-IT-arevela de-DE "
    "en-US es-419 de-CH-x-phonebk az-Arab-x-AZE-derbend x-whatever qaa-Qaaa-QM-x-southern de-Qaaa "
    "sr-Latn-QM en-US-u-islamcal zh-CN-a-myext-x-private en-a-myext-b-another EN-us "
    "en-GB-oed".split(),
)
@pytest.mark.parametrize("name", ["nameMap", "summaryMap", "contentMap"])
def test_AS_25_well_formed_language_tags(name: str, tag: str) -> None:
    check_as2({"type": "Note", name: {tag: "x"}})


@pytest.mark.parametrize(
    "tag",
    [
        *["de-419-DE", "a-DE", "", "-", "en-", "-en", "en--us", "en_US", "x", "x-", "en-a"],
        *["x-!!", "123", "abcdefghi", "en-abcdefghi", "@none", "dé", "en\n", "en-" * 40 + "us"],
    ],
)
def test_AS_25_malformed_language_tags(tag: str) -> None:
    assert str(refusal({"type": "Note", "contentMap": {tag: "x"}}).pointer).startswith(
        "/contentMap"
    )


@pytest.mark.parametrize("value", ["x", ["x"], {"en": 7}, {"en": {"@value": "x"}}, 7])
def test_AS_25_maps_hold_one_text_for_each_language(value: Any) -> None:
    assert str(refusal({"type": "Note", "nameMap": value}).pointer).startswith("/nameMap")


@pytest.mark.parametrize("name", ["name", "summary", "content"])
@pytest.mark.parametrize("value", [1, True, {"en": "x"}, ["x", 1]])
def test_AS_25_texts_are_strings(name: str, value: Any) -> None:
    assert str(refusal({"type": "Note", name: value}).pointer).startswith(f"/{name}")


@pytest.mark.parametrize("ordered", ["OrderedCollection", "OrderedCollectionPage"])
@pytest.mark.parametrize("plain", ["Collection", "CollectionPage"])
def test_AS_22_items_go_with_the_kind_of_collection(ordered: str, plain: str) -> None:
    check_as2({"type": ordered, "orderedItems": ["https://a.example/1"]})
    check_as2({"type": plain, "items": ["https://a.example/1"]})
    assert refusal({"type": ordered, "items": []}).pointer == "/items"
    assert refusal({"type": plain, "orderedItems": []}).pointer == "/orderedItems"
    nested = {"type": "Note", "replies": {"type": ["x:Thread", plain], "orderedItems": []}}
    assert refusal(nested).pointer == "/replies/orderedItems"


PAGE_PROPERTIES = ["first", "last", "next", "prev", "current"]


@pytest.mark.parametrize("name", PAGE_PROPERTIES)
@pytest.mark.parametrize(
    "page",
    [
        "https://a.example/p1",
        {"type": "CollectionPage"},
        {"type": "OrderedCollectionPage", "partOf": "https://a.example/"},
        {"type": "Link", "href": "https://a.example/p1"},
        {"type": "x:Page", "id": "https://a.example/p1"},
        {"id": "https://a.example/p1"},
    ],
)
def test_AS_24_pages(name: str, page: Any) -> None:
    check_as2({"type": "OrderedCollection", name: page})


@pytest.mark.parametrize("name", PAGE_PROPERTIES)
@pytest.mark.parametrize("page", [{"type": "Create"}, {"type": "Collection"}, 3, "p1", [], True])
def test_AS_24_what_is_no_page(name: str, page: Any) -> None:
    assert refusal({"type": "Collection", name: page}).pointer == f"/{name}"


VALUES: dict[str, Any] = {
    **dict.fromkeys(["accuracy", "altitude", "latitude", "longitude", "radius"], 12.5),
    **dict.fromkeys(["height", "width", "startIndex", "totalItems"], 3),
    **dict.fromkeys(["published", "updated", "startTime", "endTime"], "2015-01-01T06:00:00Z"),
    "deleted": "2015-01-01T06:00:00Z",
    "duration": "PT2H",
    "hreflang": "en",
    "mediaType": "text/html",
    "units": "m",
}


@pytest.mark.parametrize("name", sorted(FUNCTIONAL_PROPERTIES))
def test_AV_07_functional_properties_have_one_value(name: str) -> None:
    value = VALUES.get(name, "https://a.example/1")
    check_as2({name: value})
    check_as2({name: [value]})
    assert refusal({name: [value, value]}).pointer == f"/{name}"


@pytest.mark.parametrize("name", ["actor", "object", "attributedTo", "url", "content", "to", "tag"])
def test_AV_07_other_properties_may_have_more(name: str) -> None:
    check_as2({"type": ["Note", "x:Note"], name: ["https://a.example/1", "https://a.example/2"]})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("accuracy", -1),
        ("accuracy", 100.5),
        ("accuracy", True),
        ("latitude", "north"),
        ("latitude", "1e999"),
        ("longitude", None),
        ("radius", -0.5),
        ("height", -1),
        ("width", 1.5),
        ("totalItems", "3"),
        ("startIndex", True),
        ("duration", "2 hours"),
        ("duration", "P"),
        ("duration", "PT"),
        ("duration", "P1YT"),
        ("duration", 7),
        ("hreflang", "en_US"),
        ("mediaType", "html"),
        ("mediaType", "text/html\r\nX: y"),
        ("units", 5),
        ("href", "page.html"),
        ("href", {"id": "https://a.example/"}),
        ("closed", 4),
        ("closed", "soon"),
    ],
)
def test_AV_05_values_of_the_wrong_kind(name: str, value: Any) -> None:
    if value is None:
        check_as2({name: value})  # AS-01: it is absent
    else:
        assert refusal({"object": {name: value}}).pointer == f"/object/{name}"


@pytest.mark.parametrize("closed", [True, "2015-01-01T06:00:00Z", "https://a.example/1", {}])
def test_AV_05_closed_has_four_kinds_of_value(closed: Any) -> None:
    check_as2({"type": "Question", "closed": closed})


@pytest.mark.parametrize("duration", ["PT2H30M", "P1Y2M3DT4H5M6.7S", "-P1D", "P0D", "PT0S"])
def test_AV_05_durations(duration: str) -> None:
    check_as2({"type": "Video", "duration": duration})


@pytest.mark.parametrize("character", " \t\n\f\r,")
def test_AS_19_link_relations_without_spaces_and_commas(character: str) -> None:
    link = {"type": "Link", "href": "https://a.example/", "rel": ["me", f"a{character}b"]}
    assert refusal({"url": [link]}).pointer == "/url/0/rel/1"


def test_AS_19_unregistered_relations_are_allowed() -> None:
    check_as2({"type": "Link", "href": "https://a.example/", "rel": "https://x.example/#quote"})


@pytest.mark.parametrize("link", [{"type": "Link"}, {"type": "Mention", "name": "@a"}])
def test_AS_19_a_link_has_an_href(link: dict[str, Any]) -> None:
    assert refusal({"tag": [link]}).pointer == "/tag/0/href"


def test_AS_15_nothing_is_a_link_and_an_object() -> None:
    link = {"type": ["Link", "Note"], "href": "https://a.example/"}
    assert refusal(link).pointer == "/type"
    check_as2({"type": ["Link", "x:Note"], "href": "https://a.example/"})


def test_AV_03_a_question_has_one_kind_of_answer() -> None:
    check_as2({"type": "Question", "oneOf": [{"name": "yes"}], "anyOf": None})
    both = {"type": "Question", "oneOf": [{"name": "yes"}], "anyOf": [{"name": "no"}]}
    assert refusal(both).pointer == "/anyOf"


@pytest.mark.parametrize(
    "iri",
    ["images/sally.jpg", "/x", "//a.example/x", "_:b0", "", " ", "https://a.example/ x", "1:2"],
)
@pytest.mark.parametrize("name", ["id", "url", "actor", "object", "to", "attributedTo", "inbox"])
def test_AS_12_relative_iris_are_refused(name: str, iri: str) -> None:
    assert refusal({name: iri}).pointer == f"/{name}"


@pytest.mark.parametrize(
    "iri", ["https://a.example/é?q#f", "acct:a@b.example", "urn:uuid:1", "at://x"]
)
def test_AS_10_iris_of_every_scheme(iri: str) -> None:
    check_as2({"id": iri, "actor": iri, "object": [iri], "url": iri})


@pytest.mark.parametrize("form", [PUBLIC, "as:Public", "Public"])
def test_public_may_be_addressed_in_all_its_forms(form: str) -> None:
    check_as2({"type": "Note", "to": form, "bcc": [form]})


@pytest.mark.parametrize("type_", [4, "", ["Note", 4], [""], {}, True, ["x:T"] * 9])
def test_a_type_is_a_name(type_: Any) -> None:
    assert str(refusal({"type": type_}).pointer).startswith("/type")


@pytest.mark.parametrize(
    "document", [{"id": "a:1", "@id": "a:2"}, {"type": "Note", "@type": "Create"}]
)
def test_one_thing_does_not_have_two_names(document: dict[str, Any]) -> None:
    assert str(refusal(document).pointer).startswith("/@")


def test_AS_28_unknown_types_and_members_are_no_error() -> None:
    unknown = {"type": 4, "items": 7, "to": 3, "published": "soon"}
    check_as2({"type": "x:Thing", "x:member": unknown, "state": [1, None, unknown]})


def test_the_pointer_leads_to_the_member_at_fault() -> None:
    posted = {"type": "Create", "object": [{"type": "Note"}, {"tag": [{"icon": {"width": "x"}}]}]}
    assert refusal(posted).pointer == "/object/1/tag/0/icon/width"


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.floats(allow_nan=False)
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [*VALUES, "@context", "type", "id", "to", "object", "first", "nameMap"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(
    st.dictionaries(st.sampled_from(["@context", "type", *VALUES, "object", "tag"]), json_values)
)
def test_whatever_is_posted_nothing_but_bad_input_is_raised(document: dict[str, Any]) -> None:
    with suppress(BadInput):
        check_as2(document)
        assert all(types_of({"type": name}) for name in as_list(document.get("type")))


@given(st.text(max_size=40))
def test_the_lexical_tests_are_total(text: str) -> None:
    assert not (lexical.is_date_time(text) and lexical.is_absolute_iri(text))
    assert not (lexical.is_language_tag(text) and lexical.is_media_type(text))
    assert not (lexical.is_duration(text) and lexical.is_float(text))
    assert lexical.is_link_relation(text) == (text != "" and not set(text) & set(" \t\n\f\r,"))
