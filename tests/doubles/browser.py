"""A browser for tests: it keeps cookies, reads forms, and sends them as browsers do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.cookies import SimpleCookie
from urllib.parse import urlencode, urljoin, urlsplit

from tests.doubles.server import Reply, Server

HTML = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
FORM = "application/x-www-form-urlencoded"


@dataclass(slots=True)
class Form:
    """A form of a page: where it goes, its fields with their values, and its buttons as
    (text, name, value)."""

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    buttons: list[tuple[str, str, str]] = field(default_factory=list)

    def button(self, text: str) -> dict[str, str]:
        """The fields as they are sent when this button is pressed."""
        [(_, name, value)] = [one for one in self.buttons if one[0] == text]
        return {**self.fields, **({name: value} if name else {})}


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.inside = False
        self.button: list[str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(Form(given.get("action", ""), given.get("method", "get").lower()))
            self.inside = True
        elif tag == "input" and self.inside and "name" in given:
            self.forms[-1].fields[given["name"]] = given.get("value", "")
        elif tag == "button" and self.inside:
            self.button = [given.get("name", ""), given.get("value", "")]
            self.forms[-1].buttons.append(("", *self.button))  # type: ignore[arg-type]

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.inside = False
        elif tag == "button":
            self.button = None

    def handle_data(self, data: str) -> None:
        if self.button is not None:
            text, name, value = self.forms[-1].buttons.pop()
            self.forms[-1].buttons.append((text + data, name, value))


def forms_of(reply: Reply) -> list[Form]:
    """The forms of a page."""
    parser = _Forms()
    parser.feed(reply.text)
    return parser.forms


@dataclass(slots=True)
class Browser:
    """One browser at one server. ``cookies`` are those that it holds."""

    server: Server
    cookies: dict[str, str] = field(default_factory=dict)

    async def get(self, url: str, **headers: str) -> Reply:
        """Open a page; what it leads on to is not followed."""
        return await self._ask("GET", url, None, headers)

    async def post(self, url: str, fields: Mapping[str, str], **headers: str) -> Reply:
        """Send a form from a page of the same server."""
        own = self.server.origin
        sent = {"Content-Type": FORM, "Origin": own, "Sec-Fetch-Site": "same-origin"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        return await self._ask("POST", url, urlencode(fields), sent)

    async def sign_in(self, name: str, password: str, *, next: str = "") -> Reply:
        """Fill in the form at /login, and send it."""
        page = await self.get("/login" + (f"?{urlencode({'next': next})}" if next else ""))
        assert page.status == 200, page.text
        [form] = forms_of(page)
        assert (form.action, form.method) == ("/login", "post")
        return await self.post(form.action, {**form.fields, "name": name, "password": password})

    async def press(self, page: Reply, text: str, **fields: str) -> Reply:
        """Press a button of a page, with more in the fields of its form."""
        [form] = [one for one in forms_of(page) if text in [told for told, _, _ in one.buttons]]
        sent = form.button(text) | fields
        if form.method == "post":
            return await self.post(form.action, sent)
        return await self.get(f"{form.action}?{urlencode(sent)}")

    async def _ask(
        self, method: str, url: str, data: str | None, headers: Mapping[str, str]
    ) -> Reply:
        sent = {"Accept": HTML}
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        place = urlsplit(urljoin(self.server.origin, url))
        assert f"{place.scheme}://{place.netloc}" == self.server.origin, url
        reply = await self.server.ask(method, place.geturl(), data=data, **(sent | dict(headers)))
        for one in reply.headers.getall("Set-Cookie", []):  # type: ignore[attr-defined]
            self._keep(one)
        return reply

    def _keep(self, set_cookie: str) -> None:
        for name, morsel in SimpleCookie(set_cookie).items():
            if morsel["max-age"] == "0" or not morsel.value:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = morsel.value
