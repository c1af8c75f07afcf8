"""Which contexts let a document be read as plain JSON (IO-73; threats: JSON-LD)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyld import jsonld

from apserver.core import limits
from apserver.core.contexts import (
    LITEPUB_PATH,
    SECURITY_TERMS,
    KnownContexts,
    Verdict,
    judge,
    verdict,
)
from apserver.core.document import as_list, parse
from apserver.core.vocabulary import AS2_CONTEXT, JSON_LITERALS, SECURITY_CONTEXT
from apserver.errors import BadInput
from apserver.resources import load_contexts, schemas_folder

CONTEXTS = load_contexts()
KNOWN = KnownContexts.of(CONTEXTS)
PEERS = sorted((Path(__file__).parents[1] / "peer-documents").glob("*.json"))
FOLDER = schemas_folder() / "contexts"
INDEX = json.loads((FOLDER / "index.json").read_bytes())["contexts"]
AS = AS2_CONTEXT + "#"


def is_additive(*inline: Any) -> bool:
    return verdict([AS2_CONTEXT, SECURITY_CONTEXT, *inline], KNOWN) is Verdict.ADDITIVE


# --- What is additive ------------------------------------------------------------------------


@pytest.mark.parametrize("path", PEERS, ids=lambda path: path.stem)
def test_contexts_of_other_servers_are_additive(path: Path) -> None:
    """The documents are modelled after interop.md; see tests/peer-documents/README.md."""
    assert judge(parse(path.read_bytes()), KNOWN) is Verdict.ADDITIVE


@pytest.mark.parametrize(
    "context",
    [
        None,
        AS2_CONTEXT,
        "https://unknown.example/ns",
        [AS2_CONTEXT, "https://pleroma.example/schemas/litepub-0.1.jsonld"],
        [AS2_CONTEXT, None, {}, "http://joinmastodon.org/ns", {"@language": "und"}],
        [],
        {},
        {"@language": "en"},
        {"@version": 1.1, "@protected": True, "@direction": "ltr", "@propagate": False},
    ],
)
def test_IO_73_contexts_that_change_nothing(context: Any) -> None:
    assert verdict(context, KNOWN) is Verdict.ADDITIVE


@pytest.mark.parametrize(
    "inline",
    [
        {"alsoKnownAs": {"@id": "as:alsoKnownAs", "@type": "@id"}},
        {"alsoKnownAs": AS + "alsoKnownAs"},
        {"likes": {"@id": "as:likes", "@type": "@id"}, "Hashtag": "as:Hashtag"},
        {"short": AS, "actor": {"@id": "short:actor", "@type": "@id"}},
        {"one": "two:", "two": AS, "object": {"@id": "one:object"}},
        {"actor": {"@id": "as:actor", "@type": "@id", "@container": "@set"}},
        {"contentMap": {"@id": "as:content", "@container": "@language"}},
        {"inbox": {"@id": "ldp:inbox", "@type": "@id"}},
        {"id": "@id", "type": "@type"},
        {"as": AS, "sec": "https://w3id.org/security#"},
        {"as": {"@id": AS, "@prefix": True}},
        {"Key": "sec:Key", "publicKey": {"@id": "sec:publicKey", "@type": "@id"}},
        {"expires": "as:endTime"},
        {"likeIt": "as:Like", "icons": "as:icon", "alias": "object"},
        {"oa:created": {"@id": "oa:created", "@type": "xsd:dateTime"}},
        {"focalPoint": {"@container": "@list", "@id": "toot:focalPoint"}},
        {"odd": 7, "empty": None, "void": {"@id": None}, "list": [], "": "x:y"},
    ],
)
def test_terms_of_ones_own_are_additive(inline: dict[str, Any]) -> None:
    assert is_additive(inline)


def test_prefixes_of_an_earlier_entry_count() -> None:
    assert is_additive({"short": AS}, {"actor": "short:actor"})
    assert not is_additive({"short": "https://x.example/#"}, {"actor": "short:actor"})


# --- What redefines --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "inline",
    [
        {"@vocab": AS},
        {"@vocab": None},
        {"@base": "https://x.example/"},
        {"@import": "https://x.example/context"},
        {"actor": "https://x.example/actor"},
        {"actor": "as:attributedTo"},
        {"actor": "attributedTo"},
        {"object": {"@id": "as:actor", "@type": "@id"}},
        {"object": {"@type": "@id"}},
        {"object": None},
        {"object": {"@id": None}},
        {"object": 7},
        {"as": "https://x.example/#"},
        {"Like": "as:Dislike"},
        {"publicKeyPem": "sec:privateKeyPem"},
        {"owner": "https://x.example/owner"},
        {"id": "https://x.example/id"},
        {"type": "as:name"},
        {"id": "@type"},
        {"what": "@id"},
        {"kind": "@type"},
        {"more": "@graph"},
        {"also": {"@id": "@included"}},
        {"box": "@nest"},
        {"hop": "what", "what": "@id"},
        {"children": {"@reverse": "as:object"}},
        {"label": {"@id": "as:name", "@nest": "labels"}},
        {"thing": {"@id": "x:thing", "@context": {"actor": "x:actor"}}},
        {"object": {"@id": "as:object", "@type": "@json"}},
        {"object": {"@id": "as:object", "@type": "@id", "@container": "@index"}},
        {"object": {"@id": "as:object", "@container": ["@graph", "@id"]}},
        {"content": {"@id": "as:content", "@container": "@language"}},
        {"one": "two:", "two": "one:", "object": "one:object"},
    ],
)
def test_redefinitions(inline: dict[str, Any]) -> None:
    assert not is_additive(inline)
    assert not is_additive({"x": "https://x.example/#"}, inline, {"y": "x:y"})


@pytest.mark.parametrize("term", sorted(KNOWN.terms))
def test_every_term_that_we_read_is_watched(term: str) -> None:
    meaning = KNOWN.terms[term]
    assert is_additive({term: KNOWN.definitions[term] if term in JSON_LITERALS else meaning})
    assert not is_additive({term: "https://x.example/other"})


def test_the_terms_are_those_of_the_recommendation() -> None:
    """Conformance 2.2 lists types and properties; each must be among them."""
    assert KNOWN.terms["Note"] == AS + "Note"
    assert KNOWN.terms["orderedItems"] == AS + "items"
    assert KNOWN.terms["contentMap"] == AS + "content"
    assert KNOWN.terms["inbox"] == "http://www.w3.org/ns/ldp#inbox"
    assert KNOWN.terms["id"] == "@id"
    assert KNOWN.terms["publicKey"] == "https://w3id.org/security#publicKey"
    assert {"Announce", "Tombstone", "Mention", "actor", "to", "bto", "sharedInbox"} < set(
        KNOWN.terms
    )
    assert set(SECURITY_TERMS) < set(KNOWN.terms)
    assert {"xsd", "vcard", "expires", "@vocab"}.isdisjoint(KNOWN.terms)


# --- PyLD agrees -----------------------------------------------------------------------------


def load(url: str, _options: Any) -> dict[str, Any]:
    return {"contextUrl": None, "documentUrl": url, "document": CONTEXTS[url]}


def meaning(*inline: Any) -> Any:
    """What JSON-LD makes of a document that uses the terms that matter most."""
    document = {
        "@context": [AS2_CONTEXT, SECURITY_CONTEXT, *inline],
        "id": "https://a.example/1",
        "type": "Create",
        "actor": "https://a.example/u",
        "to": [AS + "Public"],
        "content": "x",
        "object": {"type": "Note", "name": "y", "likes": "https://a.example/likes"},
        "publicKey": {"owner": "https://a.example/u", "publicKeyPem": "z"},
    }
    return jsonld.expand(document, {"documentLoader": load, "base": "https://b.example/"})


@pytest.mark.parametrize("path", PEERS, ids=lambda path: path.stem)
def test_an_additive_context_leaves_the_meaning(path: Path) -> None:
    context = as_list(json.loads(path.read_bytes())["@context"])
    inline = [entry for entry in context if isinstance(entry, dict) and "@language" not in entry]
    assert meaning(*inline) == meaning()


@pytest.mark.parametrize(
    "inline",
    [
        {"actor": "https://x.example/actor"},
        {"object": {"@id": "as:actor", "@type": "@id"}},
        {"object": None},
        {"Create": "as:Delete"},
        {"publicKeyPem": "sec:privateKeyPem"},
        {"object": {"@id": "as:object", "@type": "@json"}},
        {"object": {"@id": "as:object", "@type": "@id", "@container": "@index"}},
        {"content": {"@id": "as:content", "@type": "@id"}, "content2": "as:content"},
    ],
)
def test_a_redefinition_changes_the_meaning(inline: dict[str, Any]) -> None:
    changed = meaning(inline) != meaning()
    assert changed
    assert is_additive(inline) == ("content2" in inline)


names = st.sampled_from(["actor", "object", "Create", "as", "x", "y", "x:y", "id", "content", "zz"])
iris = st.one_of(
    st.sampled_from([AS, "as:actor", "as:object", "as:content", "x:y", "y:", "x", "zz", "@id"]),
    st.sampled_from(["https://x.example/#", "@type", "as:Create", "https://x.example/y"]),
)


@given(
    st.dictionaries(names, st.one_of(iris, st.builds(lambda iri: {"@id": iri}, iris)), max_size=4)
)
def test_whatever_is_additive_leaves_the_meaning(inline: dict[str, Any]) -> None:
    if not is_additive(inline):
        return
    try:
        changed = meaning(inline)
    except jsonld.JsonLdError:
        return  # no JSON-LD reader can be misled by what none can read
    # A coercion may go (`"actor": "as:actor"`), so values are compared by what they hold.
    assert values_in(changed) == values_in(meaning())


def values_in(expanded: Any) -> Any:
    if isinstance(expanded, list):
        return [values_in(item) for item in expanded]
    if isinstance(expanded, dict):
        literal = expanded.get("@value", expanded.get("@id") if len(expanded) == 1 else None)
        if literal is not None:
            return str(literal)
        return {name: values_in(member) for name, member in expanded.items()}
    return expanded


# --- Limits ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "context",
    [
        [AS2_CONTEXT] * 2000,
        [AS2_CONTEXT] * (limits.CONTEXT_ENTRIES + 1),
        {f"t{index}": "x:y" for index in range(limits.CONTEXT_TERMS + 1)},
        [{f"t{index}": "x:y"} for index in range(9)] + [{f"u{i}": "x:y" for i in range(60)}],
        {"term": "x:" + "y" * limits.CONTEXT_INLINE},
        3,
        True,
        [[AS2_CONTEXT]],
        [AS2_CONTEXT, 3],
    ],
)
def test_context_bombs_are_refused(context: Any) -> None:
    with pytest.raises(BadInput) as caught:
        verdict(context, KNOWN)
    assert caught.value.pointer == "/@context"


def test_contexts_at_the_limits_are_read() -> None:
    assert verdict([AS2_CONTEXT] * limits.CONTEXT_ENTRIES, KNOWN) is Verdict.ADDITIVE
    terms = {f"t{index}": "x:y" for index in range(limits.CONTEXT_TERMS)}
    assert verdict([AS2_CONTEXT, terms], KNOWN) is Verdict.ADDITIVE


def test_scoped_context_bomb() -> None:
    bomb: dict[str, Any] = {}
    for _ in range(14):
        bomb = {"t": {"@id": "x:t", "@context": bomb}}
    assert verdict(bomb, KNOWN) is Verdict.REDEFINES


# --- Whole documents -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "document",
    [
        {"object": {"@context": {"actor": "x:actor"}}},
        {"object": [{"tag": [{"@context": [AS2_CONTEXT, {"@vocab": "x:"}]}]}]},
        {"x:unknown": {"y": {"@context": {"object": None}}}},
    ],
)
def test_a_context_deep_inside_counts(document: dict[str, Any]) -> None:
    assert judge({"@context": AS2_CONTEXT, **document}, KNOWN) is Verdict.REDEFINES


def test_a_literal_holds_no_context() -> None:
    document = {"@context": AS2_CONTEXT, "actionData": {"@context": {"actor": "x:actor"}}}
    assert judge(document, KNOWN) is Verdict.ADDITIVE
    assert judge({}, KNOWN) is Verdict.ADDITIVE


contexts = st.recursive(
    st.none() | st.booleans() | st.integers() | iris | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            names
            | st.sampled_from(["@id", "@type", "@container", "@context", "@reverse", "@vocab"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=10,
)


@given(contexts)
def test_any_context_gets_a_verdict_or_is_refused(context: Any) -> None:
    try:
        result = judge({"object": {"@context": context}}, KNOWN)
    except BadInput:
        result = verdict(AS2_CONTEXT, KNOWN)
    assert result in Verdict


# --- The files -------------------------------------------------------------------------------


@pytest.mark.parametrize("entry", INDEX, ids=lambda entry: entry["file"])
def test_every_context_says_where_it_is_from(entry: dict[str, Any]) -> None:
    assert entry["publisher"]
    assert entry["source"]
    assert entry["licence"]
    assert json.loads((FOLDER / entry["file"]).read_bytes()).keys() == {"@context"}


def test_the_index_lists_every_file() -> None:
    listed = {entry["file"] for entry in INDEX} | {"index.json"}
    assert listed == {path.name for path in FOLDER.iterdir()}


@pytest.mark.parametrize(
    "url",
    [
        # What interop.md 3.9 asks for.
        AS2_CONTEXT,
        "http://www.w3.org/ns/activitystreams",
        SECURITY_CONTEXT,
        "https://w3id.org/identity/v1",
        "https://w3id.org/security/data-integrity/v1",
        "https://w3id.org/security/data-integrity/v2",
        "https://w3id.org/security/multikey/v1",
        "https://www.w3.org/ns/cid/v1",
        "https://gotosocial.org/ns",
        "https://join-lemmy.org/context.json",
        "https://purl.archive.org/socialweb/webfinger",
        "https://purl.archive.org/miscellany",
        "https://pleroma.example/schemas/litepub-0.1.jsonld",
        "https://akkoma.example:4000/schemas/litepub-0.1.jsonld",
    ],
)
def test_contexts_on_board_can_be_processed(url: str) -> None:
    document = KNOWN.find(url)
    assert document is not None
    plain = {"@context": document["@context"], "https://x.example/p": [{"@value": "v"}]}
    options = {"documentLoader": load, "base": "https://b.example/"}
    assert jsonld.expand(plain, options) == [{"https://x.example/p": [{"@value": "v"}]}]


@pytest.mark.parametrize(
    "url", ["http://joinmastodon.org/ns", "http://schema.org", "https://schema.org/"]
)
def test_contexts_that_are_stand_ins_define_nothing(url: str) -> None:
    assert KNOWN.find(url) == {"@context": {}}


def test_other_urls_are_not_known() -> None:
    assert KNOWN.find("https://unknown.example/ns") is None
    assert KNOWN.find(LITEPUB_PATH + "x") is None
