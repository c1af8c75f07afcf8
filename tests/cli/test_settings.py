"""Where settings come from, in which order, and what they become. From docs/configuration.md."""

from __future__ import annotations

import ipaddress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apserver.config import KEYS, Key, Settings, default_data_dir, load
from apserver.core.reach import NameServer
from tests.meta.project import ROOT

ORIGIN = "https://social.example"

# For every key: text for the environment that is not the default, and the value it stands for.
TEXTS: dict[str, tuple[str, object]] = {
    "origin": ("https://other.example:8443", "https://other.example:8443"),
    "handle_host": ("example.org", "example.org"),
    "listen": ("[::1]:0", "[::1]:0"),
    "data_dir": ("/srv/apserver", Path("/srv/apserver")),
    "server.trusted_proxies": (
        "127.0.0.1, 10.0.0.0/8",
        (ipaddress.ip_network("127.0.0.1/32"), ipaddress.ip_network("10.0.0.0/8")),
    ),
    "tls.cert": ("cert.pem", Path("cert.pem")),
    "tls.key": ("key.pem", Path("key.pem")),
    "database.url": ("postgresql://user@db/apserver", "postgresql://user@db/apserver"),
    "federation.mode": ("closed", "closed"),
    "federation.allow_http": ("true", True),
    "federation.allow_networks": (
        "10.0.0.0/8, fd00::/8",
        (ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("fd00::/8")),
    ),
    "federation.dns_servers": (
        "9.9.9.9, ::1, [::1]:5353, 127.0.0.1:53",
        (
            NameServer("9.9.9.9", 53),
            NameServer("::1", 53),
            NameServer("::1", 5353),
            NameServer("127.0.0.1", 53),
        ),
    ),
    "federation.ca_file": ("ca.pem", Path("ca.pem")),
    "federation.signature": ("rfc9421", "rfc9421"),
    "federation.authorized_fetch": ("true", True),
    "limits.requests_per_minute": ("0", 0),
    "retention.remote_days": ("30", 30),
    "retention.receipts_days": ("0", 0),
    "retention.reports_days": ("30", 30),
    "retention.rows_per_host": ("5000", 5_000),
    "hooks.check": ("spam.rules:check", "spam.rules:check"),
    "hooks.on_failure": ("refuse", "refuse"),
    "log.level": ("debug", "debug"),
    "log.format": ("json", "json"),
}


def value_of(settings: Settings, dotted: str) -> object:
    value: object = settings
    for part in dotted.split("."):
        value = getattr(value, part)
    return value


def write(folder: Path, text: str, name: str = "config.toml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_every_key_has_a_case_here() -> None:
    assert set(TEXTS) == {key.dotted for key in KEYS}


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.dotted)
def test_every_key_is_set_by_its_variable(key: Key, tmp_path: Path) -> None:
    text, expected = TEXTS[key.dotted]
    if isinstance(expected, Path) and not expected.is_absolute():
        expected = write(tmp_path, "", str(expected))
    variable = "APSERVER__" + key.dotted.upper().replace(".", "__")
    environ = {"APSERVER__ORIGIN": ORIGIN}
    if key.section == "tls":  # one without the other is refused
        environ |= {
            f"APSERVER__TLS__{one}": str(write(tmp_path, "", one)) for one in ("CERT", "KEY")
        }
    environ[variable] = text
    assert value_of(load(None, environ, cwd=tmp_path), key.dotted) == expected


def test_the_defaults(tmp_path: Path) -> None:
    settings = load(None, {"APSERVER__ORIGIN": ORIGIN, "HOME": "/home/ann"}, cwd=tmp_path)
    assert settings.handle_host == "social.example"
    assert settings.listen_address == ("127.0.0.1", 8080)
    assert settings.server.trusted_proxies == ()
    assert (settings.tls.cert, settings.tls.key) == (None, None)
    assert settings.database.url == ""
    assert settings.federation.allow_http is False
    assert settings.federation.allow_networks == ()
    assert settings.federation.ca_file is None
    assert settings.limits.requests_per_minute == 3000
    kept = settings.retention
    assert (kept.remote_days, kept.receipts_days, kept.rows_per_host) == (90, 365, 100_000)
    assert (settings.log.level, settings.log.format) == ("info", "human")


def test_the_handle_host_keeps_the_port_of_the_origin(tmp_path: Path) -> None:
    environ = {"APSERVER__ORIGIN": "https://social.example:8443"}
    assert load(None, environ, cwd=tmp_path).handle_host == "social.example:8443"


def test_the_environment_wins_over_the_file_and_options_over_both(tmp_path: Path) -> None:
    write(tmp_path, f'origin = "{ORIGIN}"\nlisten = "127.0.0.1:1"\n[log]\nlevel = "error"\n')
    environ = {"APSERVER__LISTEN": "127.0.0.1:2"}
    settings = load(None, environ, cwd=tmp_path)
    assert (settings.listen_address[1], settings.log.level) == (2, "error")
    settings = load(None, environ, cwd=tmp_path, overrides={"listen": "127.0.0.1:3"})
    assert settings.listen_address[1] == 3


