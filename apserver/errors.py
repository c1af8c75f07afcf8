"""Every error that apserver raises on purpose, as one tree.

Each has two voices: ``str(error)`` is for the log and may name keys, hosts and rows;
``error.public`` is what the other side is told, and it says what to do about it.

    ApserverError
    ├── BadInput 400           what was sent is malformed
    │   ├── TooSlow 408
    │   ├── TooLarge 413
    │   ├── BadMediaType 415
    │   └── Unprocessable 422  well-formed, and at odds with what was sent before
    │       └── BulkRefused    all or none was asked for, and some cannot be
    ├── NotTrusted 401         who is asking is not shown (signature, token)
    │   └── Forbidden 403      who is asking is known, and may not
    │       ├── InsufficientScope  its token does not reach so far
    │       └── DomainBlocked  we do not deal with its server
    ├── Missing 404            not there, or not for you: the two look alike
    │   └── Gone 410
    ├── NotAllowed 405         the method does not exist here
    ├── Misdirected 421        the request names a host that is not ours
    ├── Conflict 409           true of the request, but not with what we hold
    ├── Busy 503               later may work; `retry_after_s` says when
    │   └── RateLimited 429
    ├── LeaseLost              another worker has what this one was doing
    ├── RemoteTrouble 502      another server failed us
    │   ├── RemoteGone         it says that the thing is gone (404, 410)
    │   ├── RemoteRefused      it does not show it to who asks (401, 403)
    │   ├── RemoteSlow 504     it takes longer than whoever asked us waits
    │   ├── Unreachable        it gave no answer at all, or we may not ask it
    │   └── Astray             it leads in a circle, or further than we follow
    │       └── OverBudget     one event has caused all the requests that it may
    ├── Refused                a command was understood and declined (exit 1)
    └── ConfigProblem          the configuration cannot be used (exit 78)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Literal, Self, TypeAlias

Why: TypeAlias = Literal["address", "name", "connection", "tls", "time", "answer"]

_FEP_C180 = "https://w3id.org/fep/c180#"  #: problem types for ActivityPub


def told(status: int, detail: str) -> dict[str, str | int]:
    """What every problem has (RFC 9457 3.1): ``title`` is the same for all errors of a status,
    ``detail`` says what was wrong and how to cure it."""
    return {"title": HTTPStatus(status).phrase, "status": status, "detail": detail}


class ApserverError(Exception):
    """Base of all. ``status`` is the HTTP status, ``kind`` the slug in problem+json and metrics,
    ``type`` the problem type of RFC 9457, where somebody has defined one that fits."""

    status = 500
    kind = "internal"
    type = "about:blank"
    public = "Something went wrong on our side."

    def __init__(self, detail: str = "", *, public: str | None = None, pointer: str | None = None):
        super().__init__(detail or public or self.public)
        self.public = public or (detail if self.status < 500 and detail else self.public)
        #: JSON pointer (RFC 6901) to the member at fault, when there is one.
        self.pointer = pointer

    def bare(self) -> Self:
        """The same error without trace and cause, to be kept: these hold on to whatever the
        functions had at hand that it came through, such as the body of an answer."""
        again = type(self).__new__(type(self), *self.args)
        again.__dict__.update(self.__dict__)
        return again


class BadInput(ApserverError):
    """What was sent is malformed."""

    status = 400
    kind = "bad-input"
    public = "The request is malformed."


class TooSlow(BadInput):
    """The body did not come in the time that `core.limits` allows."""

    status = 408
    kind = "too-slow"
    public = "The body took too long."


class TooLarge(BadInput):
    """More bytes than `core.limits` allows."""

    status = 413
    kind = "too-large"
    public = "The body is too large."


class BadMediaType(BadInput):
    """A body in a media type that this door does not take."""

    status = 415
    kind = "bad-media-type"
    public = "This media type is not accepted here."


class Unprocessable(BadInput):
    """It is well-formed, and cannot be what was meant: an Idempotency-Key stands for another."""

    status = 422
    kind = "unprocessable"
    public = "The request is at odds with an earlier one."


class BulkRefused(Unprocessable):
    """Many activities were to be kept together, and ``failed`` tells which cannot be and why, by
    JSON pointers to them."""

    kind = "bulk-refused"

    def __init__(self, failed: Mapping[str, ApserverError]):
        super().__init__(f"Nothing was kept: {len(failed)} of the items cannot be.")
        self.failed = failed


class NotTrusted(ApserverError):
    """Nobody was shown to be the sender."""

    status = 401
    kind = "not-trusted"
    public = "Authentication is required."


class Forbidden(NotTrusted):
    """The sender is known, and may not do this."""

    status = 403
    kind = "forbidden"
    public = "You may not do this."


class InsufficientScope(Forbidden):
    """The token is valid and lacks ``scope`` (RFC 6750 3.1). ``held`` are those that it has."""

    kind = "insufficient-scope"
    type = f"{_FEP_C180}client-not-authorized"

    def __init__(self, scope: str, *, held: Iterable[str] = ()):
        scopes = sorted({scope} if scope == "site" else {scope, *held})
        name = "instance" if "site" in scopes else "NAME"
        cure = f"Make one with it: apserver token create {name} --scope {','.join(scopes)}"
        if scope == "write" and "site" in scopes:
            cure = "The token of a site posts to /outbox, and names the actor there."
        super().__init__(f"The token lacks the scope {scope}. {cure}")
        self.scope = scope


class DomainBlocked(Forbidden):
    """A domain rule, or closed mode, says that we neither hear this host nor ask it."""

    kind = "domain-blocked"

    def __init__(self, host: str, *, pointer: str | None = None):
        super().__init__(f"This server does not federate with {host}.", pointer=pointer)
        self.host = host


class Missing(ApserverError):
    """Not there, or not for this viewer; the answer does not tell which."""

    status = 404
    kind = "missing"
    public = "There is nothing here."


class Gone(Missing):
    """It was here and has been deleted."""

    status = 410
    kind = "gone"
    public = "This has been deleted."


class NotAllowed(ApserverError):
    """The path exists and does not take this method."""

    status = 405
    kind = "method-not-allowed"
    public = "This method does not exist here."


class Misdirected(ApserverError):
    """The Host header names a host that this server does not answer for (RFC 9110 15.5.20)."""

    status = 421
    kind = "misdirected"
    public = "This server does not answer for that host."


class Conflict(ApserverError):
    """It clashes with what is stored."""

    status = 409
    kind = "conflict"
    public = "This conflicts with what is stored."


class Busy(ApserverError):
    """We cannot do it now; a later try may work."""

    status = 503
    kind = "busy"
    public = "The server is busy. Try again later."

    def __init__(self, detail: str = "", *, public: str | None = None, retry_after_s: int = 30):
        super().__init__(detail, public=public)
        self.retry_after_s = retry_after_s


class RateLimited(Busy):
    """Too many requests from one address, actor or host. ``violated`` are the policies that say so
    (`core.rate_limit`)."""

    status = 429
    kind = "rate-limited"
    type = f"{_FEP_C180}rate-limit-exceeded"
    public = "Too many requests. Slow down."

    def __init__(self, *, violated: Iterable[str], retry_after_s: int):
        super().__init__(retry_after_s=retry_after_s)
        self.violated = tuple(violated)


class LeaseLost(ApserverError):
    """Another worker has what this one was doing, or has done it: nothing more is written here."""

    kind = "lease-lost"


class RemoteTrouble(ApserverError):
    """Another server did not give us what we asked for."""

    status = 502
    kind = "remote-trouble"
    public = "Another server could not be reached or gave no usable answer."


class RemoteGone(RemoteTrouble):
    """Another server says that the thing does not exist (any more); ``for_good``: by 410."""

    kind = "remote-gone"

    def __init__(self, detail: str, *, for_good: bool = False):
        super().__init__(detail)
        self.for_good = for_good


class RemoteRefused(RemoteTrouble):
    """Another server does not show the thing to who asks (401, 403)."""

    kind = "remote-refused"


class RemoteSlow(RemoteTrouble):
    """Another server takes longer than a client of ours waits."""

    status = 504
    kind = "remote-slow"
    public = "Another server did not answer in time. Try again later."


class Unreachable(RemoteTrouble):
    """No usable answer came. ``why`` is at fault: the address is one that we may not reach, the
    name leads nowhere, nobody takes the connection, TLS fails, time is up, or what came is none.
    """

    kind = "unreachable"

    def __init__(self, detail: str, *, why: Why):
        super().__init__(detail)
        self.why = why


class Astray(RemoteTrouble):
    """A look-up was led in a circle or too far. The same again leads nowhere, so it is final."""

    kind = "astray"


class OverBudget(Astray):
    """One root event has had its share of requests, bytes or seconds (`apserver.net.budget`)."""

    kind = "over-budget"


class Refused(ApserverError):
    """A command was understood and declined (exit code 1)."""

    kind = "refused"


class ConfigProblem(ApserverError):
    """The configuration cannot be used (exit code 78, EX_CONFIG of sysexits.h)."""

    kind = "config"
