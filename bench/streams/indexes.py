"""Rows by the million go in faster when the indexes are made afterwards."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from apserver.store.db import Connection

_CONSTRAINTS = """
SELECT format('ALTER TABLE %s DROP CONSTRAINT %I CASCADE', conrelid::regclass, conname) AS drop,
       format('ALTER TABLE %s ADD CONSTRAINT %I %s', conrelid::regclass, conname,
              pg_get_constraintdef(oid)) AS make
FROM pg_constraint
WHERE conrelid = ANY($1::text[]::regclass[]) AND contype IN ('p', 'u', 'f')
ORDER BY contype = 'f' DESC
"""
_INDEXES = """
SELECT format('DROP INDEX %s', i.indexrelid::regclass) AS drop,
       pg_get_indexdef(i.indexrelid) AS make
FROM pg_index i
WHERE i.indrelid = ANY($1::text[]::regclass[])
  AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid AND c.contype <> 'f')
"""


@asynccontextmanager
async def without_indexes(conn: Connection, tables: Sequence[str]) -> AsyncIterator[None]:
    """Take keys and indexes off these tables, and put them back as they were."""
    await conn.execute("SET maintenance_work_mem = '512MB'; SET work_mem = '256MB'")
    made = [
        *await conn.fetch(_CONSTRAINTS, list(tables)),
        *await conn.fetch(_INDEXES, list(tables)),
    ]
    for row in made:
        await conn.execute(row["drop"])
    yield
    for row in reversed(made):
        await conn.execute(row["make"])
    await conn.execute("RESET maintenance_work_mem; RESET work_mem")
