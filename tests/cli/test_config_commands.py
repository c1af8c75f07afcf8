"""`apserver config check, show, explain`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from apserver.config import KEYS, without_password
from tests.cli.program import apserver
from tests.doubles.authority import Authority

ORIGIN = "https://social.example"


def test_check_says_what_the_settings_come_to(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(f'origin = "{ORIGIN}"\ndata_dir = "data"\n')
    done = apserver("config", "check", "--json", cwd=tmp_path)
    assert (done.code, done.err) == (0, "")
    assert json.loads(done.out) == {
        "ok": True,
        "file": str(tmp_path / "config.toml"),
        "origin": ORIGIN,
        "handle_host": "social.example",
        "data_dir": str(tmp_path / "data"),
        "database": f"embedded, in {tmp_path / 'data/postgres'}",
    }
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("command", ["config check", "serve", "doctor"])
def test_certificates_are_looked_into(command: str, tmp_path: Path) -> None:
    """Files that are there and cannot be used: told before anything is started."""
    files = Authority.at(tmp_path).certify("social.example")
    good = {
        "APSERVER__ORIGIN": ORIGIN,
        "APSERVER__DATA_DIR": "data",
        "APSERVER__TLS__CERT": str(files.cert),
        "APSERVER__TLS__KEY": str(files.key),
        "APSERVER__FEDERATION__CA_FILE": str(tmp_path / "ca.pem"),
    }
    if command == "config check":
        assert apserver(*command.split(), cwd=tmp_path, **good).code == 0
    (tmp_path / "empty.pem").touch()
    empty = str(tmp_path / "empty.pem")
    for variable, label, cure in (
        ("APSERVER__TLS__CERT", "[tls] cert", "cert holds the certificate"),
        ("APSERVER__FEDERATION__CA_FILE", "[federation] ca_file", "It must hold certificates"),
    ):
        done = apserver(*command.split(), cwd=tmp_path, **{**good, variable: empty})
        assert done.code == (1 if command == "doctor" else 78)
        told = " ".join((done.out + done.err).split())
        assert f"{label} = {empty}" in told
        assert cure in told
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("command", ["check", "show"])
def test_exit_78_with_the_problem(command: str, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('[log]\nlevle = "debug"\n')
    done = apserver("config", command, "--json", cwd=tmp_path)
    assert (done.code, done.out) == (78, "")
    assert "Did you mean [log] level?" in done.err


def test_show_tells_where_each_value_comes_from(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(
        f'origin = "{ORIGIN}"\n[limits]\nrequests_per_minute = 7\n[log]\nlevel = "error"\n'
    )
    shown = apserver(
        *("config", "show", "--json", "--config", "mine.toml"),
        cwd=tmp_path,
        APSERVER__LOG__LEVEL="debug",
    )
    values = json.loads(shown.out)
    assert list(values) == [key.dotted for key in KEYS]
    file = str(tmp_path / "mine.toml")
    assert values["origin"] == {"value": ORIGIN, "from": file}
    assert values["limits.requests_per_minute"] == {"value": 7, "from": file}
    assert values["log.level"] == {"value": "debug", "from": "APSERVER__LOG__LEVEL"}
    assert values["handle_host"] == {"value": "social.example", "from": "default"}
    assert values["log.format"] == {"value": "human", "from": "default"}
    lines = apserver("config", "show", "--config", "mine.toml", cwd=tmp_path).out.splitlines()
    assert lines[0].split() == ["key", "value", "from"]
    assert [line.split()[0] for line in lines[1:]] == list(values)


def test_no_command_tells_a_password(tmp_path: Path) -> None:
    url = "postgresql://me:hunter2@db.example/ap?sslmode=require&password=hunter3"
    environ = {"APSERVER__ORIGIN": ORIGIN, "APSERVER__DATABASE__URL": url}
    for command in (("check",), ("show",), ("explain", "database.url")):
        for form in ((), ("--json",)):
            done = apserver("config", *command, *form, cwd=tmp_path, **environ)
            assert done.code == 0
            assert "hunter" not in done.out + done.err
            assert "db.example" in done.out


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://me:pw@h/db", "postgresql://me:(hidden)@h/db"),
        ("postgresql://me:p:w@x@h/db", "postgresql://me:(hidden)@h/db"),
        ("postgresql://me@h/db", "postgresql://me@h/db"),
        ("postgresql:///db?password=pw&user=me", "postgresql:///db?password=(hidden)&user=me"),
        ("postgresql:///db?user=me&sslpassword=p", "postgresql:///db?user=me&sslpassword=(hidden)"),
        ("", ""),
    ],
)
def test_passwords_are_hidden_in_every_place(url: str, shown: str) -> None:
    assert without_password(url) == shown


def test_explain_tells_all_that_the_table_knows(tmp_path: Path) -> None:
    done = apserver("config", "explain", "log.level", "--json", cwd=tmp_path)
    assert done.code == 0
    assert "origin is not set" in done.err  # and it explains none the less
    explained = json.loads(done.out)
    assert explained["key"] == "log.level"
    assert explained["variable"] == "APSERVER__LOG__LEVEL"
    assert explained["default"] == "info"
    assert '"warning"' in explained["allowed"]
    usable = apserver(
        "config", "explain", "log.level", "--json", cwd=tmp_path, APSERVER__ORIGIN=ORIGIN
    )
    assert usable.err == ""
    assert json.loads(usable.out) == {**explained, "value": "info", "from": "default"}


def test_exit_1_for_a_key_that_there_is_not(tmp_path: Path) -> None:
    done = apserver("config", "explain", "log.levle", cwd=tmp_path)
    assert (done.code, done.out) == (1, "")
    assert "Did you mean log.level?" in done.err
