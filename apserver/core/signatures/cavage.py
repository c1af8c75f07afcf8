"""HTTP signatures as the fediverse has deployed them: draft-cavage-http-signatures-12.

    Signature: keyId="…#main-key",algorithm="rsa-sha256",headers="(request-target) host date",…

The signing string has one line ``name: value`` for each name in ``headers``, in that order. Three
names are not headers: ``(request-target)`` is the method in lower case, a space, and path with
query; ``(created)`` and ``(expires)`` are parameters of the signature itself.

Where servers leave the draft we follow them: ``hs2019`` means RSA with SHA-256 when the key is an
RSA key, and signatures whose request target lacks the query are accepted, since old servers make
them so. Where servers are lax we are not: method and path, host, a time and (with a body) the
digest must all be covered, or a signature could be replayed elsewhere (CVE-2023-49079).
"""

from __future__ import annotations

import re
from base64 import b64encode
from binascii import a2b_base64
from collections.abc import Mapping, Sequence
from datetime import datetime

from apserver.core import limits
from apserver.core.keys import PrivateKey
from apserver.core.signatures import digests
from apserver.core.signatures.dates import from_unix, http_date, parse_http_date
from apserver.core.signatures.message import Claim, Request, base_bytes
from apserver.errors import NotTrusted

_SCHEME_WORD = re.compile(r"signature[ \t]+", re.IGNORECASE)
_PARAMETER = re.compile(
    r'[ \t]*+([A-Za-z][A-Za-z0-9_-]*+)[ \t]*+=[ \t]*+(?:"([^"\\]*+)"|([^\s",]++))[ \t]*+(?:,|\Z)'
)
_CREATED = re.compile(r"[0-9]{1,11}")
_EXPIRES = re.compile(r"[0-9]{1,11}(?:\.[0-9]{1,9})?")
#: Algorithms that predate (created) and (expires) and exclude them (draft 2.1.4 and 2.3).
_OLD_ALGORITHMS = ("rsa", "hmac", "ecdsa")

#: Signed when the caller sends them, after the headers that every signature covers. The last one
#: counts for its receiver only when it is signed (FEP-8fcf).
_SIGNED_IF_SENT = ("content-type", "collection-synchronization")


def read_claim(request: Request) -> Claim:
    """Read the `Signature` header, or `Authorization: Signature …` (draft 3.1).

    Raises NotTrusted when there is none or more than one, when it is malformed, or when it does
    not cover what it must.
    """
    parameters = read_parameters(_header(request))
    algorithm = parameters.get("algorithm", "").lower()
    names = covered_names(parameters.get("headers"), algorithm=algorithm)
    _check_coverage(request, names)
    return Claim(
        scheme="cavage",
        key_id=_required(parameters, "keyId"),
        algorithm=algorithm,
        signature=_signature(parameters),
        bases=_bases(request, names, parameters),
        signed_at=_signed_at(request, names, parameters),
        expires_at=_expires_at(parameters),
        covers_digest="digest" in names,
    )


def read_parameters(header: str) -> dict[str, str]:
    """The parameters of a signature, names in lower case, since HTTP compares them so.

    Values may be quoted or not; the word `Signature` may lead. Raises NotTrusted when malformed or
    when a parameter stands twice: readers differ in which of the two they believe.
    """
    parameters: dict[str, str] = {}
    word = _SCHEME_WORD.match(header)
    at = word.end() if word else 0
    while at < len(header) or not parameters:
        found = _PARAMETER.match(header, at)
        if found is None:
            raise NotTrusted(f"The Signature header is malformed at character {at + 1}.")
        name = found[1].lower()
        if name in parameters:
            raise NotTrusted(f"The Signature header has {found[1]!r} twice. Send it once.")
        parameters[name] = found[3] if found[2] is None else found[2]
        at = found.end()
    return parameters


def covered_names(headers: str | None, *, algorithm: str) -> tuple[str, ...]:
    """The names that a signature covers, in order; ``headers`` is that parameter, if there is one.

    Without it the default is `date` for the old algorithms, else `(created)` (draft 2.1.6).
    Raises NotTrusted when it is empty, too long or has a name twice.
    """
    if headers is None:
        return ("date",) if algorithm.startswith(_OLD_ALGORITHMS) else ("(created)",)
    names = tuple(headers.lower().split())
    if not 0 < len(names) <= limits.SIGNED_COMPONENTS or len(set(names)) != len(names):
        raise NotTrusted(
            "The headers parameter of Signature must name"
            f" 1 to {limits.SIGNED_COMPONENTS} headers, each once."
        )
    if algorithm.startswith(_OLD_ALGORITHMS) and not {"(created)", "(expires)"}.isdisjoint(names):
        raise NotTrusted(f"(created) and (expires) cannot be signed with {algorithm}. Use hs2019.")
    return names


