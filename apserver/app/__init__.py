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
)
from apserver.app.worker import Order, running, serve
from apserver.flow.accounts import CreatedActor
from apserver.flow.departure import Departure
from apserver.flow.key_rotation import RotatedKey
from apserver.flow.own_actors import OwnActor
from apserver.flow.tokens import CreatedToken
from apserver.store.access import TokenRow

__all__ = [
    "CreatedActor",
    "CreatedToken",
    "Departure",
    "Order",
    "OwnActor",
    "RotatedKey",
    "TokenRow",
    "check_migrated",
    "create_actor",
    "create_token",
    "delete_actor",
    "list_tokens",
    "migrate",
    "own_actor",
    "own_actors",
    "revoke_token",
    "rotate_key",
    "running",
    "serve",
]
