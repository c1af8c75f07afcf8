"""Writes the tables of docs/api.md: what each type of activity does when a client posts it.

    python -m tests.meta.api            print the page
    python -m tests.meta.api --write    write it

What is said of a type stands in `tests.meta.api_types`. The examples and the errors are not made
up: they are what a running server answered, with ids and dates replaced. The tests of a type are
those that name its requirements (`tests.meta.conformance`).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg

from apserver.store import db as store
from apserver.store.embedded import EmbeddedPostgres
from tests.doubles.server import PUBLIC, Reply, Server, database_dsn
from tests.meta.api_types import BEFORE, KINDS, Kind, Post
from tests.meta.conformance import coverage_here
from tests.meta.project import ROOT

PAGE = ROOT / "docs" / "api.md"
#: Where the text by hand ends.
MARK = "<!-- the rest: python -m tests.meta.api --write -->\n"
ACTORS = ("ann", "bob", "cat")
ORIGIN = "https://social.example"

_WIDTH = 96
_NAME = re.compile(r"\$[A-Z]+(?:\.object)?")
_UNIQUE = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_DATE = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z")


@dataclass(frozen=True, slots=True)
class Exchange:
    """A post as it was sent, and its answer, both as they are shown."""

    sent: Any
    status: int
    answer: Any


@dataclass(frozen=True, slots=True)
class Recorded:
    """A type, with what the server answered to its example and to what it refuses."""

    kind: Kind
    example: Exchange
    refused: tuple[Exchange, ...]


@dataclass(slots=True)
class Recorder:
    """Posts, and shows what comes back with other ids: always the same ones."""

    server: Server
    _known: dict[str, str] = field(default_factory=dict)
    _shown: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._known = {f"${name.upper()}": self.server.id(name) for name in ACTORS}
        ann = self._known["$ANN"]
        self._known |= {"$FOLLOWERS": f"{ann}/followers", "$FEATURED": f"{ann}/featured"}
        self._known["$PUBLIC"] = PUBLIC

    async def all(self) -> list[Recorded]:
        """Every type, in order."""
        for post in BEFORE:
            await self.exchange(post)
        return [
            Recorded(
                kind,
                await self.exchange(kind.example),
                tuple([await self.exchange(one) for one in kind.refused]),
            )
            for kind in KINDS
        ]

    async def exchange(self, post: Post) -> Exchange:
        """Post it, and wait until all that follows from it is done."""
        sent = self._filled(post.body)
        reply = await self.server.post(post.by, sent)
        assert reply.status == post.status, f"{sent}: {reply.text}"
        await self.server.drained()
        if post.keep:
            self._keep(post.keep, reply)
        return Exchange(self._plain(sent), reply.status, self._plain(reply.json))

    def _keep(self, name: str, reply: Reply) -> None:
        self._known[f"${name}"] = reply.json["id"]
        if isinstance(reply.json["object"], Mapping):
            self._known[f"${name}.object"] = reply.json["object"].get("id", "")

    def _filled(self, value: Any) -> Any:
        text = _NAME.sub(lambda name: self._known[name[0]], json.dumps(value))
        return json.loads(text)

    def _plain(self, value: Any) -> Any:
        text = json.dumps(value).replace(self.server.origin, ORIGIN)
        text = _UNIQUE.sub(lambda id_: self._number(id_[0]), text)
        told = json.loads(_DATE.sub("2026-01-02T03:04:05Z", text))
        if isinstance(told, dict) and "instance" in told:
            told["instance"] = "urn:request:0123456789ab"
        return told

    def _number(self, id_: str) -> str:
        return self._shown.setdefault(id_, str(len(self._shown) + 1))


def page(by_hand: str, recorded: Iterable[Recorded], tests: Mapping[str, list[str]]) -> str:
    """The whole page."""
    return by_hand + MARK + "\n" + "\n".join(_section(one, tests) for one in recorded)


def by_hand() -> str:
    """The part of the page before the tables."""
    return PAGE.read_text().split(MARK)[0]


def _section(one: Recorded, tests: Mapping[str, list[str]]) -> str:
    kind, example = one.kind, one.example
    lines = [f"### {kind.title or ', '.join(kind.types)}", "", "| | |", "|---|---|"]
    if kind.title and kind.types:
        lines.append(f"| types | {', '.join(f'`{type_}`' for type_ in kind.types)} |")
    lines += [f"| accepted | {kind.accepted} |", f"| done | {kind.done} |"]
    lines += [f"| delivered | {kind.delivered} |", f"| tests | {_tests(kind, tests)} |", ""]
    lines += ["```json", pretty(example.sent), "```", "", f"{example.status}:", ""]
    lines += ["```json", pretty(example.answer), "```", ""]
    if one.refused:
        lines += ["| posted | answer | at | says |", "|---|---|---|---|"]
        lines += [_refusal(each) for each in one.refused]
        lines.append("")
    return "\n".join(lines)


def _tests(kind: Kind, tests: Mapping[str, list[str]]) -> str:
    files = {test.partition("::")[0] for id_ in kind.ids for test in tests.get(id_, [])}
    names = ", ".join(f"`{file.removeprefix('tests/')}`" for file in sorted(files))
    return f"{', '.join(kind.ids)}: {names}"


def _refusal(one: Exchange) -> str:
    sent = json.dumps(one.sent, ensure_ascii=False).replace("|", "\\|")
    pointer = f"`{one.answer['pointer']}`" if "pointer" in one.answer else ""
    said = one.answer["detail"].replace("|", "\\|")
    return f"| `{sent}` | {one.status} `{one.answer['kind']}` | {pointer} | {said} |"


def pretty(value: Any, indent: str = "") -> str:
    """JSON for readers: what fits into a line stands in one."""
    line = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, dict | list) or not value or len(indent) + len(line) <= _WIDTH:
        return line
    inner = indent + "  "
    if isinstance(value, dict):
        parts = [f"{json.dumps(name)}: {pretty(one, inner)}" for name, one in value.items()]
        start, end = "{", "}"
    else:
        parts = [pretty(one, inner) for one in value]
        start, end = "[", "]"
    return f"{start}\n{inner}" + f",\n{inner}".join(parts) + f"\n{indent}{end}"


async def _recorded(folder: Path, dsn: str) -> list[Recorded]:
    connection = await asyncpg.connect(dsn)
    await connection.execute("CREATE DATABASE api")
    await connection.close()
    await store.migrate(database_dsn(dsn, "api"))
    server = Server.running(database_dsn(dsn, "api"), folder / "server", ACTORS, {})
    async with server as running:
        return await Recorder(running).all()


def current_page() -> str:
    """The page as a server of this checkout answers; it is started and stopped."""
    folder = Path(tempfile.mkdtemp(prefix="apserver-api-"))
    folder.chmod(0o711)
    postgres = EmbeddedPostgres(folder / "data")
    postgres.start()
    try:
        return page(by_hand(), asyncio.run(_recorded(folder, postgres.dsn)), coverage_here())
    finally:
        postgres.stop()
        shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    """The command line of this module."""
    parser = argparse.ArgumentParser(prog="python -m tests.meta.api")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.relative_to(ROOT)}")
    if parser.parse_args().write:
        PAGE.write_text(current_page())
    else:
        print(current_page(), end="")


if __name__ == "__main__":
    main()
