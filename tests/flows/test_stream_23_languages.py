"""Actions in the reader's language, as JSON and as a page (scenario 23)."""

from __future__ import annotations

import json
from html.parser import HTMLParser

from tests.conftest import StartServer
from tests.doubles.server import PUBLIC, Server

VERBS = json.dumps(
    {
        "closed": {
            "sentences": {
                "en": "{actor} closed {object}[ on {target}]",
                "sv": "{actor} stängde {object}[ i {target}]",
                "pt-BR": "{actor} fechou {object}[ em {target}]",
                "ru": "{actor} закрыл(а) {object}[ в {target}]",
            }
        }
    }
)
ISSUE = {
    "id": "https://tracker.example/issues/70",
    "type": "Document",
    "name": "<script>x</script>",
}
PROJECT = {"id": "https://tracker.example/flask", "type": "Group", "name": "flask"}


class Page(HTMLParser):
    """What a page says: its language, its elements, its links."""

    def __init__(self, text: str):
        super().__init__()
        self.lang: str | None = None
        self.elements: set[str] = set()
        self.links: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.elements.add(tag)
        if tag == "html":
            self.lang = found.get("lang")
        if tag == "a":
            self.links.append(found.get("href") or "")


async def closed(server: Server) -> str:
    """An issue is closed; the id of the action."""
    action = {"verbPhrase": "closed", "object": ISSUE, "target": PROJECT, "to": [PUBLIC]}
    made = await server.post("ann", {**action, "content": "<p>done <script>y</script></p>"})
    assert made.status == 201, made.text
    return str(made.headers["Location"])


async def test_scenario_23_a_sentence_in_each_language(start_server: StartServer) -> None:
    """Scenario 23: A2, E1, E3, X13: the map has all, and the phrase is as it was written."""
    server = await start_server("ann", verbs=VERBS)
    action = (await server.get(await closed(server))).json
    assert action["verbPhrase"] == "closed"
    assert set(action["summaryMap"]) == {"en", "sv", "pt-BR", "ru"}
    assert action["summaryMap"]["sv"].startswith("ann stängde")
    assert action["summary"].endswith(" on flask")


async def test_scenario_23_a_page_in_the_readers_language(start_server: StartServer) -> None:
    """Scenario 23: the sentence of the language that is asked for; all who take part are linked;
    what others wrote does nothing."""
    server = await start_server("ann", verbs=VERBS)
    action = await closed(server)
    asked = {"sv": "sv", "pt-BR,pt;q=0.5": "pt-BR", "ru, en;q=0.8": "ru", "fr": "en"}
    words = {"sv": "stängde", "pt-BR": "fechou", "ru": "закрыл(а)", "en": "closed"}
    for header, lang in asked.items():
        reply = await server.get(action, Accept="text/html", Accept_Language=header)
        assert reply.status == 200
        assert reply.headers["Content-Type"] == "text/html; charset=utf-8"
        assert "Accept-Language" in reply.headers["Vary"]
        page = Page(reply.text)
        assert (page.lang, words[lang] in reply.text) == (lang, True)
        assert {server.id("ann"), ISSUE["id"], PROJECT["id"]} <= set(page.links)
        assert "script" not in page.elements


async def test_E4_a_note_as_a_page(server: Server) -> None:
    """E4, IO-05: browsers get a page, everybody else the document; private ones stay so."""
    note = (await server.note("ann", "<p>hello <b>you</b></p>", PUBLIC))["object"]["id"]
    browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
    page = await server.get(note, Accept=browser)
    assert "<p>hello <b>you</b></p>" in page.text
    assert server.id("ann") in Page(page.text).links
    for accept in ("*/*", "application/activity+json, text/html;q=0.9", "application/json"):
        assert (await server.get(note, Accept=accept)).json["type"] == "Note"
    secret = (await server.note("ann", "secret"))["object"]["id"]
    assert (await server.get(secret, Accept=browser)).status == 404
