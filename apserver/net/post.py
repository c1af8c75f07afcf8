"""Deliveries: one signed POST to one inbox."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from apserver.core import limits
from apserver.core.signatures import Request, sign_cavage
from apserver.core.vocabulary import ACTIVITY_JSON
from apserver.errors import BadInput, RemoteTrouble
from apserver.net.client import Client
from apserver.net.fetch import Signer


@dataclass(frozen=True, slots=True)
class Attempt:
    """How a POST went: the status, or None and the reason when there was no answer."""

    status: int | None
    reason: str
    retry_after_s: float | None = None


class Poster:
    """Signs and sends activities. A fresh date and signature for each attempt (IO-27)."""

    def __init__(self, client: Client):
        self._client = client

    async def post(self, inbox: str, body: bytes, signer: Signer) -> Attempt:
        """POST an activity. Never raises for what the other side does."""
        request = Request("POST", inbox, {"content-type": [ACTIVITY_JSON]}, body)
        try:
            signed = sign_cavage(
                request, key_id=signer.key_id, key=signer.key, now=datetime.now(UTC)
            )
            answer = await self._client.send(
                "POST",
                inbox,
                headers={"Content-Type": ACTIVITY_JSON, **signed},
                body=body,
                deadline_s=limits.POST_S,
                max_bytes=limits.DELIVERY_ANSWER,
            )
        except (RemoteTrouble, BadInput) as error:
            return Attempt(None, str(error))
        return Attempt(answer.status, f"{answer.status}", answer.retry_after_s)
