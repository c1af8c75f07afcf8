"""The buttons on the page of something that can be followed (seed-features E6, E7).

Who is signed in sees for each flag whether it follows with it, and a button for the other state.
The first button is for follows as such: when one stands, with whatever flag, it ends them all, and
says so. Others are asked for their handle, and led to their own server.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from apserver.core.flags import ALL, Flag
from apserver.core.hypertext import NOTHING, Html, fill, joined

_SECTION = """\
<section class="follow" aria-label="Following">
{told}{forms}</section>
"""
_FORM = """\
<form method="post" action="/follow">
<input type="hidden" name="csrf" value="{csrf}">
<input type="hidden" name="id" value="{id}">
<input type="hidden" name="flag" value="{flag}">
<input type="hidden" name="action" value="{action}">
<input type="hidden" name="next" value="{next}">
{buttons}</form>
"""
_BUTTON = '<button name="actor_only" value="{actor_only}" class="{state}">{text}</button>\n'
_REMOTE = """\
<form class="remote" method="get" action="/subscribe">
<input type="hidden" name="id" value="{id}">
<label for="handle">Follow from your own server</label>
<input id="handle" name="handle" placeholder="you@example.org" required maxlength="400" \
autocapitalize="none" autocomplete="off" spellcheck="false" inputmode="email">
<button>Go on</button>
</form>
"""


@dataclass(frozen=True, slots=True)
class Standing:
    """A follow that stands: its flag ('' for none), and whether only what the followed does counts
    or also what happens to it. ``mutes``: it takes things out of home."""

    flag: str
    actor_only: bool
    mutes: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """What the buttons are for: the thing, how the reader follows it, and the page that they lead
    back to. ``waits``: it has not been accepted yet."""

    id: str
    standing: Sequence[Standing]
    waits: bool
    csrf: str
    next: str


def follow_section(followed: Followed, flags: Iterable[Flag]) -> Html:
    """The buttons of a reader who is signed in: for follows as such, then for each flag."""
    stands = {one.flag: one for one in followed.standing}
    names = sorted({one.name for one in flags} | {name for name in stands if name})
    others = names + ([""] if "" in stands and len(stands) > 1 else [])
    forms = [_main(followed), *(_of_flag(followed, name, stands.get(name)) for name in others)]
    return fill(_SECTION, told=_told(followed), forms=joined(forms))


def remote_follow(id_: str) -> Html:
    """The form for whoever is not signed in here, but on another server."""
    return fill(_SECTION, told=NOTHING, forms=fill(_REMOTE, id=id_))


def _told(followed: Followed) -> Html:
    here = [one for one in followed.standing if not one.mutes]
    if not here:
        return NOTHING
    flags = ", ".join(one.flag for one in here if one.flag)
    what = "You asked to follow this" if followed.waits else "You follow this"
    return fill("<p>{what}{flags}.</p>\n", what=what, flags=f" ({flags})" if flags else "")


def _main(followed: Followed) -> Html:
    here = [one for one in followed.standing if not one.mutes]
    if here:
        text = "Unfollow" if len(here) == 1 else "Unfollow altogether"
        return _form(followed, ALL, "unfollow", _button(text, pressed=True))
    both = joined((_button("Follow"), _button("Follow all", actor_only=False)))
    return _form(followed, "", "follow", both)


def _of_flag(followed: Followed, flag: str, stands: Standing | None) -> Html:
    if stands is None:
        return _form(followed, flag, "follow", _button(f"Start {flag}"))
    text = f"Stop {flag}" if flag else "Unfollow without a flag"
    return _form(followed, flag, "unfollow", _button(text, pressed=True))


def _form(followed: Followed, flag: str, action: str, buttons: Html) -> Html:
    return fill(
        _FORM,
        csrf=followed.csrf,
        id=followed.id,
        flag=flag,
        action=action,
        next=followed.next,
        buttons=buttons,
    )


def _button(text: str, *, actor_only: bool = True, pressed: bool = False) -> Html:
    value = "true" if actor_only else "false"
    return fill(_BUTTON, actor_only=value, state="on" if pressed else "off", text=text)
