"""Errors as they are told: the members of problem details (RFC 9457)."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from apserver.errors import ApserverError, BulkRefused, RateLimited


def members_of(error: ApserverError, *, at: str = "") -> dict[str, Any]:
    """What is told of an error in the part of the request that ``at`` points to (RFC 6901).

    ``title`` is the same for all errors of a status (RFC 9457 4.2.1); ``detail`` says what was wrong
    and how to cure it, ``pointer`` is the member at fault, ``kind`` our word for the error
    (`apserver.errors`).
    """
    members: dict[str, Any] = {
        "type": error.type,
        **told(error.status, error.public),
        "kind": error.kind,
    }
    if error.pointer is not None or at:
        members["pointer"] = at + (error.pointer or "")
    if isinstance(error, RateLimited):
        members["violated-policies"] = error.violated
    if isinstance(error, BulkRefused):
        members["errors"] = [members_of(one, at=where) for where, one in error.failed.items()]
    return members


def told(status: int, detail: str) -> dict[str, Any]:
    """The members that every problem has."""
    return {"title": HTTPStatus(status).phrase, "status": status, "detail": detail}
