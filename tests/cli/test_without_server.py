"""The commands while no server runs: each starts the embedded database for itself and stops it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from apserver.cli import main
from tests.cli.program import Ended, apserver
from tests.faults.processes import folder_for_all

ORIGIN = "https://social.example"


@pytest.mark.parametrize(
    "arguments",
    [
        "actor list",
        "actor show ann",
        "actor create ann --dry-run",
        "actor delete ann --dry-run",
        "actor rotate-key ann --dry-run",
        "prune --dry-run",
        "token list",
        "token create ann --dry-run",
        "token revoke 00000000 --dry-run",
        "fetch https://there.example/1",
        "deliver x.json --to https://there.example/inbox",
    ],
)
def test_before_the_first_start_nothing_is_made(
    arguments: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "x.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("APSERVER__ORIGIN", ORIGIN)
    monkeypatch.setenv("APSERVER__DATA_DIR", str(tmp_path / "data"))
    code = main(arguments.split())
    said = capsys.readouterr()
    assert (code, said.out) == (1, "")
    assert "There is no database" in said.err
    assert "apserver serve" in said.err
    assert not (tmp_path / "data").exists()


def test_a_file_that_is_not_there_is_told_with_a_cure(tmp_path: Path) -> None:
    done = apserver(
        *"deliver no.json --to https://there.example/inbox".split(),
        cwd=tmp_path,
        APSERVER__ORIGIN=ORIGIN,
    )
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("apserver: no.json cannot be read: No such file or directory. Name")


def test_a_document_of_our_own_is_not_fetched(tmp_path: Path) -> None:
    own = f"{ORIGIN}/actors/ann"
    done = apserver("fetch", own, cwd=tmp_path, APSERVER__ORIGIN=ORIGIN)
    assert (done.code, done.out) == (1, "")
    assert f"{own} is of this server itself" in done.err
    assert "curl -H 'Accept: application/activity+json'" in done.err


def test_actors_and_tokens_without_a_server() -> None:
    with folder_for_all() as folder:
        made = json.loads(_run(folder, "actor", "create", "ann", "--token", "--json").out)
        assert made["actor"] == f"{ORIGIN}/actors/ann"
        [token] = _listed(folder, "token", "list")
        assert _run(folder, "token", "revoke", token["id"]).code == 0
        assert _run(folder, "actor", "delete", "ann", "--yes").code == 0
        [ann, instance] = _listed(folder, "actor", "list")
        assert (ann["name"], ann["state"], instance["name"]) == ("ann", "deleted", "instance")
        assert _run(folder, "actor", "create", "ann").code == 1


def _run(folder: Path, *arguments: str) -> Ended:
    environ = {"APSERVER__ORIGIN": ORIGIN, "APSERVER__DATA_DIR": str(folder / "data")}
    return apserver(*arguments, cwd=folder, **environ)


def _listed(folder: Path, *arguments: str) -> list[dict[str, Any]]:
    done = _run(folder, *arguments, "--json")
    assert (done.code, done.err) == (0, "")
    listed: list[dict[str, Any]] = json.loads(done.out)
    return listed
