"""A filter of the site's own sees what comes in before it is taken (AP-SEC-05; ActivityPub B.6).

It is a function in Python, named by ``[hooks] check``:

    def check(activity, *, actor, local):
        ...

``activity`` is a copy of the document as it would be kept: HTML is clean, bto and bcc are not in
it. ``actor`` is the id of who did it, which was verified, ``local`` tells that it lives here. None
lets it pass; a text says why it does not: a client of ours is told (403), of another server's the
reason is in the log, and it gets 202 as for everything that is dropped. All activities are shown, a
Delete or an Undo too, but none that the server makes itself, and none that it fetches.

A plain function runs in a thread of its own, so that nobody waits for it but the request that it is
about; one with ``async`` in the loop. It has `limits.HOOK_S` seconds. What becomes of a request
when it fails or is late is the site's to say: it is taken, or it is to be tried again (503), which
other servers do.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from functools import partial
from typing import Any, TypeAlias

from apserver import telemetry
from apserver.core import limits
from apserver.core.model import Activity, VerifiedActivity
from apserver.errors import Busy, Forbidden

#: Takes an activity, ``actor`` and ``local``; answers None, or why it is refused.
Check: TypeAlias = Callable[..., str | Awaitable[str | None] | None]


class Screen:
    """Asks the filter, if there is one. ``must_answer``: without its answer nothing is taken."""

    def __init__(self, check: Check | None = None, *, must_answer: bool = False):
        self._check = check
        self._must_answer = must_answer
        self._threads = ThreadPoolExecutor(limits.HOOK_THREADS, thread_name_prefix="hook")

    def close(self) -> None:
        """Ask no more. What still runs is not waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def check_own(self, activity: Activity) -> None:
        """Raise Forbidden, with the reason, when the filter refuses what a client of ours posts;
        Busy when it must answer and does not."""
        reason = await self._refusal(activity, local=True)
        if reason is not None:
            raise Forbidden(f"This server does not take it: {reason}")

    async def refuses(self, activity: VerifiedActivity) -> bool:
        """Whether the filter refuses what another server sent; Busy as for one of ours."""
        reason = await self._refusal(activity, local=False)
        if reason is not None:
            telemetry.count(telemetry.APPLIED, "refused-by-hook")
            telemetry.event(
                "activity without effect",
                activity=activity.id or activity.key,
                reason="refused-by-hook",
                because=reason,
            )
        return reason is not None

    async def _refusal(self, activity: Activity, *, local: bool) -> str | None:
        if self._check is None:
            return None
        try:
            async with asyncio.timeout(limits.HOOK_S):
                reason = await self._answer(partial(_ask, self._check, activity, local=local))
        except Exception as error:  # whatever the function raises
            self._failed(repr(error))
            return None
        if reason is not None and not isinstance(reason, str):
            self._failed(f"it answered {type(reason).__name__}")
            return None
        return None if reason is None else " ".join(reason[: limits.HOOK_REASON].split())

    async def _answer(self, ask: Callable[[], Any]) -> Any:
        if inspect.iscoroutinefunction(self._check):
            return await ask()
        return await asyncio.get_running_loop().run_in_executor(self._threads, ask)

    def _failed(self, why: str) -> None:
        telemetry.count(telemetry.HOOK, "failed")
        telemetry.warn("the function of [hooks] check failed", reason=why[: limits.HOOK_REASON])
        if self._must_answer:
            raise Busy("The function of [hooks] check failed.")


def _ask(check: Check, activity: Activity, *, local: bool) -> Any:
    return check(deepcopy(dict(activity.document)), actor=activity.actor, local=local)
