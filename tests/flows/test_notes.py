"""Notes of our clients as other servers expect them: text, tags, members, over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import StartServer
from tests.doubles.peer import Peer
from tests.doubles.server import CONTEXT, PUBLIC, Server
from tests.flows.steps import check_problem, follow_from
from tests.flows.verb_steps import collected, public_note

BLOCKED = "<script>alert(1)</script>"


async def posted(server: Server, text: str, *to: str, **members: Any) -> dict[str, Any]:
    """A Note by ann; the object as it was made."""
    note = {"@context": CONTEXT, "type": "Note", "content": text, "to": list(to), **members}
    reply = await server.post("ann", {name: one for name, one in note.items() if one is not None})
    assert reply.status == 201, reply.text
    made: dict[str, Any] = reply.json["object"]
    return made


def tag(type_: str, href: str, name: str) -> dict[str, str]:
    return {"type": type_, "href": href, "name": name}


def handle(server: Server, name: str) -> str:
    return f"@{name}@{server.origin.partition('://')[2]}"


@pytest.mark.parametrize(
    ("media_type", "text", "html"),
    [
        ("text/markdown", "*hi* <b>x</b>\nyou", "<p><em>hi</em> &lt;b&gt;x&lt;/b&gt;<br>\nyou</p>"),
        (
            "text/markdown",
            f"ok\n\n{BLOCKED}",
            "<p>ok</p>\n<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>",
        ),
        ("text/markdown", "[x](javascript:alert(1))", "<p>[x](javascript:alert(1))</p>"),
        ("text/markdown; variant=CommonMark", "- a\n- b", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>"),
        ("text/plain", "1 < 2\nand\n\n<b>", "<p>1 &lt; 2<br>and</p><p>&lt;b&gt;</p>"),
        ("text/html", f"<p>hi{BLOCKED}</p>", "<p>hi</p>"),
        (None, "<p>hi</p>", "<p>hi</p>"),
    ],
)
async def test_AP_SRC_01_content_is_made_of_source(
    server: Server, media_type: str | None, text: str, html: str
) -> None:
    """AP-SRC-01, issue 7: when a client gives no content; clean as all HTML here, and what was
    typed stays beside it."""
    source = {"content": text, **({"mediaType": media_type} if media_type else {})}
    note = {"type": "Note", "source": source, "to": [PUBLIC]}
    made = await server.post("ann", {"type": "Create", "object": note, "to": [PUBLIC]})
    assert made.status == 201, made.text
    assert made.json["object"]["content"] == html
    assert made.json["object"]["source"] == source


async def test_AP_SRC_01_content_that_is_given_stays(server: Server) -> None:
    """AP-SRC-01: and a type that we cannot read makes none."""
    source = {"content": "*hi*", "mediaType": "text/markdown"}
    assert (await posted(server, "ho", PUBLIC, source=source))["content"] == "ho"
    made = await posted(server, "", PUBLIC, content=None, source=source | {"mediaType": "text/x"})
    assert "content" not in made
    reply = await server.post("ann", {"type": "Note", "source": source | {"content": "a" * 40_000}})
    check_problem(reply, 400, "/source/content")


async def test_IO_55_mentions_and_hashtags_in_the_text(server: Server, peer: Peer) -> None:
    """IO-55: the full handle even for those here, the id of the actor, the page of the tag; each
    once, with the links that readers know; what is in links, in code or unknown stays."""
    await follow_from(peer, "carol", server, "ann")
    far = f"@carol@{peer.origin.partition('://')[2]}"
    made = await posted(
        server,
        f"<p>@bob {far}, @Bob <code>@ann #no</code> a@bob.example #Tea #tea @nobody</p>",
        PUBLIC,
    )
    assert made["tag"] == [
        tag("Mention", server.id("bob"), handle(server, "bob")),
        tag("Mention", peer.id("carol"), far),
        tag("Hashtag", f"{server.origin}/tags/tea", "#tea"),
    ]
    link = '<span class="h-card" translate="no"><a href="{}" class="u-url mention"'
    assert made["content"].count(link.format(server.id("bob"))) == 2
    assert f"{link.format(peer.id('carol'))} " in made["content"]
    assert ">@<span>carol</span></a></span>, " in made["content"]
    assert "<code>@ann #no</code> a@bob.example " in made["content"]
    assert 'class="mention hashtag"' in made["content"]
    assert made["content"].endswith(" @nobody</p>")
    assert made["cc"] == [server.id("bob"), peer.id("carol")]
    [sent] = await peer.wait("Create")
    assert sent.json["object"] == made
    assert {"Hashtag": "as:Hashtag"} in sent.json["@context"]


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("#ÉTÉ", "été→ete"),
        ("#ﾃﾞｻﾞｲﾝ", "デザイン"),
        ("#हिन्दी", "हिन्दी"),
        ("#a_1", "a_1"),
        ("#1", None),
        ("https://a.example/#frag", None),
        ("&#39;", None),
    ],
)
async def test_IO_55_hashtags_are_folded(server: Server, written: str, name: str | None) -> None:
    """IO-55, interop 3.3: NFKC, lower case, Latin letters without marks."""
    made = await posted(server, f"see {written} there", PUBLIC)
    expected = None if name is None else [f"#{name.rpartition('→')[2]}"]
    assert [one["name"] for one in made.get("tag", [])] == (expected or [])


async def test_IO_55_tags_of_the_client_count(server: Server) -> None:
    """IO-55: they lead where the client says, are not given twice, and address nobody; an Emoji
    stays as it is and has a definition."""
    stranger = "https://far.example/users/eve"
    emoji = {
        "type": "Emoji",
        "name": ":tea:",
        "icon": {"type": "Image", "url": "https://a.example/t"},
    }
    tags = [tag("Mention", stranger, "@eve@far.example"), emoji]
    made = await posted(server, "@eve@far.example :tea:", PUBLIC, tag=tags)
    assert made["tag"] == tags
    assert f'<a href="{stranger}" class="u-url mention"' in made["content"]
    assert "cc" not in made
    context = (await server.get(made["id"])).json["@context"]
    assert context == [CONTEXT, {"Emoji": "http://joinmastodon.org/ns#Emoji"}]


@pytest.mark.parametrize("visibility", ["public", "unlisted", "followers", "one", "nobody"])
async def test_IO_43_the_mentioned_are_addressed(server: Server, visibility: str) -> None:
    """IO-43, interop 2: in cc, and the post is in their inbox; what is for named recipients alone
    is not shown to whom it mentions."""
    followers = f"{server.id('ann')}/followers"
    await server.create_actor("dora")
    to, cc = {
        "public": ([PUBLIC], [followers]),
        "unlisted": ([followers], [PUBLIC]),
        "followers": ([followers], []),
        "one": ([server.id("dora")], []),
        "nobody": ([], []),
    }[visibility]
    made = await posted(server, "about @bob", *to, cc=cc)
    is_wide = visibility not in ("one", "nobody")
    assert made["tag"] == [tag("Mention", server.id("bob"), handle(server, "bob"))]
    assert made.get("cc", []) == [*cc, *([server.id("bob")] if is_wide else [])]
    await server.drained()
    inbox = [one["object"]["id"] for one in await server.items("bob", "inbox", as_="bob")]
    assert inbox == ([made["id"]] if is_wide else [])


async def test_IO_43_mentions_of_others(server: Server, peer: Peer) -> None:
    """IO-43: who is mentioned and not addressed has nothing in the inbox; who is addressed has,
    mentioned or not."""
    mention = [tag("Mention", server.id("ann"), handle(server, "ann"))]
    silent = peer.create("carol", "about ann", PUBLIC, tag=mention)
    plain = peer.create("carol", "for ann", server.id("ann"))
    both = peer.create("carol", "@ann", PUBLIC, server.id("ann"), tag=mention)
    for create in (silent, plain, both):
        assert (await peer.send(f"{server.origin}/inbox", create, by="carol")).status == 202
    await server.drained()
    inbox = [one["id"] for one in await server.items("ann", "inbox", as_="ann")]
    assert sorted(inbox) == sorted([plain["id"], both["id"]])


async def test_IO_43_handles_on_another_host(start_server: StartServer) -> None:
    """IO-43, IO-04: both hosts are ours, and the tag has the handle."""
    server = await start_server("ann", "bob", handle_host="example.org")
    for written in ("@bob", "@bob@example.org", handle(server, "bob")):
        made = await posted(server, f"{written} hi", PUBLIC)
        assert made["tag"] == [tag("Mention", server.id("bob"), "@bob@example.org")]


async def test_IO_54_members_that_others_read(server: Server) -> None:
    """IO-54: each has one shape; arrays even for one, dates in UTC, nothing null."""
    made = await posted(server, "<p>hi</p>", PUBLIC, summary="food", contentMap={"en": "<p>hi</p>"})
    shown = (await server.get(made["id"])).json
    assert shown["url"] == shown["id"] == made["id"]
    assert shown["attributedTo"] == server.id("ann")
    assert shown["published"].endswith("Z")
    assert shown["to"] == [PUBLIC]
    assert (shown["content"], shown["contentMap"]) == ("<p>hi</p>", {"en": "<p>hi</p>"})
    assert (shown["summary"], shown["sensitive"]) == ("food", True)
    assert shown["context"] == f"{made['id']}/context"
    assert shown["replies"]["id"] == f"{made['id']}/replies"
    assert {"sensitive": "as:sensitive"} in shown["@context"]
    assert None not in shown.values()


async def test_IO_54_what_the_client_says_stays(server: Server) -> None:
    """IO-54: its own URL, its own word on what is sensitive, and nothing for what is no post."""
    given = {"url": "https://a.example/1", "summary": "food", "sensitive": False}
    made = await posted(server, "hi", PUBLIC, **given)
    assert {name: made[name] for name in given} == given
    place = (await server.post("ann", {"type": "Place", "name": "Home", "to": [PUBLIC]})).json
    assert {"url", "context", "sensitive"}.isdisjoint(place["object"])


async def test_IO_54_IO_99_a_conversation(server: Server, peer: Peer) -> None:
    """IO-54, IO-99 (FEP-7888): an answer is in the conversation of what it answers, which is a
    collection that begins with it; private answers are not in it, deleted ones leave it."""
    note = await public_note(server, "ann")
    context = f"{note}/context"
    reply = {"type": "Note", "content": "and cake", "inReplyTo": note, "to": [PUBLIC]}
    first = (await server.post("bob", reply)).json["object"]
    second = await posted(server, "for me", PUBLIC, inReplyTo=first["id"])
    quiet = await posted(server, "psst", server.id("bob"), inReplyTo=first["id"])
    assert [one["context"] for one in (first, second, quiet)] == [context] * 3
    far = peer.create("carol", "and tea", PUBLIC, inReplyTo=second["id"])
    assert (await peer.send(f"{server.origin}/inbox", far, by="carol")).status == 202
    await server.drained()
    items = [note, first["id"], second["id"], far["object"]["id"]]
    assert await collected(server, context) == items
    assert await collected(server, context, as_="ann") == items
    await server.post("bob", {"type": "Delete", "object": first["id"]})
    assert await collected(server, context) == [note, items[2], items[3]]


async def test_IO_54_the_conversation_of_others(server: Server, peer: Peer) -> None:
    """IO-54: an answer to what is known here says what that says; to the unknown, nothing."""
    said = {"context": "https://a.example/c/1", "conversation": "tag:a.example,2026:1"}
    create = peer.create("carol", "hello", PUBLIC, server.id("ann"), **said)
    assert (await peer.send(f"{server.origin}/inbox", create, by="carol")).status == 202
    await server.drained()
    made = await posted(server, "hi", PUBLIC, inReplyTo=create["object"]["id"])
    assert {name: made[name] for name in said} == said
    lost = await posted(server, "hi", PUBLIC, inReplyTo="https://a.example/unknown")
    assert said.keys().isdisjoint(lost)


@pytest.mark.parametrize(
    ("context", "members", "content", "by_language"),
    [
        ([CONTEXT, {"@language": "he"}], {"content": "שלום"}, "שלום", {"he": "שלום"}),
        (CONTEXT, {"contentMap": {"fr": "salut"}}, "salut", {"fr": "salut"}),
        (CONTEXT, {"content": "hi"}, "hi", None),
        (CONTEXT, {"content": "hi", "contentMap": {"en": "hi", "fr": "salut"}}, "hi", ...),
    ],
)
async def test_AP_I18N_01_the_language_when_it_is_known(
    server: Server, context: Any, members: dict[str, Any], content: str, by_language: Any
) -> None:
    """AP-I18N-01, interop 3.2: both members, with the language of the client's context or map."""
    note = {"@context": context, "type": "Note", "to": [PUBLIC], **members}
    made = (await server.post("ann", note)).json["object"]
    expected = members["contentMap"] if by_language is ... else by_language
    assert (made["content"], made.get("contentMap")) == (content, expected)


@pytest.mark.parametrize("type_", ["Article", "Page"])
async def test_IO_61_articles_have_a_summary_and_a_url(server: Server, type_: str) -> None:
    """IO-61: Mastodon shows nothing else of them; it is no warning there."""
    text = f"<h2>Tea</h2><p>Once &amp; more</p><p>{'very long ' * 60}</p>"
    made = await posted(server, text, PUBLIC, type=type_, name="On tea")
    assert made["url"] == made["id"]
    assert made["summary"].startswith("Tea Once &amp; more very long")
    assert made["summary"].endswith("…")
    assert len(made["summary"]) < 310
    assert "sensitive" not in made
    edit = {"id": made["id"], "content": "<p>Short</p>"}
    assert (await server.post("ann", {"type": "Update", "object": edit})).status == 201
    assert (await server.get(made["id"])).json["summary"] == "Short"
    own = await posted(server, text, PUBLIC, type=type_, summary="of my own")
    assert own["summary"] == "of my own"
