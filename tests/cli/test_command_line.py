"""The command line as a program: exit codes, where --config may stand, `init`, help."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from apserver import __version__
from apserver.cli import build_parser
from apserver.cli.invocation import program
from apserver.cli.parser import Parser
from apserver.config import default_data_dir, load
from apserver.cures import COMMANDS as NAMES
from apserver.cures import pasteable
from tests.cli.program import MODULE, apserver, clean_environment

ORIGIN = "https://social.example"
COMMANDS = [("serve",), ("try",), ("actor", "create", "ann"), ("token", "create", "ann")]


def test_exit_0_and_the_version(tmp_path: Path) -> None:
    done = apserver("--version", cwd=tmp_path)
    assert (done.code, done.out) == (0, f"apserver {__version__}\n")


def test_exit_1_when_refused(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("# mine\n")
    done = apserver("init", ORIGIN, cwd=tmp_path)
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("apserver: config.toml exists and is left as it is.")
    assert "--config FILE" in done.err
    assert (tmp_path / "config.toml").read_text() == "# mine\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("actor",),
        ("actor", "create"),
        ("actor", "create", "ann", "--type", "Note"),
        ("serve", "--workers", "0"),
        ("serve", "--workers", "two"),
        ("serve", "--conf", "config.toml"),  # no abbreviations: a new option must not change it
    ],
)
def test_exit_2_when_not_understood(arguments: tuple[str, ...], tmp_path: Path) -> None:
    done = apserver(*arguments, cwd=tmp_path)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("apserver: ")
    assert done.err.count("\n") == 1
    assert "--help" in done.err


def test_exit_2_and_the_commands_without_any(tmp_path: Path) -> None:
    done = apserver(cwd=tmp_path)
    assert (done.code, done.out) == (2, "")
    assert "Run a server on this machine" in done.err


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_exit_78_and_config_before_or_after_the_command(
    command: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "mine.toml").write_text('listen = "nowhere"\n')
    option = ("--config", "mine.toml")
    middle = (command[0], *option, *command[1:])
    for arguments in {(*option, *command), middle, (*command, *option)}:
        done = apserver(*arguments, cwd=tmp_path)
        assert (done.code, done.out) == (78, ""), arguments
        assert done.err.startswith(f'apserver: {tmp_path / "mine.toml"}: listen = "nowhere" is not')
        assert done.err.count("\n") == 1


def test_exit_78_for_the_file_that_the_environment_names(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("[log]\nlevel = 5\n")
    done = apserver("serve", cwd=tmp_path, APSERVER_CONFIG="mine.toml")
    assert done.code == 78
    assert f"{tmp_path / 'mine.toml'}: [log] level = 5 is not allowed" in done.err


def test_exit_78_without_an_origin(tmp_path: Path) -> None:
    done = apserver("serve", cwd=tmp_path)
    assert done.code == 78
    assert "apserver init https://" in done.err


def test_exit_130_and_quiet_after_ctrl_c(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "config.toml")
    process = subprocess.Popen(
        [*MODULE, "serve"],
        cwd=tmp_path,
        env=clean_environment(tmp_path, {}),
        stderr=subprocess.PIPE,
        # A test run in the background of a shell would hand on an ignored SIGINT.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    # Opening a pipe for writing waits for its reader: now the command reads its file.
    with open(tmp_path / "config.toml", "w"):
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, b"")


def test_init_writes_a_file_that_the_next_steps_can_use(tmp_path: Path) -> None:
    done = apserver("init", ORIGIN, "--handle-host", "example.org", cwd=tmp_path)
    assert (done.code, done.err) == (0, "")
    for step in ("apserver actor create NAME --token\n", "apserver serve\n", "social.example {"):
        assert step in done.out
    data_dir = default_data_dir({"HOME": str(tmp_path)})
    assert f"will lie in {data_dir}:" in done.out
    assert f'\n#data_dir = "{data_dir}"\n' in (tmp_path / "config.toml").read_text()
    written = tomllib.loads((tmp_path / "config.toml").read_text())
    assert written.pop("origin") == ORIGIN
    assert written.pop("handle_host") == "example.org"
    assert not any(written.values())


def test_init_writes_the_file_that_was_named(tmp_path: Path) -> None:
    done = apserver("init", "http://127.0.0.1:8080", "--config", "mine.toml", cwd=tmp_path)
    assert done.code == 0
    assert "apserver --config mine.toml serve" in done.out
    assert "allow_http" in done.out
    done = apserver("init", ORIGIN, cwd=tmp_path, APSERVER_CONFIG="other.toml")
    assert (done.code, (tmp_path / "other.toml").is_file()) == (0, True)


@pytest.mark.parametrize(
    ("origin", "listen"),
    [
        ("http://127.0.0.1:18081", "127.0.0.1:18081"),
        ("http://127.0.0.1", "127.0.0.1:80"),
        ("http://[::1]:8081", "[::1]:8081"),
    ],
)
def test_init_for_one_machine_listens_at_the_origin(
    origin: str, listen: str, tmp_path: Path
) -> None:
    assert apserver("init", origin, cwd=tmp_path).code == 0
    written = load(None, {}, cwd=tmp_path)
    assert (written.origin, written.listen) == (origin, listen)
    assert written.federation.allow_http
    assert [str(one) for one in written.federation.allow_networks] == ["127.0.0.0/8", "::1/128"]


@pytest.mark.parametrize("origin", ["http://192.0.2.1:8081", "http://here.test"])
def test_init_leaves_the_guard_alone_elsewhere(origin: str, tmp_path: Path) -> None:
    assert apserver("init", origin, cwd=tmp_path).code == 0
    written = load(None, {}, cwd=tmp_path)
    assert (written.listen, written.federation.allow_networks) == ("127.0.0.1:8080", ())


def test_printed_commands_can_be_pasted(tmp_path: Path) -> None:
    installed = tmp_path / "bin/apserver"
    installed.parent.mkdir()
    installed.touch(mode=0o755)
    on_path = {"PATH": str(installed.parent)}
    assert program([str(installed)], on_path) == ["apserver"]
    assert program([str(installed)], {**on_path, "UV": "/usr/bin/uv"}) == [str(installed)]
    assert program([str(installed)], {"PATH": "/nowhere"}) == [str(installed)]
    module = str(tmp_path / "apserver/__main__.py")
    assert program([module], on_path) == [sys.executable, "-m", "apserver"]


def test_cures_can_be_pasted(tmp_path: Path) -> None:
    """A command in an error begins as this call did, with the same configuration file."""
    python = shlex.quote(sys.executable)
    done = apserver("actor", cwd=tmp_path)
    assert done.err.endswith(f" See: {python} -m apserver actor --help\n")
    done = apserver("token", "list", "--all", cwd=tmp_path)
    assert done.err.endswith(f": --all. See: {python} -m apserver token list --help\n")
    config = ("--config", "my file.toml")
    done = apserver("serve", *config, cwd=tmp_path)
    line = f"{python} -m apserver --config 'my file.toml' init https://YOUR.HOST"
    assert f'run "{line}" to write it' in done.err
    words = shlex.split(line.replace("YOUR.HOST", "social.example"))
    assert subprocess.run(words, cwd=tmp_path, env=clean_environment(tmp_path, {})).returncode == 0
    assert (tmp_path / "my file.toml").exists()


@pytest.mark.parametrize(
    "text",
    [
        "Run: /venv/bin/apserver serve",
        "Run: python -m apserver serve",
        "process 7 (apserver serve) uses it",
        "the user that runs apserver serves it",
    ],
)
def test_only_commands_to_be_pasted_are_changed(text: str) -> None:
    assert pasteable(text, "/bin/apserver") == text


def test_every_command_is_known_in_cures() -> None:
    names = [parser.prog.removeprefix("apserver ") for parser in build_parser().sub_commands()]
    assert set(NAMES) == set(names)
    for name in names:
        assert pasteable(f"See: apserver {name}.", "uvx apserver") == f"See: uvx apserver {name}."


@pytest.mark.parametrize(
    "arguments", [("social.example",), (f"{ORIGIN}/x",), (ORIGIN, "--handle-host", "a/b")]
)
def test_init_refuses_what_serve_would(arguments: tuple[str, ...], tmp_path: Path) -> None:
    done = apserver("init", *arguments, cwd=tmp_path)
    assert (done.code, done.out) == (78, "")
    assert arguments[-1] in done.err
    assert "Allowed: " in done.err
    assert not (tmp_path / "config.toml").exists()


def leaves(parser: Parser) -> list[Parser]:
    commands = parser.sub_commands()
    return [leaf for command in commands for leaf in leaves(command)] if commands else [parser]


def test_the_help_of_every_command_has_an_example_that_parses() -> None:
    found = leaves(build_parser())
    assert {parser.prog for parser in found} >= {"apserver try", "apserver init", "apserver serve"}
    for parser in found:
        example = parser.format_help().rpartition("Example:\n  ")[2].strip()
        assert example.startswith(parser.prog)
        assert callable(build_parser().parse_args(shlex.split(example)[1:]).run)


def test_help_does_not_load_the_server(tmp_path: Path) -> None:
    code = "import sys, apserver.cli; print(*sorted(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=clean_environment(tmp_path, {}),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert {"aiohttp", "asyncpg", "cryptography", "pyld"}.isdisjoint(done.stdout.split())
