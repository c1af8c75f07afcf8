"""HTTP signatures: who sent this request?

A peer proves that it sent a request by signing a text made out of it: the *signature base*. It
names the parts that the text is made of (the *covered* parts) and the key, by its IRI. Whoever
rebuilds the same text from what arrived, and finds that the signature fits text and key, knows
that the holder of the key sent those parts. Nothing else in the request is proven, so the work is
less in the arithmetic than in two questions: do the covered parts pin the request down, and do both
sides read the same text from the same bytes?

Pinned down means: method, host, path and query (or the signature works on another inbox), a time
(or it works for ever), and the body. A signature covers headers only, so the body is tied to it by
a header with its digest, which must be covered **and** compared (CVE-2023-49079). Read alike means:
nothing is decoded, sorted or cleaned before it enters the base, and whatever two readers could take
in two ways is refused: a parameter twice, two signatures, two values where one is meant.

Two schemes are in use. **draft-cavage-12** is what every server speaks; **RFC 9421** is its
successor. Both use the header `Signature`, so `Signature-Input`, which only the RFC has, decides:
where it stands, the request is read by the RFC and by nothing else. The algorithm comes from the
type of the key and never from the request; a name that the request gives must agree.

A request passes four steps, each of which may refuse:

    read_claim     the headers -> a `Claim`: complete, covering enough, its base built
    check_fresh    signed within 65 minutes of now, and not expired
    check_digest   the digest that it covers is the body's
    verify         one of its bases, the signature and the key fit (asks check_fresh again)

Only the last needs the key, so a caller fetches no key for a request that cannot pass. What stays
to be shown is that the key is its owner's (`core.key_documents`) and that the owner may do what
the body says.

Errors: NotTrusted (401) when nothing was proven; BadInput (400) when a structured field of RFC 9421
or 9530 cannot be read. A peer that tries both schemes takes either as a sign to try the other.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from apserver.core import limits
from apserver.core.keys import KeyKind, PublicKey
from apserver.core.signatures import cavage, digests, rfc9421
from apserver.core.signatures.asked import AskedSignature, accept_signature, asked_signature
from apserver.core.signatures.cavage import sign as sign_cavage
from apserver.core.signatures.message import Claim, Request, Scheme
from apserver.core.signatures.rfc9421 import sign as sign_rfc9421
from apserver.errors import NotTrusted

__all__ = [
    "AskedSignature",
    "Claim",
    "Request",
    "Scheme",
    "accept_signature",
    "asked_signature",
    "check_digest",
    "check_fresh",
    "is_signed",
    "read_claim",
    "sign_cavage",
    "sign_rfc9421",
    "verify",
]

_SKEW = timedelta(seconds=limits.CLOCK_SKEW_S)
#: What a signer may call the one algorithm that we use with each type of key. `hs2019` says "look
#: at the key"; the draft means SHA-512 by it for RSA, the field SHA-256.
_ALGORITHM_NAMES: dict[tuple[Scheme, KeyKind], frozenset[str]] = {
    ("cavage", "rsa"): frozenset({"", "hs2019", "rsa-sha256"}),
    ("cavage", "ed25519"): frozenset({"", "hs2019", "ed25519"}),
    ("rfc9421", "rsa"): frozenset({"", "rsa-v1_5-sha256"}),
    ("rfc9421", "ed25519"): frozenset({"", "ed25519"}),
}


def read_claim(request: Request) -> Claim:
    """Read who a request says has signed it.

    Raises NotTrusted when it is not signed, or not so that it would prove anything; BadInput when
    a structured field cannot be read.
    """
    by_rfc = "signature-input" in request.headers
    claim = rfc9421.read_claim(request) if by_rfc else cavage.read_claim(request)
    if len(claim.key_id) > limits.IRI:
        raise NotTrusted(f"The key id is longer than {limits.IRI} characters.")
    return claim


def check_fresh(claim: Claim, *, now: datetime) -> None:
    """Raise NotTrusted unless the signature was made about ``now`` and has not expired."""
    if abs(now - claim.signed_at) > _SKEW:
        raise NotTrusted(
            f"The signature is more than {limits.CLOCK_SKEW_S // 60} minutes old or ahead."
            " Check the clock and sign anew for every attempt."
        )
    if claim.expires_at is not None and now > claim.expires_at:
        raise NotTrusted("The signature has expired.")


def check_digest(request: Request, claim: Claim) -> None:
    """Raise unless the digest that the claim covers is that of the request's raw body.

    NotTrusted when it is not; BadInput when `Content-Digest` cannot be read.
    """
    if not claim.covers_digest:
        if request.needs_digest:
            raise NotTrusted("The signature does not cover a digest of the body.")
        return
    if claim.scheme == "cavage":
        digests.check_digest(request.field("digest") or "", request.body)
    else:
        digests.check_content_digest(request.field("content-digest") or "", request.body)


def verify(claim: Claim, key: PublicKey, *, now: datetime) -> None:
    """Raise NotTrusted unless the holder of ``key`` made the signature, about ``now``.

    Says nothing of the body (`check_digest`) and nothing of whose key it is.
    """
    check_fresh(claim, now=now)
    if claim.algorithm not in _ALGORITHM_NAMES[claim.scheme, key.kind]:
        raise NotTrusted(
            f"The algorithm {claim.algorithm!r} does not belong to a key of type {key.kind}."
        )
    if not any(key.verify(claim.signature, base) for base in claim.bases):
        raise NotTrusted("The signature does not fit the request and the key.")


def is_signed(request: Request) -> bool:
    """Whether a request carries a signature of any kind, good or bad."""
    return "signature-input" in request.headers or bool(cavage.signature_headers(request))
