"""What addresses nobody goes to whose the things are that it is done to: which must be known first.

Rules fill these recipients in from what is stored here (``complete``). Of a thing that nobody here
has met they know no owner, and nobody would be told. So whoever publishes looks for what is named
here, before (`flow.introductions`). A reply is not among it: whom a text is shown to is for its
author to say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from apserver.core.document import first, id_of
from apserver.core.model import Activity
from apserver.core.polls import asked_in
from apserver.core.rules import concerning, like


def _with_target(activity: Activity) -> Iterable[str]:
    target = id_of(first(activity.document.get("target")))
    return (*concerning.objects_of(activity), *([] if target is None else [target]))


def _question(activity: Activity) -> Iterable[str]:
    asked = asked_in(activity.embedded or {})
    return () if asked is None else (asked,)


_NAMED: Mapping[str, Callable[[Activity], Iterable[str]]] = {
    **dict.fromkeys(("Dislike", *like.TYPES, "Announce", "Join", "Leave"), concerning.objects_of),
    **dict.fromkeys(("Offer", "Invite"), _with_target),
    "Create": _question,  # a vote is for who asked (IO-58)
}


def named(activity: Activity) -> tuple[str, ...]:
    """Ids of what an activity of ours is about, when its recipients hang on whose that is."""
    if activity.audience.everyone or activity.type not in _NAMED:
        return ()
    return tuple(dict.fromkeys(_NAMED[activity.type](activity)))
