"""When the conversation around a post of another server is looked for: when it concerns us.

A post is kept if somebody here follows its author, is addressed by it or is answered by it (interop
2). What it answers, and what answers it, is then worth some requests (IO-44, `flow.threads`); what
found them is not followed any further.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apserver.core import notes
from apserver.core.effects import Effects, Explore
from apserver.core.facts import Facts
from apserver.core.model import VerifiedActivity, has_own_row
from apserver.core.threads import context_of, parent_of, replies_of


def explore(activity: VerifiedActivity, facts: Facts) -> Effects:
    """`Explore` for a post that somebody elsewhere made and that answers something unknown, or has
    answers."""
    post = _post(activity, facts)
    if activity.type != "Create" or activity.ours or post is None:
        return ()
    if not (has_own_row(post) and notes.is_post(post)):
        return ()
    id_, lacks_parent = str(post["id"]), _lacks_parent(post, facts)
    context = context_of(post, id_, now=facts.now, lacks_parent=lacks_parent)
    if lacks_parent or context or replies_of(post, id_, now=facts.now):
        return (Explore(id_),)
    return ()


def _post(activity: VerifiedActivity, facts: Facts) -> Mapping[str, Any] | None:
    if activity.embedded is not None or activity.object_id is None:
        return activity.embedded
    fetched = facts.document(activity.object_id)
    return None if fetched is None else fetched.document


def _lacks_parent(post: Mapping[str, Any], facts: Facts) -> bool:
    parent = parent_of(post)
    if parent is None or facts.registry.things.find(parent) is not None:
        return False
    return facts.object(parent) is None
