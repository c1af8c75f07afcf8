"""What a signature is to look like: RFC 9421 5, the header `Accept-Signature`.

    Accept-Signature: sig1=("@method" "@target-uri" "content-digest");created;nonce="…"

A server that refuses a request may say how it wants it signed: one member for each signature, with
a label, the components to cover and parameters. `created` and `expires` ask for a time, the others
for just this value. The answer has that label and covers exactly those components (5.2).

We ask for what our own profile demands. We do as asked when the wish is no less than that, since
whoever holds a signature that covers little can use it elsewhere; else the wish is passed over.
"""

from __future__ import annotations

from dataclasses import dataclass

from apserver.core import limits
from apserver.core.keys import KeyKind
from apserver.core.signatures.message import Request
from apserver.core.signatures.structured import InnerList, Member, read_dictionary
from apserver.errors import BadInput, NotTrusted

_EXPIRES_AFTER_S = 300
#: What signing adds when it is asked for, so that it need not be there beforehand.
_ADDED = frozenset({"content-digest", "date", "host"})
_DERIVED = frozenset(
    {"@authority", "@method", "@path", "@query", "@request-target", "@scheme", "@target-uri"}
)
_PARAMETERS = frozenset({"alg", "created", "expires", "keyid", "nonce", "tag"})
_ALGORITHMS: dict[KeyKind, str] = {"rsa": "rsa-v1_5-sha256", "ed25519": "ed25519"}


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedSignature:
    """The form of one signature: its label, what it covers, and its parameters.

    ``alg`` is given only to those who ask: some servers stumble over it.
    """

    label: str
    components: tuple[str, ...]
    alg: str | None = None
    expires: bool = False
    nonce: str | None = None
    tag: str | None = None

    def member(self, *, key_id: str, created: int) -> str:
        """The member of Signature-Input; ``created`` in Unix seconds."""
        text = f"({' '.join(map(_string, self.components))});created={created}"
        if self.expires:
            text += f";expires={created + _EXPIRES_AFTER_S}"
        named = {"keyid": key_id, "alg": self.alg, "nonce": self.nonce, "tag": self.tag}
        return text + "".join(f";{name}={_string(v)}" for name, v in named.items() if v is not None)


def needed_components(request: Request) -> tuple[str, ...]:
    """What a signature of this request must cover, or it proves too little."""
    needed = ("@method", "@target-uri")
    return (*needed, "content-digest") if request.needs_digest else needed


def accept_signature(request: Request) -> str:
    """The `Accept-Signature` header for the answer to a request that proved nothing."""
    form = " ".join(map(_string, needed_components(request)))
    return f"sig1=({form});created"


def asked_signature(
    header: str, request: Request, *, key_id: str, kind: KeyKind
) -> AskedSignature | None:
    """The first form in an `Accept-Signature` that we can and want to give; never raises.

    ``request`` holds the headers that will be sent; ``key_id`` and ``kind`` are of our key.
    """
    try:
        members = read_dictionary(header, field="Accept-Signature") if header else {}
    except (BadInput, NotTrusted):
        return None
    forms = (_form(label, member, key_id, kind) for label, member in members.items())
    return next((form for form in forms if form is not None and _is_fit(form, request)), None)


def _form(label: str, member: Member, key_id: str, kind: KeyKind) -> AskedSignature | None:
    if not isinstance(member, InnerList) or not _PARAMETERS.issuperset(member.parameters):
        return None
    asked = member.parameters
    names = [item.value for item in member.items if not item.parameters]
    alg, nonce, tag = asked.get("alg"), asked.get("nonce"), asked.get("tag")
    if len(names) < len(member.items) or alg not in (None, _ALGORITHMS[kind]):
        return None
    if asked.get("keyid") not in (None, True, key_id):
        return None
    if not isinstance(nonce, str | None) or not isinstance(tag, str | None):
        return None
    return AskedSignature(
        label=label,
        components=tuple([name for name in names if isinstance(name, str)]),
        alg=None if alg is None else _ALGORITHMS[kind],
        expires="expires" in asked,
        nonce=nonce,
        tag=tag,
    )


def _is_fit(form: AskedSignature, request: Request) -> bool:
    names = set(form.components)
    known = _DERIVED | _ADDED | request.headers.keys()
    return (
        names.issuperset(needed_components(request))
        and names <= known
        and len(names) == len(form.components) <= limits.SIGNED_COMPONENTS
    )


def _string(text: str) -> str:
    """A string of RFC 8941 3.3.3."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
