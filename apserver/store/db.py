"""The pool, transactions and migrations."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from importlib import resources
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import asyncpg

from apserver.errors import Busy, ConfigProblem

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    Connection: TypeAlias = asyncpg.Connection | PoolConnectionProxy
else:
    Connection: TypeAlias = asyncpg.Connection

T = TypeVar("T")

#: Deadlock and serialization failure: the same transaction may well succeed at once.
_AGAIN = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError)
_TRIES = 4
#: What is raised when the server is away: restarting, or not there yet.
AWAY = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # it meets the server's farewell on an idle connection
    asyncpg.InsufficientResourcesError,  # its disk or memory is full, or all connections taken
    asyncpg.QueryCanceledError,  # by statement_timeout
    TimeoutError,
)
#: The server is there, and the URL of the database is wrong.
_NOT_WELCOME = (
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InsufficientPrivilegeError,
    asyncpg.exceptions.ClientConfigurationError,
)
#: What comes again when it is lost need not wait for the disk, and may take long: nobody waits.
_IN_BACKGROUND = "SET LOCAL synchronous_commit = off; SET LOCAL statement_timeout = '30s'"
#: Plans are made once for each statement. Left to itself PostgreSQL plans every `= ANY($1)` anew,
#: since it takes the array to be long. A plan that is kept must not be one that is good for a table
#: only while it is small: every statement of ours has its index, so scans of whole tables are
#: priced out. (Measured: a page costs the same when the tables fill, and not three times as much.)
#: Where a small table has no index, the price of a scan would look like a reason to compile code.
_PLANS = {"plan_cache_mode": "force_generic_plan", "enable_seqscan": "off", "jit": "off"}
#: Any number that is ours alone: "apserver" in a telephone's keys.
_MIGRATION_LOCK = 27_737_837


class _PooledConnection(asyncpg.Connection):  # type: ignore[misc]
    """A connection that is not reset when it goes back.

    We set nothing for a session and hold no session locks, and the reset costs more than a
    read by key (measured: 44 instead of 27 microseconds).
    """

    def get_reset_query(self) -> str:
        return ""


class Database:
    """A pool of connections to one PostgreSQL database.

    ``statement_s`` is how long a statement may take before PostgreSQL itself ends it, but for what
    is done in the background (`transaction`): nobody who asks for a page may keep it busy.
    """

    def __init__(self, dsn: str, *, connections: int, statement_s: float = 30):
        self._dsn = dsn
        self._connections = connections
        self._statement_s = statement_s
        self._pool: asyncpg.Pool | None = None

    async def open(self) -> None:
        """Connect; raises `Busy` when the server does not answer."""
        with _connecting():
            self._pool = await asyncpg.create_pool(
                self._dsn,
                min_size=1,
                max_size=self._connections,
                connection_class=_PooledConnection,
                command_timeout=30,
                server_settings={
                    "application_name": "apserver",
                    "statement_timeout": f"{self._statement_s * 1e3:.0f}",
                    **_PLANS,
                },
            )

    async def close(self) -> None:
        """Give every connection back, or cut them after five seconds."""
        if self._pool is None:
            return
        try:
            async with asyncio.timeout(5):
                await self._pool.close()
        except TimeoutError:
            self._pool.terminate()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection for reading, outside a transaction; `Busy` when there is none."""
        assert self._pool is not None, "open() comes first"
        try:
            async with self._pool.acquire(timeout=5) as connection:
                yield connection
        except AWAY as error:
            raise Busy(f"PostgreSQL is away: {error!r}", retry_after_s=2) from error

    async def transaction(
        self,
        work: Callable[[Connection], Awaitable[T]],
        *,
        durable: bool = True,
        single: bool = False,
    ) -> T:
        """Run ``work`` in one transaction; on a deadlock run it again, three times at most.

        ``single``: it is one statement, and so a transaction without BEGIN and COMMIT.

        With ``durable=False`` a crash of PostgreSQL may lose the last half second, all of the
        transaction or nothing: for work whose job row is deleted in it, and so comes back. Its
        statements may take longer.
        """
        for attempt in range(_TRIES):
            try:
                return await (self._single(work) if single else self._try(work, durable=durable))
            except _AGAIN:
                if attempt == _TRIES - 1:
                    raise
                await asyncio.sleep(0.01 * 2**attempt)
        raise AssertionError("unreachable")

    async def _try(self, work: Callable[[Connection], Awaitable[T]], *, durable: bool) -> T:
        async with self.connection() as connection, connection.transaction():
            if not durable:
                await connection.execute(_IN_BACKGROUND)
            return await work(connection)

    async def _single(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        async with self.connection() as connection:
            return await work(connection)

    async def check_answers(self) -> None:
        """Raise `Busy` when PostgreSQL does not answer."""
        async with self.connection() as connection:
            await connection.fetchval("SELECT 1")

    async def notify(self, channel: str) -> None:
        """Send a NOTIFY outside of any transaction."""
        async with self.connection() as connection:
            await connection.execute("SELECT pg_notify($1, '')", channel)

    async def listen(self, channel: str, heard: Callable[[], None]) -> asyncpg.Connection:
        """A connection of its own that calls ``heard`` at each NOTIFY; the caller closes it."""
        try:
            connection = await asyncpg.connect(self._dsn, timeout=5)
        except AWAY as error:
            raise Busy(f"PostgreSQL is away: {error!r}") from error
        try:
            await connection.add_listener(channel, lambda *_: heard())
        except AWAY as error:
            connection.terminate()
            raise Busy(f"PostgreSQL is away: {error!r}") from error
        except BaseException:  # cancelled, by a stop that comes early
            connection.terminate()
            raise
        return connection


class Rehearsal(Database):
    """A database in which every transaction is taken back at its end: for --dry-run."""

    async def _try(self, work: Callable[[Connection], Awaitable[T]], *, durable: bool) -> T:
        async with self.connection() as connection:
            transaction = connection.transaction()
            await transaction.start()
            try:
                return await work(connection)
            finally:
                await transaction.rollback()

    async def _single(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        return await self._try(work, durable=True)


async def migrate(dsn: str) -> list[str]:
    """Bring the schema up to date; each file in one transaction. Returns the names applied.

    `Busy` or ConfigProblem as `connect` says, also when the server stops meanwhile.
    """
    with _connecting():
        return await _migrate(dsn)


async def _migrate(dsn: str) -> list[str]:
    connection = await connect(dsn)
    try:
        if connection.get_server_version() < (15, 0):
            version = ".".join(map(str, connection.get_server_version()[:2]))
            raise ConfigProblem(
                f"PostgreSQL {version} is too old: apserver needs 15 or newer. "
                "Upgrade it, or leave [database] url empty to run the one that comes along."
            )
        await connection.execute("SELECT pg_advisory_lock($1)", _MIGRATION_LOCK)
        await connection.execute(
            "CREATE TABLE IF NOT EXISTS migration "
            "(name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())"
        )
        done = {row["name"] for row in await connection.fetch("SELECT name FROM migration")}
        applied = []
        for name, script in _scripts():
            if name not in done:
                async with connection.transaction():
                    await connection.execute(script)
                    await connection.execute("INSERT INTO migration (name) VALUES ($1)", name)
                applied.append(name)
        return applied
    finally:
        await connection.close()


async def connect(dsn: str) -> asyncpg.Connection:
    """One connection, which the caller closes. `Busy` or ConfigProblem when there is none."""
    with _connecting():
        return await asyncpg.connect(dsn, timeout=30)


def script_names() -> list[str]:
    """The names of all migrations, in their order."""
    return [name for name, _ in _scripts()]


@contextmanager
def _connecting() -> Iterator[None]:
    try:
        yield
    except _NOT_WELCOME as error:
        raise ConfigProblem(
            f"PostgreSQL does not let us in: {error}. Mend [database] url, or leave it empty to "
            "run the one that comes along."
        ) from error
    except AWAY as error:
        reason = error if str(error) else "no answer in time"
        raise Busy(f"PostgreSQL does not answer: {reason}") from error


def _scripts() -> list[tuple[str, str]]:
    folder = resources.files("apserver.store") / "migrations"
    files = sorted((one for one in folder.iterdir() if one.name.endswith(".sql")), key=_name)
    return [(one.name, one.read_text("utf-8")) for one in files]


def _name(file: object) -> str:
    return str(getattr(file, "name", ""))
