"""Connections are counted before workers start: too few is a clear refusal, not a slow death."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import asyncpg
import pytest

from apserver.cli.serve import plan
from apserver.config import load
from apserver.core import limits
from apserver.errors import ConfigProblem
from apserver.store.budget import check_connections
from tests.cli.program import apserver


async def _run(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute(statement)
    await connection.close()


async def test_as_many_workers_as_fit_are_let_pass(postgres: str) -> None:
    """The run's PostgreSQL takes 100 connections and reserves 3."""
    most = limits.workers_within(97)
    assert limits.connections_needed(most) <= 97 < limits.connections_needed(most + 1)
    await check_connections(postgres, workers=most)
    with pytest.raises(ConfigProblem) as caught:
        await check_connections(postgres, workers=most + 1)
    told = str(caught.value)
    needed = limits.connections_needed(most + 1)
    assert "97 connections" in told
    assert "max_connections = 100, less 3 reserved" in told
    assert f"{most + 1} workers need {needed}" in told
    assert f"--workers {most} at most" in told
    assert f"raise max_connections to {needed + 3}" in told


@pytest.mark.parametrize("whose", ["ROLE limited", "DATABASE {name}"])
async def test_the_limit_of_a_role_or_a_database_counts(
    postgres: str, database: Callable[[], Awaitable[str]], whose: str
) -> None:
    dsn = await database()
    name = dsn.partition("?")[0].rpartition("/")[2]
    await _run(postgres, "CREATE ROLE limited LOGIN")
    try:
        await _run(postgres, f"ALTER {whose.format(name=name)} CONNECTION LIMIT 20")
        as_limited = dsn.replace("//apserver@", "//limited@")
        await check_connections(as_limited, workers=1)
        with pytest.raises(ConfigProblem, match="lets 20 connections in") as caught:
            await check_connections(as_limited, workers=2)
        assert "raise the limit to 23" in str(caught.value)
        await check_connections(dsn, workers=2)  # a superuser is not limited so
    finally:
        await _run(postgres, f"ALTER DATABASE {name} CONNECTION LIMIT -1")
        await _run(postgres, "DROP ROLE limited")


def test_serve_ends_with_78_and_starts_no_worker(postgres: str, tmp_path: Path) -> None:
    ended = apserver(
        "serve",
        "--workers=40",
        cwd=tmp_path,
        APSERVER__ORIGIN="https://social.example",
        APSERVER__LISTEN="127.0.0.1:0",
        APSERVER__DATA_DIR=str(tmp_path / "data"),
        APSERVER__DATABASE__URL=postgres,
    )
    assert ended.code == 78, ended.err
    assert "40 workers need 365" in ended.err
    assert "serving" not in ended.err


@pytest.mark.parametrize(("workers", "connections"), [(1, 100), (10, 100), (50, 458)])
def test_the_embedded_server_is_made_to_fit(tmp_path: Path, workers: int, connections: int) -> None:
    """The needs of the workers, five for commands, three that PostgreSQL reserves; never less
    than its own default."""
    settings = load(None, {"APSERVER__ORIGIN": "https://social.example"}, cwd=tmp_path)
    planned = plan(settings, workers=workers, on_ready=print)
    assert planned.max_connections == connections
