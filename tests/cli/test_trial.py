"""`apserver try`: its settings, what it prints, and what it keeps for the next start."""

from __future__ import annotations

import json
import shlex
from dataclasses import asdict
from pathlib import Path

import pytest

from apserver.cli.trial import Trial, curl_lines, kept_trial, origin_at, render, trial_settings
from apserver.config import Settings
from apserver.core.vocabulary import PUBLIC
from apserver.errors import ConfigProblem

TRIAL = Trial(
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
    assert kept_trial(settings(tmp_path)) is None
    keep(tmp_path, json.dumps(asdict(TRIAL)))
    assert kept_trial(settings(tmp_path)) == TRIAL


def test_another_port_is_refused_with_the_cure(tmp_path: Path) -> None:
    keep(tmp_path, json.dumps(asdict(TRIAL)))
    with pytest.raises(ConfigProblem, match=r"apserver try --listen 127\.0\.0\.1:8080"):
        kept_trial(settings(tmp_path, "127.0.0.1:9090"))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"origin": 1'])
def test_a_damaged_file_is_named(text: str, tmp_path: Path) -> None:
    keep(tmp_path, text)
    with pytest.raises(ConfigProblem, match=r"try\.json is damaged"):
        kept_trial(settings(tmp_path))


def test_the_lines_to_paste_are_shell_words_for_curl() -> None:
    post, read, follow = (shlex.split(line) for line in curl_lines(TRIAL))
    outbox = f"{TRIAL.actor}/outbox"
    for words, iri in ((post, outbox), (read, f"{outbox}?page=first"), (follow, outbox)):
        assert words[:3] == ["curl", "-sS", iri]
        assert words[words.index("-H") + 1] == "Authorization: Bearer aps_secret"
    assert "-d" not in read
    note = json.loads(post[post.index("-d") + 1])
    assert (note["type"], note["to"]) == ("Note", [PUBLIC])
    sent = json.loads(follow[follow.index("-d") + 1])
    assert (sent["type"], sent["object"], sent["to"]) == ("Follow", TRIAL.other, [TRIAL.other])


def test_it_prints_the_actor_the_handle_the_token_and_each_line_whole() -> None:
    lines = render(TRIAL, Path("/srv/it's here")).splitlines()
    assert f"actor   {TRIAL.actor}" in lines
    assert f"handle  {TRIAL.handle}" in lines
    assert f"token   {TRIAL.token}" in lines
    assert set(curl_lines(TRIAL)) <= set(lines)
    assert shlex.split(lines[-1])[-1] == "/srv/it's here/config.toml"
