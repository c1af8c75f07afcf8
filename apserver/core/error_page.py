"""A refusal for people: the same words as programs get, and what to quote when asking about it."""

from __future__ import annotations

from apserver.core.hypertext import NOTHING, fill
from apserver.core.page import page

_MAIN = """\
<h1>{title}</h1>
{sign_in}<p class="type">Status {status}, request {request}</p>
"""
_SIGN_IN = '<p><a href="/login">Sign in</a></p>\n'


def error_page(title: str, *, status: int, request: str) -> str:
    """``title`` says what is wrong, ``request`` is the id under which the log has it. What is not
    there and what is not for this reader look alike."""
    sign_in = fill(_SIGN_IN) if status == 401 else NOTHING
    main = fill(_MAIN, title=title, sign_in=sign_in, status=status, request=request)
    return page(title, main, reader=None)
