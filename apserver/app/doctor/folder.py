"""The data folder: who may enter it, how full its disk is, the secret in it."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from apserver.app.doctor.checks import Check

DISK_WARN = 1 << 30
DISK_FAIL = 100 << 20
SECRET_BYTES = 32


def examine_folder(data_dir: Path) -> Iterator[Check]:
    """What can be seen without a database."""
    try:
        if not data_dir.exists():
            cure = "Start the server, which makes it: apserver serve"
            yield Check("data folder", "warn", f"{data_dir} is not made yet", cure)
            return
        yield _access(data_dir)
        yield _disk(data_dir)
    except OSError as error:
        cure = "Run apserver as the user that owns it, or set another data_dir"
        yield Check("data folder", "fail", f"{data_dir}: {error.strerror}", cure)
        return
    yield _secret(data_dir / "secret")


def _access(data_dir: Path) -> Check:
    status = data_dir.stat()
    mode = stat.S_IMODE(status.st_mode)
    owner = _name(status.st_uid)
    detail = f"{data_dir}, mode {mode:04o}, of {owner}"
    if os.geteuid() not in (0, status.st_uid):
        return Check("data folder", "fail", detail, f"Run apserver as {owner}, or choose another")
    if mode & 0o027:
        return Check(
            "data folder", "warn", detail, f"Others may look into it: chmod 700 {data_dir}"
        )
    return Check("data folder", "ok", detail)


def _disk(data_dir: Path) -> Check:
    free = shutil.disk_usage(data_dir).free
    detail = f"{free / (1 << 30):.1f} GiB free"
    if free >= DISK_WARN:
        return Check("disk", "ok", detail)
    cure = "Make room: without any, PostgreSQL stops"
    return Check("disk", "fail" if free < DISK_FAIL else "warn", detail, cure)


def _secret(path: Path) -> Check:
    try:
        status = path.stat()
    except FileNotFoundError:
        cure = "The first start makes it. If there was one, restore it from the backup"
        return Check("secret", "warn", f"{path} is not there", cure)
    except OSError as error:
        return Check("secret", "fail", f"{path}: {error.strerror}", "Run apserver as its owner")
    if status.st_size != SECRET_BYTES:
        detail = f"{path} has {status.st_size} bytes, not {SECRET_BYTES}"
        return Check("secret", "fail", detail, "Restore it from the backup")
    if stat.S_IMODE(status.st_mode) & 0o077:
        return Check("secret", "warn", f"others may read {path}", f"chmod 600 {path}")
    return Check("secret", "ok", f"{path}")


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