def signing_string(
    request: Request,
    names: Sequence[str],
    *,
    parameters: Mapping[str, str] | None = None,
    with_query: bool = True,
) -> bytes:
    """The bytes that are signed (draft 2.3). ``parameters`` holds `created` and `expires`.

    Raises NotTrusted when a name has no value in the request.
    """
    own = parameters or {}
    lines: list[str] = []
    for name in names:
        if name == "(request-target)":
            target = request.target if with_query else request.target.partition("?")[0]
            value: str | None = f"{request.method.lower()} {target}"
        elif name.startswith("("):
            value = own.get(name[1:-1]) if name in ("(created)", "(expires)") else None
        else:
            value = request.field(name)
        if value is None:
            raise NotTrusted(f"The signature covers {name!r}, which the request does not have.")
        lines.append(f"{name}: {value}")
    return base_bytes(lines)


def sign(
    request: Request, *, key_id: str, key: PrivateKey, now: datetime, with_query: bool = True
) -> dict[str, str]:
    """The headers to add to a request of ours, in the one form that all known servers read.

    They are `Host`, `Date`, `Digest` when there is a body to vouch for, and `Signature`. Some
    servers split the last at commas, so it has no spaces after them. ``request.headers`` holds
    what the caller sends already; `content-type` among it is signed too. Without ``with_query``
    the request target is signed without its query, for servers that check it so.
    """
    added = {"Host": request.authority, "Date": http_date(now)}
    names = ["(request-target)", "host", "date"]
    if request.needs_digest:
        added["Digest"] = digests.digest(request.body)
        names.append("digest")
    names += [name for name in _SIGNED_IF_SENT if name in request.headers]
    string = signing_string(request.with_fields(added), names, with_query=with_query)
    signature = b64encode(key.sign(string)).decode()
    algorithm = "rsa-sha256" if key.kind == "rsa" else "hs2019"
    added["Signature"] = (
        f'keyId="{key_id}",algorithm="{algorithm}",headers="{" ".join(names)}",'
        f'signature="{signature}"'
    )
    return added


def signature_headers(request: Request) -> list[str]:
    """Every offer of a signature: `Signature`, and `Authorization: Signature …` unless it is the
    same text once more (apkit sends both)."""
    offers = [value.strip(" \t") for value in request.headers.get("signature", ())]
    for value in request.headers.get("authorization", ()):
        word = _SCHEME_WORD.match(value)
        if word is not None and value[word.end() :].strip(" \t") not in offers:
            offers.append(value)
    return offers


def _header(request: Request) -> str:
    found = signature_headers(request)
    if len(found) != 1:
        raise NotTrusted(
            "The request is not signed. Sign it with an HTTP signature."
            if not found
            else "The request has more than one Signature header. Send one."
        )
    if len(found[0]) > limits.HEADER:
        raise NotTrusted(f"The Signature header is longer than {limits.HEADER} bytes.")
    return found[0].strip(" \t")


def _required(parameters: Mapping[str, str], name: str) -> str:
    value = parameters.get(name.lower())
    if not value:
        raise NotTrusted(f"The Signature header has no {name}.")
    return value


def _signature(parameters: Mapping[str, str]) -> bytes:
    try:
        return a2b_base64(_required(parameters, "signature"), strict_mode=True)
    except ValueError:
        raise NotTrusted("The signature is not base64.") from None


def _check_coverage(request: Request, names: Sequence[str]) -> None:
    needed = ["(request-target)", "host"]
    if "(created)" not in names:
        needed.append("date")
    if request.needs_digest:
        needed.append("digest")
    missing = [name for name in needed if name not in names]
    if missing:
        raise NotTrusted(f"The signature does not cover {', '.join(missing)}. Sign that too.")
    if not request.is_for_host(request.field("host") or ""):
        raise NotTrusted("The signature was made for another host.")


def _bases(
    request: Request, names: Sequence[str], parameters: Mapping[str, str]
) -> tuple[bytes, ...]:
    whole = signing_string(request, names, parameters=parameters)
    if "?" not in request.target:
        return (whole,)
    return whole, signing_string(request, names, parameters=parameters, with_query=False)


def _signed_at(request: Request, names: Sequence[str], parameters: Mapping[str, str]) -> datetime:
    if "(created)" not in names:
        return parse_http_date(request.field("date") or "")
    created = _required(parameters, "created")
    if not _CREATED.fullmatch(created):
        raise NotTrusted("The created parameter of Signature is not a Unix time.")
    return from_unix(int(created))


def _expires_at(parameters: Mapping[str, str]) -> datetime | None:
    """`expires` counts even when it is not covered: taking it away is the worst one could do."""
    expires = parameters.get("expires")
    if expires is None:
        return None
    if not _EXPIRES.fullmatch(expires):
        raise NotTrusted("The expires parameter of Signature is not a Unix time.")
    return from_unix(float(expires))
