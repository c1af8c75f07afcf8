"""The page to sign in at: one column, and nothing that a password manager could not fill in."""

from __future__ import annotations

from apserver.core.hypertext import NOTHING, fill
from apserver.core.page import page

_MAIN = """\
<h1>Sign in</h1>
<p>to <strong>{host}</strong></p>
{trouble}<form class="column" method="post" action="/login">
<input type="hidden" name="csrf" value="{csrf}">
<input type="hidden" name="next" value="{next}">
<label for="name">Name</label>
<input id="name" name="name" value="{name}" required maxlength="100" autocomplete="username" \
autocapitalize="none" spellcheck="false">
<label for="password">Password</label>
<input id="password" name="password" type="password" required autocomplete="current-password">
<button>Sign in</button>
</form>
"""
#: The same for a name that is not there, a password that is not right, and an actor that may not.
WRONG = "The name or the password is not right."


def login_page(host: str, *, csrf: str, next: str, name: str = "", trouble: str = "") -> str:
    """``host`` is the server's own; ``trouble`` tells why the last try came to nothing."""
    told = fill('<p role="alert">{trouble}</p>\n', trouble=trouble) if trouble else NOTHING
    main = fill(_MAIN, host=host, trouble=told, csrf=csrf, next=next, name=name)
    return page("Sign in", main, reader=None)
