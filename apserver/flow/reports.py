"""What moderators do about reports: look at them, close them, open them again.

Each act is one transaction with a row for each report in the audit. It tells nobody: who reported
and who was reported hear of what is done about it, not of the report.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from apserver.core import limits
from apserver.errors import Refused
from apserver.store import moderation, reports
from apserver.store.db import Connection, Database
from apserver.store.moderation import Act
from apserver.store.reports import Report


class Reports:
    """Reports, as ``who`` deals with them."""

    def __init__(self, db: Database, *, who: str = "cli"):
        self._db = db
        self._who = who

    async def list(self, *, only_open: bool) -> Sequence[Report]:
        """The newest reports, or the newest of those that are open."""
        async with self._db.connection() as conn:
            return await reports.listed(conn, only_open=only_open, most=limits.REPORTS_LISTED)

    async def show(self, id_: int) -> Report:
        """One report. Refused when there is none with this number."""
        async with self._db.connection() as conn:
            return _known(await reports.by_id(conn, id_), id_)

    async def close(self, ids: Collection[int], *, note: str, act: str) -> Sequence[Report]:
        """Close reports; ``note`` says what was done about them. Refused when one is closed."""
        if len(note) > limits.COMMENT:
            raise Refused(f"A note may have {limits.COMMENT} characters.")
        return await self._set(ids, closed=True, note=note, act=act)

    async def reopen(self, ids: Collection[int], *, act: str) -> Sequence[Report]:
        """Open reports again. Refused when one is open."""
        return await self._set(ids, closed=False, note=None, act=act)

    async def _set(
        self, ids: Collection[int], *, closed: bool, note: str | None, act: str
    ) -> Sequence[Report]:
        async def work(conn: Connection) -> Sequence[Report]:
            return [
                await self._set_one(conn, id_, closed=closed, note=note, act=act)
                for id_ in sorted(set(ids))
            ]

        return await self._db.transaction(work)

    async def _set_one(
        self, conn: Connection, id_: int, *, closed: bool, note: str | None, act: str
    ) -> Report:
        before = _known(await reports.by_id(conn, id_, to_change=True), id_)
        if before.state == ("closed" if closed else "open"):
            raise Refused(f"Report {id_} is {before.state} already.")
        kept = before.note if note is None else note
        await reports.set_state(conn, id_, closed=closed, note=kept)
        detail = {"reported": list(before.subjects)}
        await moderation.record(conn, self._who, [Act(act, f"report {id_}", detail)])
        return _known(await reports.by_id(conn, id_), id_)


def _known(found: Report | None, id_: int) -> Report:
    if found is None:
        raise Refused(f"There is no report {id_}. See: apserver report list")
    return found
