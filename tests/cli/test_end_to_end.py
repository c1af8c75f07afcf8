"""The command line as a stranger meets it: init, actors and tokens, serve; and `apserver try`.

Everything is a process of its own with an embedded PostgreSQL, and is asked over HTTP.
"""

from __future__ import annotations

import json
import os
import pwd
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from tests.cli.program import MODULE, apserver, clean_environment
from tests.conftest import free_port
from tests.faults.processes import descendants, folder_for_all, has_ended, wait_until

ACTOR_KEYS = ["actor", "handle", "inbox", "outbox"]
START_S = 60.0


@pytest.fixture
def folder() -> Iterator[Path]:
    """Where a command runs: its home, with the data folder and the configuration inside."""
    with folder_for_all() as path:
        yield path


def _environ(folder: Path) -> dict[str, str]:
    return {"APSERVER__DATA_DIR": str(folder / "data")}


@contextmanager
def _started(
    *arguments: str, cwd: Path, until: str, user: str | None = None
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A command that goes on, and what it has said when a line has matched ``until``.

    It and all below it must be gone at the end.
    """
    process = subprocess.Popen(
        [*MODULE, *arguments],
        cwd=cwd,
        env=clean_environment(cwd, _environ(cwd)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        user=user,
        group=None if user is None else pwd.getpwnam(user).pw_gid,
        extra_groups=None if user is None else [],
    )
    below: set[int] = set()
    try:
        said = _read_until(process, until)
        below = descendants(process.pid)
        yield process, said
    finally:
        if process.poll() is None:
            below |= descendants(process.pid)
            process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        wait_until(lambda: all(map(has_ended, below)))


def _read_until(process: subprocess.Popen[str], pattern: str) -> str:
    assert process.stdout is not None
    said = ""
    patience = threading.Timer(START_S, process.kill)
    patience.start()
    while not re.search(pattern, said):
        line = process.stdout.readline()
        assert line, f"it ended and had said: {said}"
        said += line
    patience.cancel()
    return said


def _serving(folder: Path) -> Any:
    return _started("serve", cwd=folder, until=r"serving http")


def _get(url: str, token: str | None = None) -> Any:
    headers = {"Accept": "application/activity+json"}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    with urlopen(Request(url, headers=headers), timeout=60) as reply:
        return json.load(reply)


def _init(folder: Path) -> str:
    """Write the configuration of a server on a free port; its origin."""
    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    done = apserver("init", origin, cwd=folder)
    assert (done.code, done.err) == (0, "")
    return origin


def _one_object(out: str) -> dict[str, Any]:
    """The output: one JSON object on one line, and nothing else."""
    assert out.count("\n") == 1
    assert out.endswith("\n")
    value = json.loads(out)
    assert isinstance(value, dict)
    return value


def _run(folder: Path, *arguments: str) -> dict[str, Any]:
    done = apserver(*arguments, cwd=folder, **_environ(folder))
    assert done.code == 0, done.err
    return _one_object(done.out)


def _refused(folder: Path, *arguments: str, **environ: str) -> tuple[int, str]:
    """The exit code of a command that is refused, and why: lines for people, no traceback."""
    done = apserver(*arguments, cwd=folder, **_environ(folder), **environ)
    assert done.out == ""
    lines = done.err.splitlines()
    assert lines
    assert [line for line in lines if not line.startswith("apserver: ")] == []
    return done.code, done.err


def test_a_server_without_actors_says_how_to_make_one(folder: Path) -> None:
    """Once, at its start; the line that it names works as pasted."""
    _init(folder)
    with _serving(folder) as (_, said):
        [line] = [one for one in said.splitlines() if " no actor yet " in one]
        cure = shlex.split(json.loads(line.partition("cure=")[2]))
        assert cure[-4:] == ["actor", "create", "NAME", "--token"]
        words = [{"NAME": "ann"}.get(word, word) for word in cure]
        environ = clean_environment(folder, _environ(folder))
        made = subprocess.run(
            words, cwd=folder, env=environ, capture_output=True, text=True, timeout=60
        )
        assert (made.returncode, "token" in made.stdout) == (0, True), made.stderr
    with _serving(folder) as (_, said):
        assert "no actor yet" not in said


def test_actors_and_tokens_while_the_server_runs_and_when_it_does_not(folder: Path) -> None:
    origin = _init(folder)
    ann = _run(folder, "actor", "create", "ann", "--json")
    assert list(ann) == ACTOR_KEYS
    assert ann["actor"] == f"{origin}/actors/ann"
    assert ann["handle"] == f"@ann@{origin.removeprefix('http://')}"
    bob = _run(folder, "actor", "create", "bob", "--json", "--token", "--type", "Service")
    assert list(bob) == [*ACTOR_KEYS, "token"]
    before = _run(folder, "token", "create", "ann", "--json")
    assert before["actor"] == ann["actor"]

    with _serving(folder) as (_, _):
        assert _get(ann["actor"])["outbox"] == ann["outbox"]
        assert _get(bob["actor"])["type"] == "Service"
        given = ("--name", "Cleo", "--manual-approval", "--token", "--json")
        cleo = _run(folder, "actor", "create", "cleo", *given)
        assert list(cleo) == [*ACTOR_KEYS, "token"]
        document = _get(cleo["actor"])
        assert (document["name"], document["manuallyApprovesFollowers"]) == ("Cleo", True)
        running = _run(folder, "token", "create", "ann", "--json")
        tokens = [
            (ann, before),
            (ann, running),
            (bob, bob),
            (cleo, cleo),
        ]
        for actor, made in tokens:
            assert _get(actor["inbox"], made["token"])["totalItems"] == 0
        assert len({made["token"] for _, made in tokens}) == 4
        assert _refused(folder, "actor", "create", "cleo", "--json")[0] == 1

    # The next start finds what was made.
    with _serving(folder) as (_, _):
        assert _get(ann["inbox"], running["token"])["totalItems"] == 0


def test_what_is_refused_and_with_which_exit_code(folder: Path) -> None:
    _init(folder)
    assert _run(folder, "actor", "create", "ann", "--json")["actor"].endswith("/ann")
    for name in ("ann", "ANN"):
        code, why = _refused(folder, "actor", "create", name, "--json")
        assert (code, name in why) == (1, True)
    assert _refused(folder, "actor", "create", "a-n")[0] == 1
    assert _refused(folder, "actor", "create", "instance")[0] == 1
    assert _refused(folder, "token", "create", "nobody", "--json")[0] == 1
    assert _refused(folder, "actor", "create", "x", "--type", "Robot")[0] == 2
    # A database belongs to one origin for good, and to one host of handles.
    origin = {"APSERVER__ORIGIN": "http://127.0.0.1:9"}
    for command, elsewhere in (
        (("actor", "create", "dora", "--json"), origin),
        (("token", "create", "ann", "--json"), origin),
        (("serve",), origin),
        (("serve",), {"APSERVER__HANDLE_HOST": "example.org"}),
    ):
        code, why = _refused(folder, *command, **elsewhere)
        assert (code, "belongs to" in why) == (78, True), why


def _become(user: str, folder: Path) -> None:
    """Give the folder to the user; skip where only root can do so, or reach this Python."""
    if os.geteuid() != 0:
        pytest.skip("only root can start a program as somebody else")
    python = [sys.executable, "-c", ""]
    try:
        subprocess.run(python, check=True, cwd=folder, user=user, extra_groups=[])
    except (OSError, subprocess.CalledProcessError):
        pytest.skip(f"the user {user} cannot run this Python")
    os.chown(folder, pwd.getpwnam(user).pw_uid, -1)


def _paste(line: str) -> str:
    """What a line prints when it is pasted into a shell; with -f, which makes an error fail."""
    pasted = subprocess.run(
        ["bash", "-c", f"{line} -f"], capture_output=True, text=True, timeout=60
    )
    assert pasted.returncode == 0, pasted.stderr
    return pasted.stdout


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl to paste the lines into")
@pytest.mark.parametrize("user", [None, "nobody"], ids=str)
def test_try(folder: Path, user: str | None) -> None:
    """Two commands of the README, then three lines to paste; Ctrl-C; and once more."""
    if user is not None:
        _become(user, folder)
    command = ("try", "--listen", f"127.0.0.1:{free_port()}")
    start: dict[str, Any] = {"cwd": folder, "until": r"Other commands", "user": user}
    with _started(*command, **start) as (process, said):
        actor, handle, token = (
            re.search(rf"(?m)^{name} +(\S+)$", said)[1]  # type: ignore[index]
            for name in ("actor", "handle", "token")
        )
        assert handle == f"@ann@{actor.split('/')[2]}"
        post, read, follow = [line for line in said.splitlines() if line.startswith("curl")]
        note = json.loads(_paste(post))
        assert note["actor"] == actor
        shown = json.loads(_paste(read))
        assert [one["id"] for one in shown["orderedItems"]] == [note["id"]]
        assert shown["orderedItems"][0]["object"]["content"] == note["object"]["content"]
        bob = json.loads(_paste(follow))["object"]
        wait_until(lambda: _get(f"{bob}/followers")["totalItems"] == 1)
        following = _get(f"{actor}/following?page=first", token)
        assert following["orderedItems"] == [bob]

        # A second start meets the first one, at the address that the first has kept.
        assert _refused(folder, "try") == (
            1,
            f"apserver: apserver already runs here (process {process.pid}), with its data in "
            f"{folder / 'data'}. Use that one, or stop it first\n",
        )

        below = descendants(process.pid)
        assert len(below) > 2
        os.killpg(process.pid, signal.SIGINT)  # as the terminal does
        assert process.wait(timeout=60) == 0
        assert [pid for pid in below if not has_ended(pid)] == []

    with _started(*command, **start) as (process, again):
        assert [line for line in again.splitlines() if line.startswith("curl")] == [
            post,
            read,
            follow,
        ]
        assert f"token   {token}\n" in again
        listed = json.loads(_paste(read))["orderedItems"]
        assert note["id"] in [one["id"] for one in listed]
        below = descendants(process.pid)
        process.kill()
        wait_until(lambda: all(map(has_ended, below)))
