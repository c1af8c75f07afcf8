"""What cannot be used is refused with the place, the key, the value seen and what is allowed."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from apserver.config import load
from apserver.errors import ConfigProblem

ORIGIN = "https://social.example"

# Key as messages name it, a value in TOML that is refused, and a word of what is allowed.
BAD_VALUES = [
    ("origin", '"social.example"', "scheme://host[:port]"),
    ("origin", '"https://social.example/"', "scheme://host[:port]"),
    ("origin", '"https://social.example/path"', "scheme://host[:port]"),
    ("origin", '"https://social.example?q"', "scheme://host[:port]"),
    ("origin", '"https://ann@social.example"', "scheme://host[:port]"),
    ("origin", '"https://social.example:0"', "scheme://host[:port]"),
    ("origin", '"https://social.example:65536"', "scheme://host[:port]"),
    ("origin", '"https://social.example:"', "scheme://host[:port]"),
    ("origin", '"https://[::g]"', "scheme://host[:port]"),
    ("origin", '"https://-a.example"', "scheme://host[:port]"),
    ("origin", '"ftp://social.example"', "scheme://host[:port]"),
    ("origin", '"https://so cial.example"', "scheme://host[:port]"),
    ("origin", "1", "scheme://host[:port]"),
    ("handle_host", '"https://example.org"', "host[:port]"),
    ("handle_host", '"@example.org"', "host[:port]"),
    ("listen", '"8080"', "IP address and port"),
    ("listen", '"localhost:8080"', "IP address and port"),
    ("listen", '"127.0.0.1"', "IP address and port"),
    ("listen", '"127.0.0.1:65536"', "IP address and port"),
    ("listen", '"127.0.0.1:-1"', "IP address and port"),
    ("listen", '"::1:8080"', "IP address and port"),
    ("listen", "8080", "IP address and port"),
    ("data_dir", "true", "a path"),
    ("[server] trusted_proxies", '"10.0.0.0/8"', "CIDR"),
    ("[server] trusted_proxies", '["proxy.example"]', "CIDR"),
    ("[tls] cert", '"nowhere.pem"', "the path of an existing file"),
    ("[tls] key", "true", "the path of an existing file"),
    ("[federation] mode", '"allowlist"', '"open" or "closed"'),
    ("[federation] allow_http", '"yes"', "true or false"),
    ("[federation] allow_http", "1", "true or false"),
    ("[federation] allow_networks", '"127.0.0.0/8"', "CIDR"),
    ("[federation] allow_networks", '["127.0.0.1/8"]', "CIDR"),
    ("[federation] allow_networks", '["localhost"]', "CIDR"),
    ("[federation] allow_networks", "[1]", "CIDR"),
    ("[federation] dns_servers", '"dns.example"', "IP addresses"),
    ("[federation] dns_servers", '["dns.example"]', "IP addresses"),
    ("[federation] dns_servers", '["9.9.9.9:99999"]', "IP addresses"),
    ("[federation] ca_file", '"nowhere.pem"', "the path of an existing file"),
    ("[federation] signature", '"draft-cavage"', '"cavage" or "rfc9421"'),
    ("[federation] signature", "true", '"cavage" or "rfc9421"'),
    ("[limits] requests_per_minute", "-1", "0 or more"),
    ("[limits] requests_per_minute", '"many"', "0 or more"),
    ("[limits] requests_per_minute", "1.5", "0 or more"),
    ("[limits] requests_per_minute", "true", "0 or more"),
    ("[retention] remote_days", "-1", "0 or more"),
    ("[retention] receipts_days", '"1 year"', "0 or more"),
    ("[retention] rows_per_host", "-5", "0 or more"),
    ("[hooks] check", '"spam.check"', "module:function"),
    ("[hooks] on_failure", '"ignore"', '"accept" or "refuse"'),
    ("[log] level", '"loud"', '"debug", "info", "warning" or "error"'),
    ("[log] level", '"INFO"', '"debug", "info", "warning" or "error"'),
    ("[log] format", '"xml"', '"human" or "json"'),
]


def problem(tmp_path: Path, text: str | None = None, **environ: str) -> str:
    """The message for a file with *text* and for an environment."""
    if text is not None:
        (tmp_path / "config.toml").write_text(text)
    with pytest.raises(ConfigProblem) as refused:
        load(None, environ, cwd=tmp_path)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def file_with(label: str, value: str) -> str:
    section, _, name = label.rpartition(" ")
    base = "" if name == "origin" else f'origin = "{ORIGIN}"\n'
    return f"{base}{section}\n{name} = {value}\n"


@pytest.mark.parametrize(("label", "value", "allowed"), BAD_VALUES)
def test_a_bad_value_in_the_file(label: str, value: str, allowed: str, tmp_path: Path) -> None:
    message = problem(tmp_path, file_with(label, value))
    assert str(tmp_path / "config.toml") in message
    assert f"{label} = {value}" in message
    assert allowed in message.partition("Allowed:")[2]


@pytest.mark.parametrize(
    ("label", "value", "allowed"), [case for case in BAD_VALUES if case[1].startswith(('"', "-"))]
)
def test_a_bad_value_in_the_environment(
    label: str, value: str, allowed: str, tmp_path: Path
) -> None:
    text = str(json.loads(value))
    if label in ("[federation] allow_networks", "[server] trusted_proxies"):
        text = "127.0.0.1/8"  # one network is a list there, but this one has host bits set
    variable = "APSERVER__" + label.strip("[").replace("] ", "__").upper()
    message = problem(tmp_path, **{"APSERVER__ORIGIN": ORIGIN, variable: text})
    assert message.startswith(f"{variable}: {label} = ")
    assert text in message
    assert allowed in message.partition("Allowed:")[2]


def test_an_unknown_key_names_the_nearest(tmp_path: Path) -> None:
    message = problem(tmp_path, f'origin = "{ORIGIN}"\n[log]\nlevle = "debug"\n')
    assert str(tmp_path / "config.toml") in message
    assert '[log] levle = "debug"' in message
    assert "Did you mean [log] level?" in message
    assert "level, format" in message


def test_a_key_below_the_wrong_section_is_told_its_place(tmp_path: Path) -> None:
    message = problem(tmp_path, f'[log]\norigin = "{ORIGIN}"\n')
    assert "unknown key [log] origin" in message
    assert "Did you mean origin (above the first section)?" in message
    message = problem(tmp_path, f'origin = "{ORIGIN}"\nlevel = "debug"\n')
    assert "Did you mean [log] level?" in message


def test_an_unknown_key_that_resembles_nothing_lists_what_is_known(tmp_path: Path) -> None:
    message = problem(tmp_path, "zzz = 1\n")
    assert "Did you mean" not in message
    assert "origin, handle_host, listen, data_dir" in message


def test_an_unknown_section_names_the_nearest(tmp_path: Path) -> None:
    message = problem(tmp_path, '[logs]\nlevel = "debug"\n')
    assert "unknown section [logs]. Did you mean [log]?" in message
    assert "database, federation, limits, retention, hooks, log" in message


def test_a_section_that_is_a_value(tmp_path: Path) -> None:
    assert 'log = "debug" is not allowed' in problem(tmp_path, 'log = "debug"\n')


def test_an_unknown_variable_names_the_nearest(tmp_path: Path) -> None:
    message = problem(tmp_path, APSERVER__ORIGIN=ORIGIN, APSERVER__LOG__LEVLE="debug")
    assert message.startswith("APSERVER__LOG__LEVLE: unknown variable")
    assert '"debug"' in message
    assert "Did you mean APSERVER__LOG__LEVEL?" in message
    assert "APSERVER__LIMITS__REQUESTS_PER_MINUTE" in message


def test_broken_toml_gives_file_and_line(tmp_path: Path) -> None:
    message = problem(tmp_path, f'origin = "{ORIGIN}"\n\nlisten = 127.0.0.1:8080\n')
    assert str(tmp_path / "config.toml") in message
    assert "line 3" in message


def test_a_section_that_stands_twice(tmp_path: Path) -> None:
    """As when the lines of a page are added to the file that `init` wrote."""
    message = problem(tmp_path, f'origin = "{ORIGIN}"\n[hooks]\n[hooks]\ncheck = "a:b"\n')
    assert message.endswith("Each [section] stands once: put the keys into the one that is there")


def test_a_file_that_is_not_text(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_bytes(b"origin = '\xff'\n")
    assert "not valid TOML" in problem(tmp_path)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "config.toml").mkdir()
    message = problem(tmp_path)
    assert str(tmp_path / "config.toml") in message
    assert os.strerror(21) in message


@pytest.mark.parametrize("by", ["--config", "APSERVER_CONFIG"])
def test_a_named_file_must_exist(by: str, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(f'origin = "{ORIGIN}"\n')
    option, environ = ("no.toml", {}) if by == "--config" else (None, {by: "no.toml"})
    with pytest.raises(ConfigProblem, match=f"no.toml: there is no such file; {by} names it"):
        load(option, environ, cwd=tmp_path)


def test_an_origin_is_required(tmp_path: Path) -> None:
    for text in (None, 'origin = ""\n'):
        message = problem(tmp_path, text)
        assert message.startswith("origin is not set.")
        assert "apserver init https://" in message


def test_http_needs_leave(tmp_path: Path) -> None:
    message = problem(tmp_path, 'origin = "http://127.0.0.1:8080"\n')
    assert str(tmp_path / "config.toml") in message
    assert 'origin = "http://127.0.0.1:8080" is not allowed' in message
    assert "allow_http = true" in message
    environ = {"APSERVER__FEDERATION__ALLOW_HTTP": "true"}
    assert load(None, environ, cwd=tmp_path).origin == "http://127.0.0.1:8080"


@pytest.mark.parametrize(
    ("text", "environ"),
    [
        ('[database]\nurl = "mysql://ann:hunter2@db/x"\n', {}),
        ('[database]\npassword = "hunter2"\n', {}),
        ('database_url = "postgresql://ann:hunter2@db/x"\n', {}),
        (None, {"APSERVER__DATABASE__URL": "ann:hunter2@db"}),
        (None, {"APSERVER__DATABASE__PASSWORD": "hunter2"}),
        (None, {"APSERVER__DB": "postgresql://ann:hunter2@db/x"}),
    ],
)
def test_passwords_are_not_repeated(
    text: str | None, environ: dict[str, str], tmp_path: Path
) -> None:
    message = problem(tmp_path, text, **environ)
    assert "(hidden)" in message
    assert "hunter2" not in message


def test_a_long_value_is_cut(tmp_path: Path) -> None:
    assert len(problem(tmp_path, f'origin = "{"x" * 10_000}"\n')) < 500
