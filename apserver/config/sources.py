"""Reads the configuration file and the environment into checked values.

Every message names the place (file, variable or option), the key, the value seen and what is
allowed. Values of secret keys and passwords in URLs are never repeated.
"""

from __future__ import annotations

import difflib
import json
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from apserver.config.keys import BY_DOTTED, BY_VARIABLE, KEYS, PREFIX, SECTIONS, Key, Kind
from apserver.config.tables import TABLES, TABLES_BY_NAME, Table
from apserver.config.values import without_password
from apserver.errors import ConfigProblem

FILE_NAME = "config.toml"
FILE_VARIABLE = "APSERVER_CONFIG"
NOTHING: Mapping[str, Any] = MappingProxyType({})
SHOWN = 100  #: characters of a value that a message repeats


@dataclass(frozen=True, slots=True)
class Given:
    """A checked value, and the place that it comes from: a file, a variable, an option."""

    value: Any
    where: str


def read(
    config_file: str | None,
    environ: Mapping[str, str],
    *,
    cwd: Path,
    overrides: Mapping[str, str] = NOTHING,
) -> dict[str, Given]:
    """What was set, by dotted key, and tables by name, without defaults."""
    path = find_file(config_file, environ, cwd=cwd)
    given = {} if path is None else _from_file(path)
    given |= _from_environment(environ, cwd)
    for name, text in overrides.items():
        given[name] = Place(f"--{name}", base=cwd).take_text(BY_DOTTED[name], text)
    # An empty text leaves a computed key open, as its absence does.
    return {
        name: item
        for name, item in given.items()
        if item.value != "" or name not in BY_DOTTED or not BY_DOTTED[name].computed
    }


def find_file(config_file: str | None, environ: Mapping[str, str], *, cwd: Path) -> Path | None:
    """The file to read: the one named, or ./config.toml when there is one, or none."""
    named = config_file or environ.get(FILE_VARIABLE)
    path = cwd / (named or FILE_NAME)
    try:
        if path.exists():
            return path
    except OSError as error:
        raise _unreadable(path, error) from error
    if named:
        by = "--config" if config_file else FILE_VARIABLE
        raise ConfigProblem(
            f"{path}: there is no such file; {by} names it. Mend the name, or run "
            '"apserver init https://YOUR.HOST" to write it'
        )
    return None


def _from_file(path: Path) -> dict[str, Given]:
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise _unreadable(path, error) from error
    except ValueError as error:  # TOMLDecodeError and UnicodeDecodeError
        twice = "Cannot declare" in str(error)
        cure = ". Each [section] stands once: put the keys into the one that is there"
        raise ConfigProblem(f"{path}: not valid TOML: {error}{cure if twice else ''}") from error
    place = Place(str(path), base=path.parent)
    named = {name: value for name, value in document.items() if name in TABLES_BY_NAME}
    given = {name: place.take_table(TABLES_BY_NAME[name], value) for name, value in named.items()}
    plain = {name: value for name, value in document.items() if name not in named}
    for section, name, value in _flat(plain, place):
        key = place.key(section, name, value)
        given[key.dotted] = place.take(key, value)
    return given


def _unreadable(path: Path, error: OSError) -> ConfigProblem:
    return ConfigProblem(
        f"{path}: cannot be read: {error.strerror}. Let this user read it, run apserver as the "
        "user that owns it, or name another file by --config"
    )


def _flat(document: Mapping[str, Any], place: Place) -> Iterator[tuple[str, str, Any]]:
    """(section, key, value) of each setting; the section is "" at the top level."""
    for name, value in document.items():
        if not isinstance(value, dict) and name not in SECTIONS:
            yield "", name, value
            continue
        place.check_section(name, value)
        for inner, inner_value in value.items():
            yield name, inner, inner_value


def _from_environment(environ: Mapping[str, str], cwd: Path) -> dict[str, Given]:
    given = {}
    tables = {table.variable: table for table in TABLES}
    for variable in sorted(name for name in environ if name.startswith(PREFIX)):
        if variable in tables:
            place = Place(variable, base=cwd)
            given[tables[variable].name] = place.take_table_text(
                tables[variable], environ[variable]
            )
            continue
        if variable not in BY_VARIABLE:
            shown = "(hidden)" if "DATABASE" in variable.upper() else seen(environ[variable])
            raise ConfigProblem(
                f"{variable}: unknown variable, with the value {shown}."
                f"{_hint(variable.upper(), [*BY_VARIABLE, *tables])} "
                f"Known: {', '.join([*BY_VARIABLE, *tables])}"
            )
        key = BY_VARIABLE[variable]
        given[key.dotted] = Place(variable, base=cwd).take_text(key, environ[variable])
    return given


