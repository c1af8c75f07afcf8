"""The composition root: everything is built here, started and stopped in order, nothing else.

`worker` is what a child of the supervisor runs (`python -m apserver.app`); the other modules do
what the command line does by itself, with the same parts.
"""

from apserver.app.accounts import (
    check_migrated,
    create_actor,
    create_token,
    delete_actor,
    list_tokens,
    migrate,
    own_actor,
    own_actors,
    revoke_token,
    rotate_key,
    set_password,
)
from apserver.app.emoji import Emoji, add_emoji, list_emoji, remove_emoji
from apserver.app.moderation import hide_activity, moderating, reports_of
from apserver.app.moving import moving
from apserver.app.outgoing import (
    LookedUp,
    Sent,
    Unsent,
    deliver,
    fetch,
    rehearse_delivery,
    webfinger,
)
from apserver.app.retention import prune
from apserver.app.sink import run_sink
from apserver.app.worker import Order, running, serve
from apserver.flow.accounts import CreatedActor
from apserver.flow.departure import Departure
from apserver.flow.hiding import Hidden
from apserver.flow.key_rotation import RotatedKey
from apserver.flow.logins import ChangedPassword
from apserver.flow.own_actors import OwnActor
from apserver.flow.tokens import CreatedToken
from apserver.serve.sink import Caught
from apserver.store.access import TokenRow

__all__ = [
    "Caught",
    "ChangedPassword",
    "CreatedActor",
    "CreatedToken",
    "Departure",
    "Emoji",
    "Hidden",
    "LookedUp",
    "Order",
    "OwnActor",
    "RotatedKey",
    "Sent",
    "TokenRow",
    "Unsent",
    "add_emoji",
    "check_migrated",
    "create_actor",
    "create_token",
    "delete_actor",
    "deliver",
    "fetch",
    "hide_activity",
    "list_emoji",
    "list_tokens",
    "migrate",
    "moderating",
    "moving",
    "own_actor",
    "own_actors",
    "prune",
    "rehearse_delivery",
    "remove_emoji",
    "reports_of",
    "revoke_token",
    "rotate_key",
    "run_sink",
    "running",
    "serve",
    "set_password",
    "webfinger",
]
