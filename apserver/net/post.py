"""Deliveries: one activity, posted to one inbox."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from apserver.core import limits
from apserver.core.signatures import Request
from apserver.core.vocabulary import LD_JSON_AS2
from apserver.errors import BadInput, DomainBlocked, RemoteTrouble
from apserver.net.budget import Budget
from apserver.net.knock import REFUSALS, Signer, SigningClient


@dataclass(frozen=True, slots=True)
class Attempt:
    """How a POST went: the status, or None and the reason when there was no answer."""

    status: int | None
    reason: str
    retry_after_s: float | None = None


class Poster:
    """Signs and sends activities. A fresh date and signature for each attempt (IO-27)."""

    def __init__(self, client: SigningClient):
        self._client = client

    async def post(self, inbox: str, body: bytes, signers: Sequence[Signer]) -> Attempt:
        """POST an activity. Never raises for what the other side does.

        Signed by the first of ``signers``, and by the next when it is refused: what announces a
        new key is signed by the old one, unless the new one is known there already.
        """
        request = Request("POST", inbox, {"content-type": [LD_JSON_AS2]}, body)
        attempt, budget = Attempt(None, "nobody signs it"), Budget()
        for signer in signers:
            attempt = await self._attempt(request, signer, budget)
            if attempt.status not in REFUSALS:
                break
        return attempt

    async def _attempt(self, request: Request, signer: Signer, budget: Budget) -> Attempt:
        try:
            answer = await self._client.send(
                request,
                signer,
                budget=budget,
                deadline_s=limits.POST_S,
                max_bytes=limits.DELIVERY_ANSWER,
            )
        except (DomainBlocked, BadInput) as error:
            return Attempt(error.status, str(error))  # as final as if the other side said so
        except RemoteTrouble as error:
            return Attempt(None, str(error))
        return Attempt(answer.status, f"{answer.status}", answer.retry_after_s)
