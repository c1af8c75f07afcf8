"""HTTP Message Signatures, RFC 9421, in the profile of the fediverse.

    Signature-Input: sig1=("@method" "@target-uri" "content-digest");created=…;keyid="…"
    Signature: sig1=:base64:

The signature base has one line ``"component": value`` for each component in the parentheses and
ends with ``"@signature-params": (…);created=…``, the member of Signature-Input as received. A name
with ``@`` is derived from the request (RFC 9421 2.2), others are headers.

The profile (what Mastodon asks for, and every sender gives): exactly one signature; ``created`` and
``keyid``; ``@method``, ``@target-uri`` and, with a body, ``content-digest`` are covered.
Parameters of components: ``name`` of ``@query-param`` and ``bs`` are read. ``sf`` and ``key`` need
the type of every header, ``req`` belongs to responses and ``tr`` to trailers: these are refused.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TypeVar
from urllib.parse import quote, unquote_plus

from apserver.core import limits
from apserver.core.keys import PrivateKey
from apserver.core.signatures import digests
from apserver.core.signatures.asked import AskedSignature, needed_components
from apserver.core.signatures.dates import from_unix, http_date
from apserver.core.signatures.message import Claim, Request, base_bytes, wire_bytes
from apserver.core.signatures.structured import BareItem, InnerList, Item, Member, read_dictionary
from apserver.errors import BadInput, NotTrusted

#: Signed when sent: it counts for its receiver only then (FEP-8fcf).
_SIGNED_IF_SENT = ("collection-synchronization",)

_P = TypeVar("_P", str, int)


def read_claim(request: Request) -> Claim:
    """Read `Signature-Input` and `Signature`.

    Raises BadInput when one of them is no structured field of the right shape; NotTrusted when
    they do not hold exactly one signature, or when it does not cover what it must.
    """
    covered, signature = _only_signature(request)
    names = [_name(item) for item in covered.items if not item.parameters]
    _check_coverage(request, names)
    key_id = _parameter(covered, "keyid", str)
    created = _parameter(covered, "created", int)
    if not key_id or created is None:
        raise NotTrusted("Signature-Input must have the parameters created and keyid.")
    expires = _parameter(covered, "expires", int)
    return Claim(
        scheme="rfc9421",
        key_id=key_id,
        algorithm=_parameter(covered, "alg", str) or "",
        signature=signature,
        bases=(signature_base(request, covered),),
        signed_at=from_unix(created),
        expires_at=None if expires is None else from_unix(expires),
        covers_digest="content-digest" in names,
    )


def read_input(text: str) -> tuple[str, InnerList]:
    """The label and the covered components of a Signature-Input with one signature.

    Raises BadInput when it is malformed, NotTrusted when it holds none or several.
    """
    label, member = _only_member(read_dictionary(text, field="Signature-Input"))
    if not isinstance(member, InnerList):
        raise BadInput("Signature-Input must map a label to a list of components.")
    return label, member


def signature_base(request: Request, covered: InnerList) -> bytes:
    """The bytes that are signed (RFC 9421 2.5).

    Raises NotTrusted when a component stands twice, is unknown, or has no value in the request.
    """
    if len(covered.items) > limits.SIGNED_COMPONENTS:
        raise NotTrusted(f"A signature may cover {limits.SIGNED_COMPONENTS} components at most.")
    lines: list[str] = []
    seen: set[object] = set()
    for item in covered.items:
        identity = (item.value, frozenset(item.parameters.items()))
        if identity in seen:
            raise NotTrusted(f"Signature-Input covers {item.raw} twice.")
        seen.add(identity)
        lines.append(f"{item.raw}: {_component(request, item)}")
    lines.append(f'"@signature-params": {covered.raw}')
    return base_bytes(lines)


def sign(
    request: Request,
    *,
    key_id: str,
    key: PrivateKey,
    now: datetime,
    asked: AskedSignature | None = None,
) -> dict[str, str]:
    """The headers to add to a request of ours: the signature and what it covers.

    ``Content-Digest`` comes with a body. `Host` needs no place of its own: it is part of
    `@target-uri`. ``asked`` is the form that the receiver wants (`asked_signature`).
    """
    if asked is None:
        needed = needed_components(request)
        sent = tuple(name for name in _SIGNED_IF_SENT if name in request.headers)
        asked = AskedSignature(label="sig1", components=needed + sent)
    own = {
        "Content-Digest": digests.content_digest(request.body),
        "Date": http_date(now),
        "Host": request.authority,
    }
    added = {name: value for name, value in own.items() if name.lower() in asked.components}
    member = asked.member(key_id=key_id, created=int(now.timestamp()))
    _, covered = read_input(f"{asked.label}={member}")
    signature = key.sign(signature_base(request.with_fields(added), covered))
    added["Signature-Input"] = f"{asked.label}={member}"
    added["Signature"] = f"{asked.label}=:{b64encode(signature).decode()}:"
    return added


def _only_signature(request: Request) -> tuple[InnerList, bytes]:
    label, covered = read_input(request.field("signature-input") or "")
    signatures = read_dictionary(request.field("signature") or "", field="Signature")
    other, signature = _only_member(signatures)
    if other != label:
        raise NotTrusted("Signature and Signature-Input must have the same label.")
    if not isinstance(signature, Item) or not isinstance(signature.value, bytes):
        raise BadInput("Signature must map a label to a byte sequence.")
    return covered, signature.value


def _only_member(members: Mapping[str, Member]) -> tuple[str, Member]:
    if len(members) != 1:
        raise NotTrusted("Signature and Signature-Input must hold one signature.")
    return next(iter(members.items()))


def _parameter(covered: InnerList, name: str, kind: type[_P]) -> _P | None:
    value = covered.parameters.get(name)
    if value is None or type(value) is kind:
        return value
    raise NotTrusted(f"The parameter {name} of Signature-Input has the wrong type.")


def _name(item: Item) -> str:
    if not isinstance(item.value, str):
        raise BadInput("The components of Signature-Input must be strings.")
    return item.value


def _check_coverage(request: Request, names: Sequence[str]) -> None:
    missing = [name for name in needed_components(request) if name not in names]
    if missing:
        raise NotTrusted(f"The signature does not cover {', '.join(missing)}. Sign that too.")


def _component(request: Request, item: Item) -> str:
    name = _name(item)
    parameters = set(item.parameters)
    value: str | None = None
    if name == "@query-param" and parameters == {"name"}:
        value = _query_parameter(request, item.parameters["name"])
    elif name.startswith("@") and not parameters:
        value = _derived(request, name)
    elif not parameters:
        value = request.field(name)
    elif parameters == {"bs"} and item.parameters["bs"] is True:
        value = _wrapped(request.headers.get(name, ()))
    if value is None:
        raise NotTrusted(
            f"The signature covers {item.raw}, which the request does not have or"
            " this server does not read."
        )
    return value


def _derived(request: Request, name: str) -> str | None:
    """A derived component of a request (RFC 9421 2.2); `@status` belongs to responses."""
    if name == "@method":
        return request.method
    if name == "@target-uri":
        return request.url
    if name == "@authority":
        return request.authority
    if name == "@scheme":
        return request.scheme
    if name == "@request-target":
        return request.target
    path, _, query = request.target.partition("?")
    if name == "@path":
        return path
    return f"?{query}" if name == "@query" else None


def _wrapped(values: Sequence[str]) -> str | None:
    """Values as byte sequences, so that a comma in one is no border (RFC 9421 2.1.3)."""
    if not values:
        return None
    wrapped = [b64encode(wire_bytes(value.strip(" \t"))).decode() for value in values]
    return ", ".join([f":{value}:" for value in wrapped])


def _query_parameter(request: Request, wanted: BareItem) -> str | None:
    """A query parameter, re-encoded; None when it is absent or repeated (RFC 9421 2.2.8)."""
    query = request.target.partition("?")[2]
    pairs = [pair.partition("=") for pair in query.split("&") if pair]
    found = [value for name, _, value in pairs if _reencoded(name) == wanted]
    return _reencoded(found[0]) if len(found) == 1 else None


def _reencoded(text: str) -> str:
    """Form-decoded, then percent-encoded with the form's own set of safe characters."""
    return quote(unquote_plus(text), safe="*", errors="replace").replace("~", "%7E")
