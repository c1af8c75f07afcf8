"""PostgreSQL: the only importer of asyncpg, and the only place with SQL.

Functions take a connection first and never commit; `db.Database.transaction` does. Every write
of several rows is sorted by key, so that two of them cannot wait for each other.
"""
