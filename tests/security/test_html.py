"""HTML of others and of our own clients: one list of what stays, at every door.

security.md: rule-11, CVE-2023-36459: what is in these documents cannot run, load or restyle
anything, however it is spelt.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from apserver.core import limits
from apserver.core.html import CLASSES, REL, SCHEMES, TAGS, Markup, plain_name, plain_text
from apserver.core.intake import take_in
from apserver.core.times import stamp
from tests.conftest import StartPeer
from tests.doubles.peer import Peer
from tests.doubles.server import PUBLIC, Server
from tests.security.steps import accepted, inbox

ATTRIBUTES = {
    "a": {"href", "rel", "target", "translate", "class"},
    "span": {"class", "translate"},
    "p": {"class"},
    "ol": {"start", "reversed"},
    "li": {"value"},
}
EVERYWHERE = {"lang", "dir"}

HOSTILE = {
    "script": "<p>hi<script>alert(1)</script></p>",
    "script in capitals": "<SCRIPT SRC=//evil.example/x.js></SCRIPT>hi",
    "handler": '<p onclick="alert(1)" ONMOUSEOVER=alert(1)>hi</p>',
    "handler without space": "<p/onclick=alert(1)>hi</p>",
    "image": '<img src=x onerror="alert(1)">hi',
    "frame": "<iframe srcdoc='<script>alert(1)</script>'></iframe>hi",
    "drawing": "<svg><a href='javascript:alert(1)'><text>x</text></a><script>1</script></svg>hi",
    "formula": "<math><mi xlink:href='data:x,<script>1</script>'>x</mi></math>hi",
    "template": "<template><script>alert(1)</script></template>hi",
    "form": "<form action='https://evil.example'><input name=x><button>go</button></form>hi",
    "style": "<style>*{display:none}</style><p style='position:fixed'>hi</p>",
    "comment": "<!--><script>alert(1)</script>-->hi",
    "cdata": "<![CDATA[<script>alert(1)</script>]]>hi",
    "instruction": "<?xml-stylesheet href='javascript:alert(1)'?>hi",
    "half a tag": "hi<img src=x onerror=alert(1) ",
    "nested tags": "<scr<script>ipt>alert(1)</scr</script>ipt>hi",
    "mutation by noscript": '<noscript><p title="</noscript><img src=x onerror=alert(1)>">',
    "mutation by math": "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img "
    "src=1 onerror=alert(1)&gt;'>",
    "mutation by textarea": "<textarea><img title='</textarea><img src=x onerror=alert(1)>'>",
    "object": "<object data='https://evil.example/x.swf'></object><embed src=x>hi",
    "base and meta": "<base href='https://evil.example/'><meta http-equiv=refresh content=0>hi",
    "nul and control characters": "<scr\x00ipt>alert(1)</scr\x00ipt><a href='\x01javascript:1'>hi",
    "tables": "<table><tr><td onclick=x>hi</td></tr></table>",
}


class Seen(HTMLParser):
    """All elements of a text, as one simple reader sees them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment is left: {data}")

    def handle_decl(self, decl: str) -> None:
        raise AssertionError(f"a declaration is left: {decl}")


def check_clean(text: str) -> None:
    """Nothing is left that is not on the list."""
    for tag, attributes in Seen(text).elements:
        assert tag in TAGS, text
        assert attributes.keys() <= ATTRIBUTES.get(tag, set()) | EVERYWHERE, text
        assert set((attributes.get("class") or "").split()) <= CLASSES, text
        if tag == "a":
            assert attributes["rel"] == REL
            scheme = (attributes.get("href") or "https:").partition(":")[0].lower()
            assert scheme in SCHEMES, text


