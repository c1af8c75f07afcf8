"""What of a site's thing is kept here: the members that its type lists, and never a credential.

A site hands over what it has, perhaps a whole row of its database with the e-mail address and the
hash of the password in it (fault X8, seed row G10). So nothing is kept that is not listed, and what
looks like a credential or an address of a person is not kept though it be listed, at any depth.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from apserver.core.vocabulary import AUDIENCE_PROPERTIES

_SECRET = re.compile(
    r"e?mail|mbox|passw|passphrase|pwd|secret|token|credential|apikey|privatekey|publickey|"
    r"assertionmethod|session|cookie|otp|phone|iban|birth"
)
#: What would make the thing an actor, or a collection of ours in the eyes of others.
_OURS = frozenset(
    "id type @id @type @context inbox outbox followers following liked streams endpoints".split()
)


def is_never_shown(name: str) -> bool:
    """Whether a member is kept out of all things: it looks like a credential or a private address,
    or it is ours to say."""
    bare = re.sub(r"[^a-z]", "", name.lower())
    return (
        name in _OURS
        or name in AUDIENCE_PROPERTIES
        or _SECRET.match(bare) is not None
        or any(
            word in bare
            for word in ("password", "secret", "token", "email", "credential", "apikey")
        )
    )


def projection(document: Mapping[str, Any], members: Iterable[str]) -> dict[str, Any]:
    """The members that are listed and may be shown."""
    return {
        name: _clean(document[name])
        for name in members
        if document.get(name) is not None and not is_never_shown(name)
    }


def _clean(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: _clean(inner)
            for name, inner in value.items()
            if name in ("id", "type") or not is_never_shown(name)
        }
    return [_clean(item) for item in value] if isinstance(value, list) else value
