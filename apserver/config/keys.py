"""`KEYS`, the table of all settings, and the only list of them.

It decides what a file or variable may hold. `config.example.toml`, `docs/configuration.md` and
the file that `apserver init` writes are rendered from it (`apserver.cli.reference`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from apserver.config.values import (
    any_value,
    check_database_url,
    check_existing_file,
    check_function,
    check_handle_host,
    check_listen,
    check_name_servers,
    check_networks,
    check_not_negative,
    check_one_of,
    check_origin,
)

PREFIX = "APSERVER__"
#: "table" is one of text, "tables" a list of such.
Kind = Literal["text", "boolean", "integer", "list", "path", "table", "tables"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One setting. ``check`` takes the value in its TOML type and returns the value to use.

    ``computed`` tells in words where the value comes from when the key is absent or empty;
    ``shown`` is then what the example file shows in place of the default.
    """

    name: str
    doc: str
    comment: str
    allowed: str
    kind: Kind = "text"
    section: str = ""
    default: Any = ""
    computed: str = ""
    shown: Any = None
    secret: bool = False
    check: Callable[[Any], Any] = any_value

    @property
    def dotted(self) -> str:
        """`log.level`, or the bare name at the top level."""
        return f"{self.section}.{self.name}" if self.section else self.name

    @property
    def label(self) -> str:
        """How messages and docs name it: `[log] level`."""
        return f"[{self.section}] {self.name}" if self.section else self.name

    @property
    def variable(self) -> str:
        """The environment variable: `APSERVER__LOG__LEVEL`."""
        return PREFIX + self.dotted.replace(".", "__").upper()

    @property
    def default_value(self) -> Any:
        """The default as a value of `Settings`."""
        return self.check(None if self.kind == "path" else self.default)


