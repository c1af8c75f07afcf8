"""From a handle to an actor and back, by asking the hosts that the handle names (RFC 7033).

A look-up is unsigned, follows three redirects, reads 100 kB and has a time limit of its own. It
goes by https alone, and on to https alone (WF-11); only where the configuration allows http is a
host that gives no answer by https asked by http.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from apserver.core import limits
from apserver.core.origin import Handle
from apserver.core.vocabulary import JRD_JSON
from apserver.core.webfinger import Jrd, claimed_handle, parse_jrd, same_handle, webfinger_url
from apserver.errors import BadInput, RemoteGone, RemoteTrouble, Unreachable
from apserver.net.budget import Budget
from apserver.net.client import Answer, Client
from apserver.net.redirects import Trail, leads_on, next_url

_ACCEPT = f"{JRD_JSON}, application/json"


@dataclass(frozen=True, slots=True)
class Discovered:
    """An actor's id, the handle that its host calls the right one, and the answer as it came."""

    actor: str
    handle: Handle
    jrd: Mapping[str, Any]


class Discoverer:
    """Asks other servers by WebFinger."""

    def __init__(self, client: Client, *, allow_http: bool):
        self._client = client
        self._allow_http = allow_http

    async def actor(self, handle: Handle, budget: Budget) -> Discovered:
        """The actor behind a handle. The look-up does not touch the actor itself.

        When the answer is about another handle, that one's host is asked too, once, and must
        name the same actor (WF-14). RemoteGone or RemoteTrouble when there is no answer; BadInput
        when it leads to no actor or the two hosts disagree.
        """
        found = await self._look_up(handle, budget)
        right = found.subject or handle
        if not same_handle(right, handle):
            again = await self._look_up(right, budget)
            if again.subject is not None and not same_handle(again.subject, right):
                raise BadInput(f"{handle} leads to {right} and on to {again.subject}.")
            if again.actor != found.actor:
                raise BadInput(
                    f"{handle} says it is {right}, whose host names another actor: {again.actor}"
                )
        return Discovered(found.actor, right, found.document)

    async def handle_of(self, actor: Mapping[str, Any], budget: Budget) -> Handle:
        """The handle of an actor, given its document: shown by the handle's host (WF-14).

        Raises as `actor` does, and BadInput when the handle is somebody else's.
        """
        claimed = claimed_handle(actor)
        found = await self.actor(claimed, budget)
        if found.actor != actor.get("id"):
            raise BadInput(f"{claimed} is the handle of {found.actor}.")
        return found.handle

    async def _look_up(self, handle: Handle, budget: Budget) -> Jrd:
        try:
            async with asyncio.timeout(limits.WEBFINGER_S):
                return await self._ask(handle, budget)
        except TimeoutError:
            raise RemoteTrouble(f"WebFinger at {handle.host}: no answer in time") from None

    async def _ask(self, handle: Handle, budget: Budget) -> Jrd:
        try:
            answer = await self._get(webfinger_url(handle, scheme="https"), budget)
        except Unreachable:
            if not self._allow_http:
                raise
            answer = await self._get(webfinger_url(handle, scheme="http"), budget)
        if answer.status in (404, 410):
            raise RemoteGone(f"{handle.host} knows no {handle}: {answer.status}")
        if answer.status != 200:
            raise RemoteTrouble(f"WebFinger at {handle.host}: {answer.status}")
        return parse_jrd(answer.body, allow_http=self._allow_http)

    async def _get(self, url: str, budget: Budget) -> Answer:
        """The answer after at most three redirects (WF-13); every step goes through the guard."""
        trail = Trail()
        while True:
            trail.step(url)
            answer = await self._client.send(
                "GET",
                url,
                headers={"Accept": _ACCEPT},
                budget=budget,
                deadline_s=limits.WEBFINGER_S,
                max_bytes=limits.WEBFINGER,
            )
            if not leads_on(answer):
                return answer
            url = next_url(url, answer, allow_http=self._allow_http)