@dataclass(frozen=True, slots=True)
class Place:
    """Where values stand: its name for messages, and the folder where relative paths start."""

    where: str
    base: Path = field(kw_only=True)

    def check_section(self, name: str, value: object) -> None:
        """That the section exists and is one; or ConfigProblem."""
        if name not in SECTIONS:
            known = [*SECTIONS, *TABLES_BY_NAME]
            raise ConfigProblem(
                f"{self.where}: unknown section [{name}].{_hint(name, known, '[{}]')} "
                f"Known sections: {', '.join(known)}"
            )
        if not isinstance(value, dict):
            raise ConfigProblem(
                f"{self.where}: {name} = {seen(value)} is not allowed. Allowed: "
                f"a section [{name}] with the keys {_known(name)}"
            )

    def key(self, section: str, name: str, value: object) -> Key:
        """The key of that name; or ConfigProblem with the nearest one."""
        key = BY_DOTTED.get(f"{section}.{name}" if section else name)
        if key is not None:
            return key
        label = f"[{section}] {name}" if section else name
        shown = "(hidden)" if section == "database" else seen(value)
        raise ConfigProblem(
            f"{self.where}: unknown key {label} = {shown}.{_key_hint(name)} "
            f"Known keys {f'of [{section}]' if section else 'at the top level'}: {_known(section)}"
        )

    def take_text(self, key: Key, text: str) -> Given:
        """The checked value from the environment or an option, where all is text."""
        try:
            return self.take(key, _from_text(key.kind, text))
        except ValueError as error:
            raise self._problem(key, text) from error

    def take(self, key: Key, value: object) -> Given:
        """The checked value, which has its TOML type."""
        try:
            typed = _typed(key.kind, value)
            if typed == "" and key.computed:
                return Given(typed, self.where)
            if key.kind == "path":
                typed = self.base / Path(typed).expanduser() if typed else None
            return Given(key.check(typed), self.where)
        except (ValueError, RuntimeError) as error:  # RuntimeError: "~name" of nobody
            raise self._problem(key, value) from error

    def take_table(self, table: Table, value: object) -> Given:
        """All entries of a table."""
        if not isinstance(value, dict):
            raise ConfigProblem(
                f"{self.where}: {table.name} = {seen(value)} is not allowed. Allowed: "
                f"sections such as {table.label(table.example)}"
            )
        entries = tuple(self._entry(table, name, entry) for name, entry in value.items())
        return Given(entries, self.where)

    def take_table_text(self, table: Table, text: str) -> Given:
        """All entries of a table from the environment: one JSON object."""
        try:
            value = json.loads(text or "{}")
        except ValueError as error:
            raise ConfigProblem(f"{self.where}: {seen(text)} is not JSON: {error}") from error
        return self.take_table(table, value)

    def _entry(self, table: Table, name: str, value: object) -> Any:
        """One entry of a table, checked."""
        label = table.label(name)
        keys = table.keys_of(name)
        if not isinstance(value, dict):
            raise ConfigProblem(
                f"{self.where}: {table.name}.{name} = {seen(value)} is not allowed. Allowed: "
                f"a section {label} with the keys {', '.join(keys)}"
            )
        try:
            members = {table.entry: table.check_name(name)}
        except ValueError as error:
            raise ConfigProblem(
                f"{self.where}: {label}: this name is not allowed. Allowed: {table.allowed}"
            ) from error
        for one, given in value.items():
            if one not in keys:
                raise ConfigProblem(
                    f"{self.where}: unknown key {label} {one} = {seen(given)}."
                    f"{_hint(one, keys, label + ' {}')} Known keys of {label}: {', '.join(keys)}"
                )
            members[one] = self.take(keys[one], given).value
        return self._made(table, label, members)

    def _made(self, table: Table, label: str, members: dict[str, Any]) -> Any:
        for key in table.keys:
            if key.computed and not members.get(key.name):
                raise ConfigProblem(
                    f"{self.where}: {label} {key.name} is not set. Allowed: {key.allowed}"
                )
            if key.name not in members:
                members[key.name] = key.default_value
        try:
            return table.make(**members)
        except ValueError as error:
            raise ConfigProblem(f"{self.where}: {label}: {error}") from error

    def _problem(self, key: Key, value: object) -> ConfigProblem:
        shown = "(hidden)" if key.secret else seen(value)
        return ConfigProblem(
            f"{self.where}: {key.label} = {shown} is not allowed. Allowed: {key.allowed}"
        )


def _from_text(kind: Kind, text: str) -> object:
    if kind == "boolean":
        return {"true": True, "false": False}.get(text.lower(), text)
    if kind == "integer":
        return int(text)
    if kind == "list":
        if text.lstrip().startswith("["):
            return json.loads(text)
        return [item.strip() for item in text.split(",") if item.strip()]
    return text


def _typed(kind: Kind, value: object) -> Any:
    """The value when it has the TOML type of the kind; or ValueError."""
    if kind == "tables":
        return [_typed("table", item) for item in _typed_as(list, value)]
    if kind == "table":
        table = _typed_as(dict, value)
        return {name: _typed_as(str, item) for name, item in table.items()}
    if kind == "list":
        return [_typed_as(str, item) for item in _typed_as(list, value)]
    return _typed_as({"boolean": bool, "integer": int}.get(kind, str), value)


def _typed_as(expected: type, value: object) -> Any:
    if type(value) is not expected:  # isinstance would take true for a number
        raise ValueError(value)
    return value


def seen(value: object) -> str:
    """A value for a message: short, on one line, without the password of a URL."""
    text = json.dumps(value, default=str, ensure_ascii=False)
    text = without_password(text)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def _hint(name: str, known: Iterable[str], form: str = "{}") -> str:
    close = difflib.get_close_matches(name, list(known), n=1)
    return f" Did you mean {form.format(close[0])}?" if close else ""


def _key_hint(name: str) -> str:
    # All sections: a key of the right name in the wrong section is the usual slip with TOML.
    labels = {key.name: key.label for key in KEYS}
    close = difflib.get_close_matches(name, labels, n=1)
    if not close:
        return ""
    top = " (above the first section)" if not labels[close[0]].startswith("[") else ""
    return f" Did you mean {labels[close[0]]}{top}?"


def _known(section: str) -> str:
    return ", ".join(key.name for key in KEYS if key.section == section)