KEYS = (
    Key(
        name="origin",
        doc="The address under which the world reaches this server.",
        comment="It is part of every id, so it can never change once the server has been used. "
        "With https://, a proxy in front of the server does TLS, or the server itself: see [tls].",
        allowed='scheme://host[:port] without a path, such as "https://social.example.org"',
        computed="none, it must be set",
        shown="https://social.example.org",
        check=check_origin,
    ),
    Key(
        name="handle_host",
        doc="The host in handles: @name@HOST.",
        comment="Set it when handles shall be shorter than the host of the origin: "
        "@ann@example.org for a server at social.example.org. "
        "Then https://example.org/.well-known/webfinger must lead to this server too.",
        allowed='host[:port], such as "example.org"',
        computed="the host and port of origin",
        shown="example.org",
        check=check_handle_host,
    ),
    Key(
        name="listen",
        doc="The address and port that the server listens on.",
        comment="The proxy connects here. Port 0 takes any free port.",
        allowed='IP address and port, such as "127.0.0.1:8080" or "[::1]:8080"',
        default="127.0.0.1:8080",
        check=check_listen,
    ),
    Key(
        name="data_dir",
        kind="path",
        doc="The folder of the secret key and of the embedded database.",
        comment="Back it up. A relative path starts at the folder of the configuration file.",
        allowed="a path",
        computed="/var/lib/apserver for root, else $XDG_DATA_HOME/apserver "
        "or ~/.local/share/apserver",
        shown="/var/lib/apserver",
    ),
    Key(
        section="server",
        name="trusted_proxies",
        kind="list",
        doc="Networks of proxies that say in X-Forwarded-For whom they speak for.",
        comment="Requests are limited by client address. Without proxies here, all that comes "
        "through one counts as one client, and the header of nobody is believed. Forwarded is "
        "never read.",
        allowed='a list of networks in CIDR form, such as ["127.0.0.1", "10.0.0.0/8"]',
        default=[],
        check=check_networks,
    ),
    Key(
        section="tls",
        name="cert",
        kind="path",
        doc="A PEM file: the certificate of this server and those of its authorities.",
        comment="With key, the server speaks TLS 1.2 or later by itself. It is read at the start.",
        allowed='"" or the path of an existing file',
        check=check_existing_file,
    ),
    Key(
        section="tls",
        name="key",
        kind="path",
        doc="A PEM file: the private key that belongs to cert, not encrypted.",
        comment="Only the user that runs the server should be able to read it.",
        allowed='"" or the path of an existing file',
        check=check_existing_file,
    ),
    Key(
        section="database",
        name="url",
        doc="The PostgreSQL database (15 or later). Empty: apserver runs one itself in data_dir.",
        comment="When the URL holds a password, give the file mode 0600 or use the variable.",
        allowed='"" or "postgresql://user@host/database"',
        secret=True,
        check=check_database_url,
    ),
    Key(
        section="federation",
        name="mode",
        doc="Which other servers this one deals with.",
        comment="open: all but those that a domain rule suspends. closed: only those that a rule "
        "allows. Rules are kept in the database: see apserver domain --help.",
        allowed='"open" or "closed"',
        default="open",
        check=check_one_of("open", "closed"),
    ),
    Key(
        section="federation",
        name="allow_http",
        kind="boolean",
        doc="Whether http:// is good enough, for the origin and for other servers.",
        comment="Only for trying things on one machine: nothing is kept secret on the way.",
        allowed="true or false",
        default=False,
    ),
    Key(
        section="federation",
        name="allow_networks",
        kind="list",
        doc="Networks that outgoing requests may reach besides public addresses.",
        comment="Other servers name the addresses that this one calls, so a private network is "
        "closed to outgoing requests unless it stands here.",
        allowed='a list of networks in CIDR form, such as ["127.0.0.0/8", "fd00::/8"]',
        default=[],
        check=check_networks,
    ),
    Key(
        section="federation",
        name="dns_servers",
        kind="list",
        doc="Name servers that find the addresses of other servers.",
        comment="Empty: whatever the system uses, its hosts file too. With servers of its own, the "
        "names that others make this one look up are no matter of the system's resolver.",
        allowed='a list of IP addresses, with a port or without: ["9.9.9.9", "[::1]:5353"]',
        default=[],
        check=check_name_servers,
    ),
    Key(
        section="federation",
        name="ca_file",
        kind="path",
        doc="A PEM file of certificate authorities to trust besides those of the system.",
        comment="For a network with an authority of its own.",
        allowed='"" or the path of an existing file',
        check=check_existing_file,
    ),
    Key(
        section="federation",
        name="signature",
        doc="The scheme that outgoing requests are signed in first.",
        comment="A server that refuses one gets the other at once, and a server that wants "
        "RFC 9421 gets it first from then on. Some servers answer 200 to RFC 9421 and throw "
        "the activity away, so cavage (draft-cavage-http-signatures-12) goes first.",
        allowed='"cavage" or "rfc9421"',
        default="cavage",
        check=check_one_of("cavage", "rfc9421"),
    ),
    Key(
        section="federation",
        name="authorized_fetch",
        kind="boolean",
        doc="Whether documents are shown to those alone who sign the request, or hold a token.",
        comment="Elsewhere called secure mode: a blocked server then reads nothing here. Servers "
        "that do not sign what they ask for read nothing either. Discovery, the server's own "
        "actor, and pages for people stay open.",
        allowed="true or false",
        default=False,
    ),
    Key(
        section="limits",
        name="requests_per_minute",
        kind="integer",
        doc="Requests that one client address, or one actor that signs, may make in a minute; its "
        "whole host may make ten times as many. 0 sets no limit.",
        comment="In an hour a client address may make thirty times as many. Answers tell what is "
        "left in RateLimit and RateLimit-Policy; beyond it they are 429 with Retry-After. Each "
        "worker process counts for itself.",
        allowed="a whole number, 0 or more",
        default=3000,
        check=check_not_negative,
    ),
    Key(
        section="retention",
        name="remote_days",
        kind="integer",
        doc="Days that documents of other servers are kept; 0 keeps them for ever.",
        comment="Objects, actors without a relation to anybody here, keys, and the bytes that "
        "activities came in. An inbox goes on showing the activity, with the id of the object in "
        "place of the object.",
        allowed="a whole number, 0 or more",
        default=90,
        check=check_not_negative,
    ),
    Key(
        section="retention",
        name="receipts_days",
        kind="integer",
        doc="Days that an inbox shows what it received; 0 shows it for ever.",
        comment="Then activities of other servers go too, when no inbox shows them any more.",
        allowed="a whole number, 0 or more",
        default=365,
        check=check_not_negative,
    ),
    Key(
        section="retention",
        name="reports_days",
        kind="integer",
        doc="Days that a report is kept once it is closed; 0 keeps it for ever.",
        comment="With what was reported, as it was then. Open ones are kept until they are closed.",
        allowed="a whole number, 0 or more",
        default=365,
        check=check_not_negative,
    ),
    Key(
        section="retention",
        name="rows_per_host",
        kind="integer",
        doc="The most activities, objects, actors and keys, of each, kept of one host; 0 for all.",
        comment="The oldest go first, whatever their age, so that no server can fill the disk of "
        "this one.",
        allowed="a whole number, 0 or more",
        default=100_000,
        check=check_not_negative,
    ),
    Key(
        section="hooks",
        name="check",
        doc="A function in Python that sees what comes in, and may refuse it; empty for none.",
        comment="Called as check(activity, actor=..., local=...) it answers None, or why not. See "
        "docs/running.md.",
        allowed='"" or "module:function", such as "spamfilter.rules:check"',
        check=check_function,
    ),
    Key(
        section="hooks",
        name="on_failure",
        doc="What happens when it fails, or takes longer than two seconds.",
        comment="accept: it is taken unseen. refuse: it is answered by 503, and sent again later.",
        allowed='"accept" or "refuse"',
        default="accept",
        check=check_one_of("accept", "refuse"),
    ),
    Key(
        section="log",
        name="level",
        doc="The least serious record that is logged.",
        comment="Bodies and tokens are logged at no level.",
        allowed='"debug", "info", "warning" or "error"',
        default="info",
        check=check_one_of("debug", "info", "warning", "error"),
    ),
    Key(
        section="log",
        name="format",
        doc="How a record looks: lines for people, or one JSON object a line.",
        comment="The log goes to standard error.",
        allowed='"human" or "json"',
        default="human",
        check=check_one_of("human", "json"),
    ),
)
#: In the order of the table; the top level is none of them.
SECTIONS = tuple(dict.fromkeys(key.section for key in KEYS if key.section))
BY_DOTTED = {key.dotted: key for key in KEYS}
BY_VARIABLE = {key.variable: key for key in KEYS}
