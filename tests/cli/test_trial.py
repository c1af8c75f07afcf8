"""`apserver try`: its settings, what it prints, and what it keeps for the next start."""

from __future__ import annotations

import json
import re
import shlex
import socket
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from apserver.cli.example import render_file
from apserver.cli.trial import Trial, curl_lines, kept_trial, origin_at, render, trial_settings
from apserver.config import Settings
from apserver.core.flags import Flag
from apserver.core.vocabulary import PUBLIC
from apserver.errors import ConfigProblem
from tests.cli.program import apserver

TRIAL = Trial(
    listen="127.0.0.1:8080",
    origin="http://127.0.0.1:8080",
    actor="http://127.0.0.1:8080/actors/ann",
    handle="@ann@127.0.0.1:8080",
    token="aps_secret",
    other="http://127.0.0.1:8080/actors/bob",
)


def settings(tmp_path: Path, listen: str | None = None, **environ: str) -> Settings:
    environ.setdefault("APSERVER__DATA_DIR", str(tmp_path / "data"))
    return trial_settings(None, environ, cwd=tmp_path, listen=listen)


def test_it_needs_no_configuration(tmp_path: Path) -> None:
    settled = trial_settings(None, {"HOME": str(tmp_path)}, cwd=tmp_path, listen=None)
    assert settled.origin == "http://127.0.0.1:8080"
    assert settled.handle_host == "127.0.0.1:8080"
    assert settled.federation.allow_http is True
    assert [str(n) for n in settled.federation.allow_networks] == ["127.0.0.0/8", "::1/128"]
    # Not the folder of `serve`: its database would belong to this origin for good.
    assert settled.data_dir.name == "apserver-try"