def texts(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """All texts in a document, with the member in which they stand."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from texts(inner, key)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner, name)
    elif isinstance(value, str):
        yield name, value


@pytest.mark.parametrize("html", HOSTILE.values(), ids=HOSTILE)
def test_CVE_2023_36459_hostile_html_is_inert(html: str) -> None:
    """CVE-2023-36459, IO-77: the words stay, nothing runs."""
    cleaned = Markup().html(html)
    check_clean(cleaned)
    assert ("hi" in html) == ("hi" in cleaned)


@given(
    st.text(alphabet=st.sampled_from("<>/=\"'!-&;# apsbiuolinkfrhtemxgvcd\x00\t\n"), max_size=80)
)
@settings(max_examples=300, deadline=None)
@example("<b><p>" * 40)
@example("<a href=x><table><a href=y>")
def test_CVE_2023_42452_cleaning_again_changes_nothing(html: str) -> None:
    """CVE-2023-42452, AP-SEC-10: whatever was cleaned is clean, for whoever parses it next."""
    cleaned = Markup().html(html)
    if "<" in html:
        check_clean(cleaned)
    assert Markup().html(cleaned) == cleaned


WELCOME = {
    "mastodon": '<p><span class="h-card" translate="no"><a href="https://me.example/@ann" '
    f'class="u-url mention" target="_blank" rel="{REL}">@<span>ann</span></a></span> hi<br>you</p>',
    "lists": '<ol start="3" reversed=""><li value="2">a</li></ol><ul><li>b</li></ul>',
    "ruby": "<ruby>漢<rp>(</rp><rt>kan</rt><rp>)</rp></ruby>",
    "words": "<p><b>b</b><strong>s</strong><i>i</i><em>e</em><u>u</u><s>s</s><del>d</del>"
    "<code>c</code></p><pre>p</pre><blockquote>q</blockquote>",
    "headings": "<h1>1</h1><h2>2</h2><h3>3</h3><h4>4</h4><h5>5</h5><h6>6</h6>",
    "quote": '<p class="quote-inline">RE: <a href="https://x.example/1" target="_blank" '
    f'rel="{REL}"><span class="invisible">https://</span><span class="ellipsis">x</span></a></p>',
    "direction": '<p dir="rtl" lang="ar">مرحبا</p>',
    "no tags at all": "R&D > 3 & more",
}


@pytest.mark.parametrize("html", WELCOME.values(), ids=WELCOME)
def test_IO_77_what_others_show_stays(html: str) -> None:
    """IO-77, AS-35: what Mastodon and its kin write is left as it is."""
    assert Markup().html(html) == html


LINKS = {
    "https://x.example/?a=1&b=2": "https://x.example/?a=1&amp;b=2",
    "http://x.example/": "http://x.example/",
    "mailto:ann@x.example": "mailto:ann@x.example",
    **dict.fromkeys(
        (
            "javascript:alert(1)",
            "JaVaScRiPt:alert(1)",
            " javascript:alert(1)",
            "java\tscript:alert(1)",
            "java&#x0A;script:alert(1)",
            "&#106;avascript:alert(1)",
            "\x01javascript:alert(1)",
            "vbscript:x",
            "data:text/html,<script>1</script>",
            "blob:https://x.example/1",
            "file:///etc/passwd",
            "ftp://x.example/",
            "tel:+1",
            "view-source:https://x.example",
            "//x.example/",
            "/path",
            "path",
            "#here",
            "",
        )
    ),
}


@pytest.mark.parametrize(("href", "kept"), LINKS.items(), ids=map(repr, LINKS))
def test_javascript_links(href: str, kept: str | None) -> None:
    """javascript-links, AS-35: http, https and mailto lead somewhere, of others the text stays."""
    quoted = href.replace('"', "&quot;")
    cleaned = Markup().html(f'<a href="{quoted}" rel="me" target="_top">go</a>')
    where = "" if kept is None else f'href="{kept}" '
    assert cleaned == f'<a {where}target="_blank" rel="{REL}">go</a>'


@pytest.mark.parametrize(
    ("html", "kept"),
    [
        ('<p class="mention header fixed-top">x</p>', '<p class="mention">x</p>'),
        ('<p class="MENTION">x</p>', '<p class="">x</p>'),
        ('<p style="position:fixed" id="app">x</p>', "<p>x</p>"),
        ('<span class="invisible u-url h-card p-author">x</span>', None),
        ("<style>p{}</style><link rel=stylesheet href=x>x", "x"),
        ('<p dir="evil" lang="en">x</p>', '<p lang="en">x</p>'),
    ],
)
def test_css_injection(html: str, kept: str | None) -> None:
    """css-injection: no style, and no class but those that readers know."""
    assert Markup().html(html).replace(' class=""', "") == (kept or html).replace(' class=""', "")


#: Each costs a parser that mends HTML far more than its size.
BOMBS = {
    "20 000 divs": "<div>" * 20_000 + "x",
    "20 000 list items": "<ul><li>" * 10_000 + "x",
    "deep quotes": "<blockquote>" * (limits.HTML_DEPTH + 1) * 2 + "x",
    "copies of what has attributes": "<p>"
    + "".join(f"<b a={n}>" for n in range(500))
    + "<p>x" * 2000,
    "copies hidden behind false ends": "<p>"
    + "".join(f"<b title='</b>' a={n}>" for n in range(500))
    + "<p>x" * 2000,
    "copies of what has none": "<p>" + "<b><i><em><s><u><tt>" * 3 + "<p>x" * 1900,
    "misnested": "<b><p>" * 5000 + "x",
    "half tags": "<link <link" * 5000 + "x",
    "references": "<b>x" + "&" * 60_000,
    "attributes": "<b " + " ".join(f"a{n}=1" for n in range(8000)) + ">x",
}


@pytest.mark.parametrize("html", BOMBS.values(), ids=BOMBS)
def test_CVE_2022_31052_bombs_are_cheap(html: str) -> None:
    """CVE-2022-31052, CVE-2025-68475: bounded work, whatever the tags are; unbounded, some of these
    take half a second and make megabytes."""
    began = time.thread_time()
    cleaned = Markup().html(html)
    assert time.thread_time() - began < 2.0  # 0.05 at most on a quiet machine
    assert len(cleaned) <= limits.HTML
    check_clean(cleaned)
    assert depth(cleaned) <= limits.HTML_DEPTH


def depth(html: str) -> int:
    """How deep a text is nested."""
    deepest = now = 0
    for part in html.split("<")[1:]:
        now += -1 if part.startswith("/") else not part.startswith("br")
        deepest = max(now, deepest)
    return deepest


def test_the_texts_of_a_document_share_one_bound() -> None:
    """CVE-2022-31052: many texts cost no more than one; beyond the bound they are text."""
    one = "<b>x</b>" * 100
    document = take_in({"items": [{"content": f"{n}{one}"} for n in range(500)]})
    kept = [item["content"] for item in document["items"]]
    tags = sum(text.count("<") for text in kept)
    assert 0 < tags <= limits.HTML_MARKS
    assert kept[0] == f"0{one}"
    assert kept[-1] == "499" + "x" * 100


@pytest.mark.parametrize("html", BOMBS.values(), ids=BOMBS)
async def test_our_own_clients_are_told_of_bombs(server: Server, html: str) -> None:
    """CVE-2022-31052: 400 and nothing stored, or it was harmless and is stored clean."""
    made = await server.post(
        "ann", {"type": "Note", "content": html[: limits.TEXT], "to": [PUBLIC]}
    )
    assert made.status in (201, 400), made.text
    if made.status == 400:
        assert await server.rows("SELECT FROM object") == []
    else:
        check_clean(made.json["object"]["content"])
        assert made.json["object"]["content"] in ("x", "", "<b>x</b>")


def test_a_long_article_keeps_its_markup() -> None:
    """AS-35: the bounds are far above what people write."""
    paragraph = (
        f"<p>{'word ' * 40}<b>bold</b> <a href='https://x.example/1'>link</a>, <em>x</em></p>"
    )
    article = "<h1>Title</h1>" + paragraph * 200
    assert len(article) < limits.TEXT
    cleaned = Markup().html(article)
    assert cleaned.count("<p>") == cleaned.count("<b>") == 200


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("I <3 <b>cats</b>", "I <3 cats"),
        ("a < b & c > d", "a < b & c > d"),
        ("<img src=x onerror=alert(1)>", ""),
        ("<img src=x onerror=alert(1) ", "< img src=x onerror=alert(1) "),
        ("<<b>script>alert(1)<</b>/script>", "< script>alert(1)< /script>"),
        ("<!--x", "< !--x"),
        (":blobcat: &lt;b&gt;", ":blobcat: &lt;b&gt;"),
    ],
)
def test_AV_04_names_hold_no_html(name: str, kept: str) -> None:
    """AV-04: nothing that begins a tag, and as little else as can be is lost."""
    assert plain_name(name) == kept
    assert Seen(kept).elements == []
    assert plain_name(kept) == kept


@given(st.text(alphabet=st.sampled_from("<>/!?ab= \"'-"), max_size=40))
def test_AV_04_no_name_begins_a_tag(text: str) -> None:
    """AV-04."""
    for cleaned in (plain_name(text), plain_text(text)):
        assert not any(
            after[:1].isalpha() or after[:1] in "/!?" for after in cleaned.split("<")[1:] if after
        )
        assert plain_name(cleaned) == cleaned


EVIL = "<p>hello<script>alert(1)</script><img src=x onerror=alert(1)></p>"
CLEAN = "<p>hello</p>"


def everywhere(**members: Any) -> dict[str, Any]:
    """A thing with the same hostile text in every member that is one, in every shape."""
    return {
        "content": EVIL,
        "summary": EVIL,
        "name": EVIL,
        "contentMap": {"en": EVIL, "de": EVIL},
        "summaryMap": {"en": EVIL},
        "nameMap": {"en": EVIL},
        "tag": [
            {"type": "Hashtag", "name": EVIL},
            {"type": "Mention", "href": PUBLIC, "name": EVIL},
        ],
        "attachment": [
            {"type": "PropertyValue", "name": EVIL, "value": EVIL},
            {"type": "Image", "url": "https://x.example/1", "summary": EVIL},
        ],
        "preview": {"type": "Note", "content": [EVIL, {"@value": EVIL, "@language": "en"}]},
        **members,
    }


def check_all(document: Any) -> None:
    """No text of it is what was sent, and all are what it is cleaned to."""
    found = dict(texts(document))
    assert {found["content"], found["summary"], found["value"]} == {CLEAN}
    assert found["name"] == "helloalert(1)"
    assert not [
        (name, text) for name, text in texts(document) if "<script" in text or "<img" in text
    ]


async def test_AS_35_what_others_send_is_clean_at_every_door(server: Server, peer: Peer) -> None:
    """AS-35, AP-SEC-10, IO-77, rule-11: the activity's own texts and the object's, in the inbox
    and in the tables; the bytes that came are kept as they came, for proofs."""
    create = peer.create("carol", "", server.id("ann"))
    create["object"] |= everywhere(id=create["object"]["id"])
    create |= {name: value for name, value in everywhere().items() if name != "content"}
    await accepted(server, peer, create, by="carol")
    [seen] = await inbox(server)
    check_all(seen["object"])
    check_all({"content": CLEAN, **{key: one for key, one in seen.items() if key != "object"}})
    [stored] = await server.rows("SELECT document FROM object")
    check_all(json.loads(stored["document"]))
    [raw] = await server.rows("SELECT body FROM raw")
    assert json.loads(raw["body"]) == create


async def test_AS_35_what_others_change_is_clean(server: Server, peer: Peer) -> None:
    """AS-35, CVE-2023-42452: an edit takes the same way."""
    create = peer.create("carol", "harmless", server.id("ann"))
    await accepted(server, peer, create, by="carol")
    later = stamp(datetime.now(UTC) + timedelta(hours=1))
    changed = create["object"] | everywhere() | {"updated": later}
    update = peer.activity("Update", "carol", object=changed, to=[server.id("ann")])
    await accepted(server, peer, update, by="carol")
    for seen in await inbox(server):
        check_all(seen["object"])


async def test_AS_35_what_is_embedded_in_other_activities_is_clean(
    server: Server, peer: Peer
) -> None:
    """AS-35: also what we embed in an answer of ours."""
    read = peer.activity("Read", "carol", to=[server.id("ann")], object=everywhere(type="Note"))
    await accepted(server, peer, read, by="carol")
    follow = peer.follow("carol", server.id("ann")) | {"content": EVIL, "summary": EVIL}
    await accepted(server, peer, follow, by="carol")
    seen = {one["type"]: one for one in await inbox(server)}
    check_all(seen["Read"]["object"])
    [answer] = await peer.wait("Accept")
    assert answer.json["object"]["content"] == CLEAN


async def test_AS_35_what_is_fetched_is_clean(
    server: Server, peer: Peer, start_peer: StartPeer
) -> None:
    """AS-35: objects given by id, and actors."""
    note = peer.create("carol", "", server.id("ann"))["object"] | everywhere()
    peer.documents[note["id"].removeprefix(peer.origin)] = note
    create = peer.activity("Create", "carol", object=note["id"], to=[server.id("ann")])
    await accepted(server, peer, create, by="carol")
    [row] = await server.rows("SELECT document FROM object")
    check_all(json.loads(row["document"]))
    evil = await start_peer("mallory")
    evil.documents["/users/mallory"] |= everywhere()
    await accepted(server, evil, evil.create("mallory", "hi", server.id("ann")), by="mallory")
    [row] = await server.rows("SELECT document FROM actor WHERE id = $1", evil.id("mallory"))
    check_all(json.loads(row["document"]))


async def test_AS_35_what_our_own_clients_post_is_clean(server: Server) -> None:
    """AS-35, AV-04, CVE-2023-42452: by the same list, when made and when changed, also a profile;
    `source` stays as it was typed (AP-SRC-01)."""
    source = {"content": EVIL, "mediaType": "text/markdown"}
    thing = everywhere(type="Note", source=source)
    del thing["preview"]  # with texts in shapes that are no AS2, which is refused
    made = await server.post("ann", {**thing, "to": [PUBLIC]})
    assert made.status == 201, made.text
    shown = (await server.get(made.json["object"]["id"])).json
    assert shown.pop("source") == source
    check_all(shown)
    changed = await server.post(
        "ann", {"type": "Update", "object": {"id": shown["id"], "content": EVIL + EVIL}}
    )
    assert changed.json["object"]["content"] == CLEAN + CLEAN
    profile = {"id": server.id("ann"), "summary": EVIL, "attachment": thing["attachment"]}
    await server.post("ann", {"type": "Update", "object": profile})
    actor = (await server.get("/actors/ann")).json
    assert (actor["summary"], actor["attachment"][0]["value"]) == (CLEAN, CLEAN)


@pytest.mark.parametrize("media_type", ["text/plain", "text/markdown", "TEXT/HTML", ["text/html"]])
def test_rule_11_content_of_another_type_is_no_html_either(media_type: Any) -> None:
    """rule-11: some readers take all content for HTML; PeerTube sends Markdown."""
    evil = "a < b, <https://x.example> and <img src=x onerror=alert(1)>"
    taken = take_in({"content": evil, "mediaType": media_type})["content"]
    assert taken == "a < b, < https://x.example> and < img src=x onerror=alert(1)>"
    assert Seen(taken).elements == []
