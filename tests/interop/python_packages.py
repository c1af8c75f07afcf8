"""Python packages for a peer, in a folder of their own: their pins are not ours.

The peer is run by our interpreter without our packages (`-S`), with that folder on its path.
"""

from __future__ import annotations

import fcntl
import hashlib
import subprocess
import sys
from pathlib import Path

_INSTALL_S = 300


class PackagesMissing(Exception):
    """The packages of a peer are not to be had; the text says why."""


def install_packages(lock: Path, into: Path) -> Path:
    """Install what a hashed lock names, unless it is there already; the folder with the packages.

    The stamp is written last and holds the hash of lock and interpreter, so a broken-off install
    and a changed lock are both seen. Two runs at once take turns on the lock file itself.
    """
    with lock.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        digest = hashlib.sha256(held.read() + sys.version.encode()).hexdigest()
        folder = into / digest[:12]
        stamp = folder / ".installed"
        if not stamp.is_file():
            _pip_install(lock, folder)
            stamp.touch()
    return folder


def _pip_install(lock: Path, folder: Path) -> None:
    quiet = ["--quiet", "--no-input", "--disable-pip-version-check", "--no-compile"]
    exactly = ["--no-deps", "--only-binary=:all:", "--require-hashes", "--upgrade"]
    command = ["pip", "install", *quiet, *exactly, "--target", str(folder), "-r", str(lock)]
    try:
        done = subprocess.run(
            [sys.executable, "-m", *command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_INSTALL_S,
        )
    except (OSError, subprocess.TimeoutExpired) as trouble:
        raise PackagesMissing(f"pip did not run: {trouble}") from trouble
    if done.returncode != 0:
        raise PackagesMissing(f"pip ended with {done.returncode}: {done.stderr[-2000:]}")
