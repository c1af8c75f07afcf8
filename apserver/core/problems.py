"""Errors as they are told: the members of problem details (RFC 9457)."""

from __future__ import annotations

from typing import Any

from apserver.errors import ApserverError, BulkRefused, RateLimited, told


def members_of(error: ApserverError, *, at: str = "") -> dict[str, Any]:
    """What is told of an error in the part of the request that ``at`` points to (RFC 6901).

    ``pointer`` is the member at fault, ``kind`` our word for the error (`apserver.errors`).
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