def test_which_file_is_read(tmp_path: Path) -> None:
    for number, name in enumerate(("config.toml", "variable.toml", "option.toml")):
        write(tmp_path, f'origin = "https://{number}.example"\n', name)
    named = {"APSERVER_CONFIG": "variable.toml"}
    assert load(None, {}, cwd=tmp_path).origin == "https://0.example"
    assert load(None, named, cwd=tmp_path).origin == "https://1.example"
    assert load("option.toml", named, cwd=tmp_path).origin == "https://2.example"


def test_a_list_in_the_environment_may_be_json(tmp_path: Path) -> None:
    variable = "APSERVER__FEDERATION__ALLOW_NETWORKS"
    for text in ('["127.0.0.0/8", "::1"]', "127.0.0.0/8,::1"):
        settings = load(None, {"APSERVER__ORIGIN": ORIGIN, variable: text}, cwd=tmp_path)
        assert [str(network) for network in settings.federation.allow_networks] == [
            "127.0.0.0/8",
            "::1/128",
        ]
    settings = load(None, {"APSERVER__ORIGIN": ORIGIN, variable: ""}, cwd=tmp_path)
    assert settings.federation.allow_networks == ()


def test_an_empty_url_in_the_environment_brings_the_embedded_database_back(tmp_path: Path) -> None:
    write(tmp_path, f'origin = "{ORIGIN}"\n[database]\nurl = "postgresql://db/apserver"\n')
    assert load(None, {}, cwd=tmp_path).database.url == "postgresql://db/apserver"
    assert load(None, {"APSERVER__DATABASE__URL": ""}, cwd=tmp_path).database.url == ""


def test_relative_paths_start_at_the_file_or_at_the_current_folder(tmp_path: Path) -> None:
    etc = tmp_path / "etc"
    etc.mkdir()
    path = write(etc, f'origin = "{ORIGIN}"\ndata_dir = "data"\n')
    assert load(str(path), {}, cwd=tmp_path).data_dir == etc / "data"
    environ = {"APSERVER__DATA_DIR": "data"}
    assert load(str(path), environ, cwd=tmp_path).data_dir == tmp_path / "data"


def test_the_data_folder_of_root_and_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert default_data_dir({"HOME": "/home/ann"}) == Path("/var/lib/apserver")
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert default_data_dir({"HOME": "/home/ann"}) == Path("/home/ann/.local/share/apserver")
    environ = {"HOME": "/home/ann", "XDG_DATA_HOME": "/data"}
    assert default_data_dir(environ) == Path("/data/apserver")
    # The XDG Base Directory Specification: relative paths are invalid and to be ignored.
    environ["XDG_DATA_HOME"] = "data"
    assert default_data_dir(environ) == Path("/home/ann/.local/share/apserver")


def test_the_example_file_loads_and_shows_the_defaults(tmp_path: Path) -> None:
    example = (ROOT / "config.example.toml").read_text().partition("\n#[")[0]
    as_it_is = load(str(write(tmp_path, example)), {}, cwd=tmp_path)
    shown = example.replace("\n#data_dir", "\n# data_dir").replace("\n#handle", "\n# handle")
    lines = (
        line[1:] if line[:1] == "#" and line[1:2].isalpha() else line for line in shown.split("\n")
    )
    assert load(str(write(tmp_path, "\n".join(lines))), {}, cwd=tmp_path) == as_it_is
    for key in KEYS:
        assert f"{key.name} = " in example


def test_workers_get_the_same_settings(tmp_path: Path) -> None:
    texts = {dotted: text for dotted, (text, _) in TEXTS.items()}
    for dotted in ("federation.ca_file", "tls.cert", "tls.key"):
        texts[dotted] = str(write(tmp_path, "", texts[dotted]))
    environ = {
        "APSERVER__" + dotted.upper().replace(".", "__"): text for dotted, text in texts.items()
    }
    settings = load(None, environ, cwd=tmp_path)
    assert Settings.from_json(settings.to_json()) == settings
    plain = load(None, {"APSERVER__ORIGIN": ORIGIN}, cwd=tmp_path)
    assert Settings.from_json(plain.to_json()) == plain


def test_an_international_host_becomes_ascii(tmp_path: Path) -> None:
    settings = load(None, {"APSERVER__ORIGIN": "https://bücher.example"}, cwd=tmp_path)
    assert settings.origin == "https://xn--bcher-kva.example"
    assert settings.handle_host == "xn--bcher-kva.example"


LABELS = st.from_regex(r"[a-zA-Z0-9]([a-zA-Z0-9-]{0,8}[a-zA-Z0-9])?", fullmatch=True).filter(
    lambda label: not label.lower().startswith("xn--")  # those must be valid IDNA names
)


@given(st.lists(LABELS, min_size=1, max_size=3), st.integers(1, 65_535))
def test_an_origin_is_lower_case_and_has_no_default_port(labels: list[str], port: int) -> None:
    host = ".".join([*labels, "example"])
    environ = {"APSERVER__ORIGIN": f"https://{host}:{port}"}
    suffix = "" if port == 443 else f":{port}"
    origin = load(None, environ, cwd=Path("/nonexistent")).origin
    assert origin == f"https://{host.lower()}{suffix}"
    assert load(None, {"APSERVER__ORIGIN": origin}, cwd=Path("/nonexistent")).origin == origin
