"""The documents that are rendered from the code.

`python -m apserver.cli.reference` writes them into the project, when run at its root. A test
fails when they differ from the code.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from apserver.cli import build_parser
from apserver.cli.example import render_example, toml, wrap
from apserver.cli.parser import Parser
from apserver.config import FILE_NAME, FILE_VARIABLE, KEYS, TABLES, Key, Table

NOTE = "<!-- Written by `python -m apserver.cli.reference`. Do not edit. -->\n"

CONFIGURATION = f"""\
# Configuration

For whoever runs a server. Every key, where it can be set, and what it takes.

{NOTE}
## Where settings come from

The first of these that has a value decides:

1. an option of the command, such as `apserver try --listen 127.0.0.1:9090`;
2. the environment: `APSERVER__SECTION__KEY`, without a section `APSERVER__KEY`;
3. the file, in TOML: the one named by `--config FILE` (before or after the sub-command), else
   by `{FILE_VARIABLE}`, else `./{FILE_NAME}` when there is one;
4. the default.

```sh
apserver init https://social.example.org       # writes ./{FILE_NAME}, every key explained
APSERVER__LOG__LEVEL=debug apserver serve      # one setting for one run
```

In the environment, a list is written with commas (`10.0.0.0/8, fd00::/8`) or as JSON, a table of
named entries as one JSON object (`APSERVER__FLAGS='{{"mute": {{"mutes": true}}}}'`), and `true` and
`false` are the booleans. Relative paths start at the folder of the file, and those
from the environment at the current folder.

`apserver try` needs no file. Its defaults differ: `origin` is `http://` with the address of
`listen`, `allow_http` is true, `allow_networks` is loopback, and `data_dir` is
`apserver-try` in place of `apserver`.

## Keys
"""

NAMED = """
## Named entries

Each entry of these has a name of your own. In TOML, a name with spaces stands in quotes.
"""

TROUBLE = """
## If it fails

An unknown key, a bad value, or a file that was named and is not there ends the command with exit
code 78. The message names the file or variable, the key, the value seen and the values allowed:

```text
apserver: /etc/apserver/config.toml: [log] level = "loud" is not allowed. Allowed: "debug", "info", "warning" or "error"
apserver: /etc/apserver/config.toml: unknown key [log] levle = "debug". Did you mean [log] level? Known keys of [log]: level, format
```

TOML reads every key below a `[section]` as part of it, so keys without a section stand at the
top of the file.
"""  # noqa: E501

COMMAND_LINE = f"""\
# Command line

For whoever runs a server. The help text of every command, as `--help` prints it.

{NOTE}
Results go to standard output, with `--json` as one JSON value on one line. Messages go to
standard error: an error is one line, `apserver: …`, with its cure. Commands speak to the
database, so they work while the server runs and when it does not. With `--dry-run` a command that
changes something says what it would do and changes nothing; commands that only read never make a
database or bring one up to date.

What a file or the environment sets is in [configuration.md](configuration.md).
"""


def documents() -> dict[str, str]:
    """Text by path from the root of the project."""
    return {
        "config.example.toml": render_example(),
        "docs/configuration.md": render_configuration(),
        "docs/command-line.md": render_command_line(),
    }


def render_configuration() -> str:
    """The page of all keys."""
    tables = "".join(map(_table, TABLES))
    return CONFIGURATION + "".join(map(_section, KEYS)) + NAMED + tables + TROUBLE


def _table(table: Table) -> str:
    return f"""
### `{table.label(table.example)}`

{wrap(f"{table.doc} {table.comment}")}

- name: {table.allowed}
- variable for all entries: `{table.variable}`, a JSON object

| key | means | allowed | default |
|---|---|---|---|
{"".join(map(_row, table.keys))}"""


def _row(key: Key) -> str:
    default = key.computed or f"`{toml(key.default)}`"
    means = f"{key.doc} {key.comment}".strip()
    return f"| `{key.name}` | {means} | {key.allowed} | {default} |\n"


def _section(key: Key) -> str:
    default = key.computed or f"`{toml(key.default)}`"
    text = wrap(f"{key.doc} {key.comment}")
    return f"""
### `{key.label}`

{text}

- allowed: {key.allowed}
- default: {default}
- variable: `{key.variable}`
"""


def render_command_line() -> str:
    """The page of all help texts."""
    return COMMAND_LINE + "".join(_help(parser) for parser in _all(build_parser()))


def _all(parser: Parser) -> Iterator[Parser]:
    yield parser
    for command in parser.sub_commands():
        yield from _all(command)


def _help(parser: Parser) -> str:
    return f"\n## {parser.prog}\n\n```text\n{parser.format_help()}```\n"


def main() -> None:
    """Write the documents below the current folder."""
    for name, text in documents().items():
        Path(name).write_text(text, "utf-8")


if __name__ == "__main__":
    main()