def test_what_is_configured_wins(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(
        'listen = "127.0.0.1:9000"\n[federation]\nallow_networks = []\n'
    )
    settled = settings(tmp_path)
    assert settled.origin == "http://127.0.0.1:9000"
    assert settled.federation.allow_networks == ()
    assert settings(tmp_path, "127.0.0.1:9001").origin == "http://127.0.0.1:9001"
    assert settings(tmp_path, APSERVER__ORIGIN="http://here.test").origin == "http://here.test"


def test_a_real_configuration_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('origin = "https://social.example"\n')
    with pytest.raises(ConfigProblem, match=r'origin = "https://social\.example" is not allowed'):
        settings(tmp_path)


@pytest.mark.parametrize(
    ("listen", "origin"),
    [
        ("127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("127.0.0.1:80", "http://127.0.0.1"),
        ("0.0.0.0:8080", "http://127.0.0.1:8080"),
        ("[::1]:8080", "http://[::1]:8080"),
        ("[::]:8080", "http://[::1]:8080"),
    ],
)
def test_the_origin_is_where_it_listens(listen: str, origin: str) -> None:
    assert origin_at(listen) == origin


def test_any_port_cannot_be_part_of_an_id() -> None:
    with pytest.raises(ConfigProblem, match=r'listen = "127\.0\.0\.1:0" is not allowed'):
        origin_at("127.0.0.1:0")


def keep(tmp_path: Path, text: str) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/try.json").write_text(text)


def test_the_next_start_finds_what_the_first_made(tmp_path: Path) -> None:
    assert kept_trial(tmp_path / "data") is None
    keep(tmp_path, json.dumps(asdict(TRIAL)))
    assert kept_trial(tmp_path / "data") == TRIAL


def test_the_next_start_listens_where_the_first_did(tmp_path: Path) -> None:
    at_all = replace(TRIAL, listen="0.0.0.0:9090", origin="http://127.0.0.1:9090")
    keep(tmp_path, json.dumps(asdict(at_all)))
    settled = settings(tmp_path)
    assert (settled.listen, settled.origin) == (at_all.listen, at_all.origin)


def test_the_next_start_reads_the_file_of_the_first(tmp_path: Path) -> None:
    """What one writes into the configuration file that a trial names is no dead letter."""
    first = settings(tmp_path)
    first.data_dir.mkdir()
    file = render_file(first.plain()) + "[flags.mute]\nmutes = true\n"
    (first.data_dir / "config.toml").write_text(file)
    assert settings(tmp_path).flags == ()  # of a start that was cut short
    (first.data_dir / "try.json").write_text(json.dumps(asdict(TRIAL)))
    assert settings(tmp_path).flags == (Flag(name="mute", mutes=True),)
    with pytest.raises(ConfigProblem, match=re.escape("try --listen 127.0.0.1:8080")):
        settings(tmp_path, "127.0.0.1:9000")
    moved = first.data_dir.rename(tmp_path / "moved")
    assert settings(tmp_path, APSERVER__DATA_DIR=str(moved)).data_dir == moved
    (tmp_path / "config.toml").write_text('[log]\nlevel = "debug"\n')
    named = settings(tmp_path, APSERVER__DATA_DIR=str(moved))
    assert (named.flags, named.log.level) == ((), "debug")


def test_another_port_is_refused_with_the_cure(tmp_path: Path) -> None:
    keep(tmp_path, json.dumps(asdict(TRIAL)))
    with pytest.raises(ConfigProblem, match=r"apserver try --listen 127\.0\.0\.1:8080"):
        settings(tmp_path, "127.0.0.1:9090")


def test_the_cure_names_a_port_when_the_origin_has_none(tmp_path: Path) -> None:
    at_80 = replace(TRIAL, listen="127.0.0.1:80", origin="http://127.0.0.1")
    keep(tmp_path, json.dumps(asdict(at_80)))
    with pytest.raises(ConfigProblem, match=r"apserver try --listen 127\.0\.0\.1:80\b"):
        settings(tmp_path, "127.0.0.1:9090")


def test_an_origin_in_a_file_is_told_with_its_place(tmp_path: Path) -> None:
    keep(tmp_path, json.dumps(asdict(TRIAL)))
    config = tmp_path / "config.toml"
    config.write_text('origin = "http://127.0.0.1:9090"\n')
    with pytest.raises(ConfigProblem) as refused:
        settings(tmp_path)
    assert f"(origin in {config})" in str(refused.value)
    assert "--listen" not in str(refused.value)


def test_a_port_in_use_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        listen = f"127.0.0.1:{port}"
        data_dir = str(tmp_path / "data")
        done = apserver("try", "--listen", listen, cwd=tmp_path, APSERVER__DATA_DIR=data_dir)
    assert (done.code, done.out) == (1, "")
    assert f"{listen} is in use by another process" in done.err
    assert re.search(r" try --listen 127\.0\.0\.1:[0-9]+$", done.err.strip())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"origin": 1', {**asdict(TRIAL), "listen": 1}])
def test_a_damaged_file_is_named(text: str | dict[str, object], tmp_path: Path) -> None:
    keep(tmp_path, text if isinstance(text, str) else json.dumps(text))
    with pytest.raises(ConfigProblem, match=r"try\.json is damaged"):
        settings(tmp_path)


def test_a_file_that_cannot_be_read_is_named_with_a_cure(tmp_path: Path) -> None:
    (tmp_path / "data/try.json").mkdir(parents=True)
    with pytest.raises(
        ConfigProblem, match=r"try\.json cannot be read: .*Run apserver as the user"
    ):
        settings(tmp_path)


def test_the_lines_to_paste_are_shell_words_for_curl() -> None:
    post, read, follow = (shlex.split(line) for line in curl_lines(TRIAL))
    outbox = f"{TRIAL.actor}/outbox"
    for words, iri in ((post, outbox), (read, f"{outbox}?page=first"), (follow, outbox)):
        assert words[:3] == ["curl", "-sS", iri]
        assert words[words.index("-H") + 1] == "Authorization: Bearer aps_secret"
    assert "-d" not in read
    note = json.loads(post[post.index("-d") + 1])
    assert (note["type"], note["to"]) == ("Note", [PUBLIC])
    assert note["cc"] == [f"{TRIAL.actor}/followers"]
    sent = json.loads(follow[follow.index("-d") + 1])
    assert (sent["type"], sent["object"], sent["to"]) == ("Follow", TRIAL.other, [TRIAL.other])


def test_it_prints_the_actor_the_handle_the_token_and_each_line_whole() -> None:
    lines = render(TRIAL, Path("/srv/it's here")).splitlines()
    assert f"actor   {TRIAL.actor}" in lines
    assert f"handle  {TRIAL.handle}" in lines
    assert f"token   {TRIAL.token}" in lines
    assert set(curl_lines(TRIAL)) <= set(lines)
    assert len([line for line in lines if line.startswith("curl")]) == 3
    option = ["--config", "/srv/it's here/config.toml"]
    assert ["apserver", *option, "token", "create", "bob"] == shlex.split(lines[-7])
    assert shlex.split(lines[-4]) == ["apserver", *option, "actor", "create", "NAME"]
    assert lines[-1] == option[1]
