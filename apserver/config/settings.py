"""The settings as values, and how they are settled from what was given and from defaults."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from apserver.config.keys import BY_DOTTED, KEYS, PREFIX, Key
from apserver.config.sources import NOTHING, Given, Place, read, seen
from apserver.config.tables import TABLES, TABLES_BY_NAME
from apserver.config.values import split_listen
from apserver.core.custom_streams import CustomStream
from apserver.core.flags import Flag
from apserver.core.origin import Network, host_of
from apserver.core.reach import NameServer
from apserver.core.registry import Registry
from apserver.core.things import Things, ThingType, fill, names_in
from apserver.core.verbs import Verb, Verbs
from apserver.errors import ConfigProblem


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """`[server]`: whose word on the client's address is taken."""

    trusted_proxies: tuple[Network, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """`[tls]`: both files, or neither when a proxy does TLS."""

    cert: Path | None
    key: Path | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """`[database]`. An empty url means the embedded server."""

    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Federation:
    """`[federation]`: whom we deal with, what outgoing requests may reach, how they are signed."""

    allow_http: bool
    allow_networks: tuple[Network, ...]
    dns_servers: tuple[NameServer, ...]
    ca_file: Path | None
    signature: Literal["cavage", "rfc9421"]
    mode: Literal["open", "closed"]
    authorized_fetch: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """`[limits]`. Zero requests per minute means no limit."""

    requests_per_minute: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """`[retention]`: how long to keep what, in days, and rows of one host; 0 for no limit."""

    remote_days: int
    receipts_days: int
    reports_days: int
    rows_per_host: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Hooks:
    """`[hooks]`: functions of the site's own, as ``module:function``."""

    check: str
    on_failure: Literal["accept", "refuse"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """`[log]`: the words of the table."""

    level: str
    format: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings, checked. Each field is the key of that name in `KEYS`, or one of `TABLES`."""

    origin: str
    handle_host: str
    listen: str
    data_dir: Path
    server: Server
    tls: Tls
    database: Database
    federation: Federation
    limits: Limits
    retention: Retention
    hooks: Hooks
    log: Log
    verbs: tuple[Verb, ...]
    flags: tuple[Flag, ...]
    things: tuple[ThingType, ...]
    streams: tuple[CustomStream, ...]

    @property
    def listen_address(self) -> tuple[str, int]:
        """`listen` as (IP address, port)."""
        return split_listen(self.listen)

    @property
    def registry(self) -> Registry:
        """What the tables register, as rules and readers use it."""
        return Registry(
            verbs=Verbs(self.verbs),
            flags={flag.name: flag for flag in self.flags},
            things=Things(self.things, self.origin),
            streams={stream.slug: stream for stream in self.streams},
        )

    def plain(self) -> dict[str, Any]:
        """The values in their TOML types, by dotted key."""
        return {key.dotted: self._plain(key) for key in KEYS}

    def entries(self) -> dict[str, dict[str, dict[str, Any]]]:
        """The entries of each table in their TOML types, by name."""
        return {table.name: table.plain(getattr(self, table.name)) for table in TABLES}

    def _plain(self, key: Key) -> Any:
        value = getattr(getattr(self, key.section) if key.section else self, key.name)
        if key.kind == "list":
            return [str(item) for item in value]
        return ("" if value is None else str(value)) if key.kind == "path" else value

    def to_json(self) -> str:
        """One JSON object by dotted key, as workers get it; `from_json` reads it back."""
        return json.dumps(self.plain() | self.entries())

    @classmethod
    def from_json(cls, text: str) -> Settings:
        """The settings that `to_json` wrote."""
        place = Place("settings of the parent process", base=Path("/"))
        plain: dict[str, Any] = json.loads(text)
        tables = {name: plain.pop(name) for name in TABLES_BY_NAME}
        given = {name: place.take(BY_DOTTED[name], plain[name]) for name in plain}
        given |= {name: place.take_table(TABLES_BY_NAME[name], tables[name]) for name in tables}
        return settle(given)


def load(
    config_file: str | None,
    environ: Mapping[str, str],
    *,
    cwd: Path,
    overrides: Mapping[str, str] = NOTHING,
) -> Settings:
    """Settings of a command. ``overrides`` are options of the command line, by dotted key."""
    given = read(config_file, environ, cwd=cwd, overrides=overrides)
    return settle(given, {"data_dir": default_data_dir(environ)})


def settle(given: Mapping[str, Given], defaults: Mapping[str, Any] = NOTHING) -> Settings:
    """Fill what was not given, from ``defaults`` and then from the table, and check the whole."""
    values = {key.dotted: key.default_value for key in KEYS if not key.computed}
    values |= {table.name: () for table in TABLES}
    values |= defaults
    values |= {name: item.value for name, item in given.items()}
    if "origin" not in values:
        raise ConfigProblem(
            'origin is not set. Run "apserver init https://YOUR.HOST" to write config.toml, '
            f"name a file by --config, or set {PREFIX}ORIGIN"
        )
    values.setdefault("handle_host", host_of(values["origin"]))
    if values["origin"].startswith("http:") and not values["federation.allow_http"]:
        where = given["origin"].where if "origin" in given else "the default"
        raise ConfigProblem(
            f"{where}: origin = {seen(values['origin'])} is not allowed. Allowed: an origin that "
            "starts with https://. For trying things on one machine, set allow_http = true "
            "under [federation]"
        )
    _check_tls(values)
    _check_things(values)
    return _settings(values)


def _check_things(values: Mapping[str, Any]) -> None:
    things = Things(values["things"], values["origin"])
    for one in things.configured:
        if things.find(fill(one.iri, dict.fromkeys(names_in(one.iri), "1"))) is None:
            raise ConfigProblem(
                f"[things.{one.kind}] iri = {seen(one.iri)} is not allowed: apserver has ids of "
                "its own there. Allowed: another path"
            )
    _check_templates(things.configured)


def _check_templates(configured: Sequence[ThingType]) -> None:
    """An IRI is of the first type that it fits, so that nothing would be of the second of two with
    the same template, whatever they call its names."""
    by_shape: dict[str, ThingType] = {}
    for one in configured:
        shape = fill(one.iri, dict.fromkeys(names_in(one.iri), "{}"))
        before = by_shape.setdefault(shape, one)
        if before is not one:
            raise ConfigProblem(
                f"[things.{one.kind}] iri = {seen(one.iri)} fits just what [things.{before.kind}] "
                f"iri = {seen(before.iri)} does. Allowed: a template of its own for each, or one "
                "section for both"
            )


def _check_tls(values: Mapping[str, Any]) -> None:
    given = [name for name in ("cert", "key") if values[f"tls.{name}"] is not None]
    if len(given) == 1:
        [missing] = {"cert", "key"} - set(given)
        raise ConfigProblem(
            f"[tls] {given[0]} is set and {missing} is not. Set both, or neither when a proxy "
            "does TLS"
        )
    if given and values["origin"].startswith("http:"):
        raise ConfigProblem(
            f"[tls] is set, but origin = {seen(values['origin'])}. Allowed: an origin that starts "
            "with https://, or no [tls]"
        )


def _settings(values: Mapping[str, Any]) -> Settings:
    def of(section: str) -> dict[str, Any]:
        return {key.name: values[key.dotted] for key in KEYS if key.section == section}

    return Settings(
        **of(""),
        server=Server(**of("server")),
        tls=Tls(**of("tls")),
        database=Database(**of("database")),
        federation=Federation(**of("federation")),
        limits=Limits(**of("limits")),
        retention=Retention(**of("retention")),
        hooks=Hooks(**of("hooks")),
        log=Log(**of("log")),
        **{table.name: values[table.name] for table in TABLES},
    )


def default_data_dir(environ: Mapping[str, str], name: str = "apserver") -> Path:
    """`/var/lib/NAME` for root, else the place of the XDG Base Directory Specification."""
    if os.geteuid() == 0:
        return Path("/var/lib") / name
    shared = environ.get("XDG_DATA_HOME", "")
    home = Path(environ.get("HOME") or Path.home())
    # A relative XDG_DATA_HOME is to be ignored, says the specification.
    return (Path(shared) if shared.startswith("/") else home / ".local/share") / name
