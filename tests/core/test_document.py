"""Documents: bytes in, shapes, bytes out (conformance 2; threats: JSON)."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apserver.core import limits
from apserver.core.document import (
    as_list,
    first,
    id_of,
    ids_of,
    is_public,
    parse,
    render,
    types_of,
    without_nulls,
)
from apserver.core.vocabulary import ACTIVITY_TYPES, AS2_CONTEXT, PUBLIC
from apserver.errors import BadInput, TooLarge

# Any JSON that may come in: no lone surrogates (hypothesis makes none by default), no NUL.
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
names = st.one_of(
    texts.filter(lambda name: name not in {"@graph", "@included", "@nest", "@reverse"}),
    st.sampled_from(["@context", "type", "id", "to", "cc", "bto", "tag", "object", "contentMap"]),
)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-limits.SAFE_INTEGER, limits.SAFE_INTEGER),
    st.floats(allow_nan=False, allow_infinity=False),
    texts,
    st.sampled_from([PUBLIC, "as:Public", "Public", "https://a.example/", '{"[\\"', "\\u0000"]),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(names, inner, max_size=5)),
    max_leaves=20,
)
documents = st.dictionaries(names, values, max_size=6)


def encoded(value: Any, *, ascii_only: bool = False) -> bytes:
    return json.dumps(value, ensure_ascii=ascii_only).encode()


def refusal(body: bytes) -> BadInput:
    with pytest.raises(BadInput) as caught:
        parse(body)
    return caught.value


# --- Reading ---------------------------------------------------------------------------------


@given(documents, st.booleans())
def test_what_is_json_is_read_as_python_reads_it(
    document: dict[str, Any], ascii_only: bool
) -> None:
    assert parse(encoded(document, ascii_only=ascii_only)) == document


@given(st.binary(max_size=200))
def test_random_bytes_raise_nothing_but_bad_input(body: bytes) -> None:
    with suppress(BadInput):
        assert isinstance(parse(body), dict)


@given(st.text('{}[]:,"\\/u0dDcaF8@graphnest1.-eE \n\té', max_size=60))
def test_what_looks_like_json_raises_nothing_but_bad_input(text: str) -> None:
    try:
        document = parse(text.encode())
    except BadInput:
        return
    assert document == json.loads(text)
    render(document)


@pytest.mark.parametrize(
    "body", [b"", b" ", b"{", b'{"a"}', b"{'a': 1}", b'{"a": 1}x', b'{"a":"\n"}']
)
def test_IO_69_what_is_no_json_is_refused(body: bytes) -> None:
    assert "not JSON" in str(refusal(body))


@pytest.mark.parametrize("body", [b"[]", b"[{}]", b'"a"', b"42", b"null", b"true"])
def test_AS_04_the_root_is_an_object(body: bytes) -> None:
    assert "one JSON object" in str(refusal(body))


def test_IO_69_a_body_over_the_limit_is_too_large() -> None:
    assert parse(b'{"a":"' + b"x" * (limits.BODY - 8) + b'"}')
    assert isinstance(refusal(b'{"a":"' + b"x" * (limits.BODY - 7) + b'"}'), TooLarge)


@pytest.mark.parametrize(
    "body",
    [
        b'\xef\xbb\xbf{"a":1}',
        '{"a":1}'.encode("utf-16"),
        '{"a":1}'.encode("utf-16-le"),
        '{"a":1}'.encode("utf-32"),
        '{"a":"\xe9"}'.encode("latin-1"),
        b'{"a":"\xed\xa0\x80"}',  # a surrogate, written as UTF-8
        b'{"a":"\xc0\x80"}',  # NUL, written too long
    ],
)
def test_AS_03_only_utf8_without_a_byte_order_mark(body: bytes) -> None:
    refusal(body)


@pytest.mark.parametrize(
    "body",
    [
        b'{"actor":"https://b.example","actor":"https://c.example"}',
        b'{"id":"a","id":"a"}',
        b'{"object":{"id":"a","type":"Note","id":"b"}}',
        b'{"id":"a","i\\u0064":"b"}',
    ],
)
def test_parser_differential_duplicate_keys(body: bytes) -> None:
    assert "twice" in str(refusal(body))


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400", "-1e400"])
def test_CVE_2020_26890_numbers_that_are_none(number: str) -> None:
    refusal(b'{"totalItems":%b}' % number.encode())


@pytest.mark.parametrize("number", [2**53 + 1, -(2**53) - 1, 10**30, -(10**17), int("9" * 4000)])
def test_CVE_2025_30355_integers_out_of_range(number: int) -> None:
    assert "2^53" in str(refusal(b'{"totalItems":%d}' % number))


def test_a_number_of_5000_digits_is_refused_without_being_read() -> None:
    refusal(b'{"totalItems":' + b"9" * 5000 + b"}")
    refusal(b'{"totalItems":' + b"9" * 1_000_000 + b"}")


@pytest.mark.parametrize("number", [2**53, -(2**53), 0, -1])
def test_integers_up_to_two_to_the_53_are_kept(number: int) -> None:
    assert parse(b'{"totalItems":%d}' % number) == {"totalItems": number}


@pytest.mark.parametrize("escape", ["\\u0000", "\\ud800", "\\uDFFF", "\\ud83d\\ud83d\\ude00"])
@pytest.mark.parametrize(
    ("template", "pointer"),
    [
        ('{"content":"a%sb"}', "/content"),
        ('{"id":"%s"}', "/id"),
        ('{"a/b~c":[0,{"name":"%s"}]}', "/a~1b~0c/1/name"),
        ('{"a":{"%s":1}}', "/a"),
        ('{"@context":[{"a":"%s"}]}', "/@context/0/a"),
    ],
)
def test_IO_74_nul_and_lone_surrogates_name_their_place(
    escape: str, template: str, pointer: str
) -> None:
    error = refusal((template % escape).encode())
    assert error.pointer == pointer
    (error.public + str(error.pointer)).encode()  # the answer can be sent


def test_a_raw_nul_byte_is_refused() -> None:
    refusal(b'{"a":"\0"}')


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (rb'{"a":"\ud83d\ude00"}', "😀"),
        (rb'{"a":"\\u0000"}', "\\u0000"),
        (rb'{"a":"\\ud800"}', "\\ud800"),
        (rb'{"a":"\u003cp\u003e\u0040graph"}', "<p>@graph"),
    ],
)
def test_escapes_that_only_look_dangerous_are_kept(body: bytes, text: str) -> None:
    assert parse(body) == {"a": text}


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'[{"a":'])
@pytest.mark.parametrize("count", [33, 1_000, 100_000])
def test_depth_bomb(opening: bytes, count: int) -> None:
    refusal((b'{"x":' + opening * count)[: limits.BODY])


def nested(depth: int) -> bytes:
    return b'{"a":' * (depth - 1) + b"{}" + b"}" * (depth - 1)


def test_depth_up_to_the_limit_is_read() -> None:
    padding = b'{"p":[%b],"x":' % b",".join([b'"[{"'] * 50)
    assert parse(nested(limits.JSON_DEPTH))
    assert parse(padding + nested(limits.JSON_DEPTH - 1) + b"}")
    assert "levels" in str(refusal(nested(limits.JSON_DEPTH + 1)))
    assert "levels" in str(refusal(padding + nested(limits.JSON_DEPTH) + b"}"))


@given(
    st.lists(st.sampled_from(['"', "\\", "[", "{", "]", "}", "x"]), max_size=12).map("".join),
    st.integers(1, limits.JSON_DEPTH + 3),
    st.integers(0, 40),
)
def test_brackets_in_strings_do_not_count_as_depth(text: str, depth: int, width: int) -> None:
    value: Any = text
    for _ in range(depth - 1):
        value = [value] * 1
    body = encoded({"a": value, "b": [[], text, {}, [text]] * width, text: text})
    if max(depth, 3 if width else 1) <= limits.JSON_DEPTH:
        assert parse(body)["a"] == value
    else:
        refusal(body)


def test_members_are_counted_outside_strings() -> None:
    pad = "x" * 20
    full = {f"{index}{pad}": "a:b:c" for index in range(limits.JSON_KEYS)}
    assert len(parse(encoded(full))) == limits.JSON_KEYS
    assert "members" in str(refusal(encoded({**full, "one more": 1})))


@pytest.mark.parametrize("keyword", ["@graph", "@included", "@reverse", "@nest"])
@pytest.mark.parametrize(
    "template", ['{"%s":[]}', '{"object":[{"%s":{}}]}', '{"a":{"b":{"%s":1}}}']
)
def test_IO_74_CVE_2026_42462_keywords_that_reshape_the_tree(keyword: str, template: str) -> None:
    plain = refusal((template % keyword).encode())
    hidden = refusal((template % keyword.replace("r", "\\u0072").replace("n", "\\u006e")).encode())
    assert plain.pointer == hidden.pointer
    assert str(plain.pointer).endswith("/" + keyword)


def test_keywords_may_stand_in_a_context_and_in_texts() -> None:
    document = {"@context": {"a": {"@reverse": "as:object"}}, "content": "@graph @nest"}
    assert parse(encoded(document)) == document


@pytest.mark.parametrize(
    "body",
    [
        b'"' + b'\\"' * 500_000,
        b'{"a":"' + b"\\" * 1_000_000,
        b'{"a":[' + b"[]," * 300_000,
        b'{"a":[' + b'"[",' * 250_000 + b"1]",
        b'{"a":1.' + b"0" * 1_000_000 + b",}",
    ],
)
def test_hostile_bodies_take_linear_time(body: bytes) -> None:
    # Quadratic time would be minutes here.
    refusal(body)


# --- Shapes ----------------------------------------------------------------------------------

SHAPES: list[Any] = [None, [], "https://a.example/1", {"id": "https://a.example/1"}, 7, True, {}]


@pytest.mark.parametrize("value", [*SHAPES, SHAPES, [SHAPES], {"id": 7}, {"id": None}, {"type": 7}])
def test_shape_confusion_never_raises(value: Any) -> None:
    assert all(isinstance(iri, str) and iri for iri in ids_of(value))
    assert all(isinstance(name, str) for name in types_of({"type": value}))
    assert isinstance(as_list(value), list)
    assert isinstance(is_public(value), bool)
    render({"to": value, "object": value, "tag": value})


def test_IO_38_single_values_and_lists_read_alike() -> None:
    assert as_list(None) == as_list([]) == as_list([None]) == []
    assert as_list("a") == as_list(["a"]) == as_list(["a", None]) == ["a"]
    assert first(None) is None
    assert first([None, "a", "b"]) == first("a") == "a"


@pytest.mark.parametrize(
    ("value", "iri"),
    [
        ("https://a.example/1", "https://a.example/1"),
        ({"id": "https://a.example/1", "type": "Note"}, "https://a.example/1"),
        ({"@id": "https://a.example/1"}, "https://a.example/1"),
        ({"type": "Mention", "href": "https://a.example/1", "name": "@a"}, "https://a.example/1"),
        (
            {"type": ["Link", "x:Y"], "href": "https://a.example/1", "id": "u:1"},
            "https://a.example/1",
        ),
        ({"type": "Link", "id": "u:1"}, None),
        ({"type": "Emoji", "id": None}, None),
        ("", None),
        ({"id": ""}, None),
        ({"id": 4}, None),
        ([], None),
        (4, None),
    ],
)
def test_IO_75_the_id_of_any_shape(value: Any, iri: str | None) -> None:
    assert id_of(value) == iri


def test_IO_75_attributedTo_as_a_list_of_objects() -> None:
    attributed = [
        {"type": "Person", "id": "https://tube.example/accounts/vic"},
        {"type": "Group", "id": "https://tube.example/channels/films"},
        {"type": "Group"},
        None,
    ]
    assert ids_of(attributed) == (
        "https://tube.example/accounts/vic",
        "https://tube.example/channels/films",
    )


@pytest.mark.parametrize(
    ("document", "types"),
    [
        ({}, ()),
        ({"type": "Note"}, ("Note",)),
        ({"type": ["Place", "gr:Location", None, 7]}, ("Place", "gr:Location")),
        ({"@type": "Note"}, ("Note",)),
        ({"type": "as:Create"}, ("Create",)),
        ({"type": AS2_CONTEXT + "#Create"}, ("Create",)),
        ({"type": "https://other.example#Create"}, ("https://other.example#Create",)),
    ],
)
def test_the_types_of_a_document(document: dict[str, Any], types: tuple[str, ...]) -> None:
    assert types_of(document) == types


def test_a_flood_of_types_is_cut() -> None:
    flood = ["x:Unknown"] * limits.TYPES + ["Note"]
    assert types_of({"type": flood}) == ("x:Unknown",) * limits.TYPES


def test_AS_01_null_is_absent_at_every_depth() -> None:
    posted = {"a": None, "b": [None, {"c": None, "d": 1}, [None]], "e": {"f": None}}
    assert without_nulls(posted) == {"b": [{"d": 1}, []], "e": {}}


def test_AS_01_null_keeps_its_meaning_in_contexts_and_literals() -> None:
    posted = {"@context": [None, {"a": None}], "actionData": {"a": [None]}}
    assert without_nulls(posted) == posted


def test_IO_72_an_emoji_without_id_is_read() -> None:
    document = parse(b'{"type":"Note","tag":{"type":"Emoji","id":null,"name":":blob:"}}')
    assert id_of(document["tag"]) is None
    assert json.loads(render(document))["tag"] == [{"type": "Emoji", "name": ":blob:"}]


@pytest.mark.parametrize("form", [PUBLIC, "as:Public", "Public"])
def test_IO_37_three_spellings_of_public(form: str) -> None:
    assert is_public(form)


@pytest.mark.parametrize("form", ["public", PUBLIC + "/", "http:" + PUBLIC[6:], None, ["Public"]])
def test_nothing_else_is_public(form: Any) -> None:
    assert not is_public(form)


# --- Writing ---------------------------------------------------------------------------------


def rendered(document: dict[str, Any]) -> dict[str, Any]:
    result = json.loads(render(document))
    assert isinstance(result, dict)
    return result


@given(documents)
def test_render_is_idempotent_and_can_be_parsed(document: dict[str, Any]) -> None:
    once = render(document)
    again = parse(once)
    assert render(again) == once
    assert set(again) <= set(document)


@given(documents)
def test_what_render_emits_means_the_same(document: dict[str, Any]) -> None:
    once = parse(render(document))
    for name in ("to", "cc", "bto", "tag", "object"):
        assert len(as_list(once.get(name))) == len(as_list(document.get(name)))
    assert types_of(once) == types_of(document) or document.get("type") == {}


@pytest.mark.parametrize("name", ["to", "cc", "audience", "tag", "attachment"])
def test_IO_52_arrays_even_for_one(name: str) -> None:
    assert rendered({name: "https://a.example/1"}) == {name: ["https://a.example/1"]}
    assert rendered({"object": {name: {"id": "a:1"}}}) == {"object": {name: [{"id": "a:1"}]}}


@pytest.mark.parametrize("empty", [None, [], [None]])
@pytest.mark.parametrize("name", ["to", "cc", "tag", "attachment", "items", "oneOf"])
def test_AS_02_empty_arrays_are_left_out(name: str, empty: Any) -> None:
    assert rendered({name: empty, "object": {name: empty}}) == {"object": {}}


@pytest.mark.parametrize("name", ["to", "cc", "audience", "bto", "bcc"])
@pytest.mark.parametrize("form", ["as:Public", "Public", PUBLIC, {"id": "as:Public"}])
def test_IO_52_public_is_spelt_in_full(name: str, form: Any) -> None:
    assert rendered({"object": {name: ["a:1", form]}})["object"][name] == ["a:1", PUBLIC]


def test_public_is_a_word_elsewhere() -> None:
    assert rendered({"name": "Public", "content": "as:Public"}) == {
        "name": "Public",
        "content": "as:Public",
    }


def test_IO_52_null_members_are_left_out() -> None:
    document = {"id": None, "summary": None, "tag": [{"id": None, "type": "Emoji"}]}
    assert rendered(document) == {"tag": [{"type": "Emoji"}]}


def test_AS_32_the_context_stays_as_it_is() -> None:
    context = [AS2_CONTEXT, {"to": None, "tag": [], "x": {"@id": None}}]
    assert rendered({"@context": context}) == {"@context": context}


def test_json_literals_stay_as_they_are() -> None:
    data = {"to": "Public", "a": None, "b": [], "c": [None]}
    assert rendered({"actionData": data}) == {"actionData": data}


def test_language_maps_have_languages_for_members() -> None:
    # `to` is Tongan, `cc` and `tag` are well-formed too.
    texts_by_language = {"to": "Mālō", "tag": "x", "en": None}
    assert rendered({"contentMap": texts_by_language}) == {"contentMap": {"to": "Mālō", "tag": "x"}}


def test_bytes_are_compact_utf8_in_the_order_given() -> None:
    document = {"z": "é😀", "a": [1, 1.5, True], "m": {"y": 1, "b": 2}}
    assert render(document) == '{"z":"é😀","a":[1,1.5,true],"m":{"y":1,"b":2}}'.encode()


@pytest.mark.parametrize("type_", sorted(ACTIVITY_TYPES))
def test_AV_01_every_activity_survives_the_round_trip(type_: str) -> None:
    activity = {
        "@context": AS2_CONTEXT,
        "id": "https://a.example/1",
        "type": type_,
        "actor": "https://a.example/u",
        "to": [PUBLIC],
        "object": {"type": "Note", "content": "x", "tag": [{"type": "Mention", "href": "a:1"}]},
    }
    assert parse(render(activity)) == activity
