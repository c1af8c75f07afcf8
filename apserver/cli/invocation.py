"""How this command line was called, so that the commands that it prints work as pasted."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from apserver.cures import PROGRAM


def command(*words: str, config: str | None = None) -> str:
    """A shell line that runs `apserver WORDS`, with ``--config`` where it is needed. Without
    words it is the start of such a line, for `apserver.cures`."""
    option = [] if config is None else ["--config", config]
    return shlex.join([*program(sys.argv, os.environ), *option, *words])


def program(argv: Sequence[str], environ: Mapping[str, str]) -> list[str]:
    """The words that call this program again, in any folder and in another shell.

    `apserver` alone when PATH finds this very file. uv puts the folder of the program on the
    PATH of the program only, and says by UV that it did; then the whole path it is.
    """
    called = Path(argv[0])
    if called.parts[-2:] == (PROGRAM, "__main__.py"):
        return [sys.executable, "-m", PROGRAM]
    if called.name != PROGRAM:
        return [PROGRAM]  # called from another program, such as a test
    path = called if os.sep in argv[0] else Path(shutil.which(argv[0]) or called)
    found = shutil.which(PROGRAM, path=environ.get("PATH"))
    if found is not None and "UV" not in environ and Path(found).absolute() == path.absolute():
        return [PROGRAM]
    return [str(path.absolute())]
