"""`apserver config …`: what the settings are, and where each comes from."""

from __future__ import annotations

import argparse
import difflib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from apserver.cli.certificates import check_certificates
from apserver.cli.example import toml
from apserver.cli.output import note, show, show_json, show_table
from apserver.cli.parser import DONE, Commands, add_command, add_json
from apserver.config import (
    BY_DOTTED,
    KEYS,
    TABLES,
    TABLES_BY_NAME,
    Given,
    Key,
    Settings,
    Table,
    default_data_dir,
    find_file,
    read,
    settle,
    without_password,
)
from apserver.errors import ConfigProblem, Refused


def add(commands: Commands) -> None:
    """The group and its commands."""
    summary = "Check, show and explain the settings."
    group = add_command(commands, "config", summary=summary).add_commands()
    parser = add_command(
        group,
        "check",
        summary="Check the configuration.",
        text="Check the file, the environment and what they add up to, with the certificates that "
        "they name. Exit code 0 and the main settings, or 78 and the first problem with its cure. "
        "What lies outside of the configuration is looked at by: apserver doctor",
        example="apserver config check --config /etc/apserver/config.toml",
    )
    add_json(parser)
    parser.set_defaults(run=check)
    parser = add_command(
        group,
        "show",
        summary="Show all settings and where each comes from.",
        text="Show the value of every setting, and where it comes from: a file, a variable of the "
        "environment, or the default. Passwords are hidden.",
        example="apserver config show --json",
    )
    add_json(parser)
    parser.set_defaults(run=show_)
    parser = add_command(
        group,
        "explain",
        summary="Explain one setting.",
        text="Explain one setting: what it does, what is allowed, its default, and what it is now.",
        example="apserver config explain federation.allow_networks",
    )
    parser.add_argument("KEY", help="a key with its section, such as log.level")
    add_json(parser)
    parser.set_defaults(run=explain)


def check(arguments: argparse.Namespace) -> int:
    """`apserver config check`."""
    settings, _ = _effective(arguments)
    check_certificates(settings)
    file = find_file(arguments.config, os.environ, cwd=Path.cwd())
    result = {
        "ok": True,
        "file": None if file is None else str(file),
        "origin": settings.origin,
        "handle_host": settings.handle_host,
        "data_dir": str(settings.data_dir),
        "database": database_in_words(settings),
    }
    show(result, as_json=arguments.json)
    return DONE


def database_in_words(settings: Settings) -> str:
    """Which database it is, without its password."""
    if settings.database.url:
        return without_password(settings.database.url)
    return f"embedded, in {settings.data_dir / 'postgres'}"


def show_(arguments: argparse.Namespace) -> int:
    """`apserver config show`."""
    settings, given = _effective(arguments)
    rows = {key.dotted: _value(key, settings, given) for key in KEYS}
    for table in TABLES:
        rows |= _entries(table, settings, given)
    if arguments.json:
        show_json(rows)
    else:
        lines = [{"key": name, **row, "value": toml(row["value"])} for name, row in rows.items()]
        show_table(lines, ("key", "value", "from"), as_json=False)
    return DONE


def explain(arguments: argparse.Namespace) -> int:
    """`apserver config explain KEY`. Works with a configuration that cannot be used, too."""
    table = TABLES_BY_NAME.get(arguments.KEY.partition(".")[0])
    if table is not None:
        show(_of_table(table, arguments.KEY), as_json=arguments.json)
        return DONE
    key = _key(arguments.KEY)
    result: dict[str, Any] = {
        "key": key.dotted,
        "means": f"{key.doc} {key.comment}",
        "allowed": key.allowed,
        "default": key.computed or key.default,
        "variable": key.variable,
    }
    try:
        settings, given = _effective(arguments)
        result |= _value(key, settings, given)
    except ConfigProblem as problem:
        note(f"the configuration cannot be used now: {problem}")
    if not arguments.json:
        result |= {name: toml(result[name]) for name in ("value",) if name in result}
        result["default"] = key.computed or toml(key.default)
    show(result, as_json=arguments.json)
    return DONE


def _of_table(table: Table, name: str) -> dict[str, Any]:
    """What a table is, or with `verbs.type` what one of its keys is."""
    keys = table.keys_of(table.example)
    key = keys.get(name.rpartition(".")[2])
    if key is not None:
        return {
            "key": key.label,
            "means": f"{key.doc} {key.comment}".strip(),
            "allowed": key.allowed,
            "default": key.computed or toml(key.default),
            "variable": table.variable,
        }
    if name != table.name:
        raise Refused(f"There is no setting {name}. Keys of {table.name}: {', '.join(keys)}")
    return {
        "key": table.label(table.example),
        "means": f"{table.doc} {table.comment}",
        "name": table.allowed,
        "keys": [f"{key.name}: {key.doc} Allowed: {key.allowed}" for key in table.keys],
        "variable": table.variable,
    }


def _key(name: str) -> Key:
    key = BY_DOTTED.get(name)
    if key is None:
        known = [*BY_DOTTED, *TABLES_BY_NAME]
        [close] = difflib.get_close_matches(name, known, n=1) or [""]
        hint = f" Did you mean {close}?" if close else ""
        raise Refused(f"There is no setting {name}.{hint} Settings: {', '.join(known)}")
    return key


def _effective(arguments: argparse.Namespace) -> tuple[Settings, Mapping[str, Given]]:
    """The settings, and those of them that were set, with their places."""
    given = read(arguments.config, os.environ, cwd=Path.cwd())
    return settle(given, {"data_dir": default_data_dir(os.environ)}), given


def _entries(
    table: Table, settings: Settings, given: Mapping[str, Given]
) -> dict[str, dict[str, Any]]:
    """A row for each key of each entry of a table."""
    where = given[table.name].where if table.name in given else "default"
    return {
        f"{table.label(name)[1:-1]}.{key}": {"value": value, "from": where}
        for name, members in settings.entries()[table.name].items()
        for key, value in members.items()
    }


def _value(key: Key, settings: Settings, given: Mapping[str, Given]) -> dict[str, Any]:
    value = settings.plain()[key.dotted]
    return {
        "value": without_password(value) if key.secret else value,
        "from": given[key.dotted].where if key.dotted in given else "default",
    }
