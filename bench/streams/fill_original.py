"""The original's side of the actions, in the tables that its own migrations have made.

People are Django's users, things its groups; number n has the primary key n + 1, and an action its
own number.
"""

from __future__ import annotations

from apserver.store.db import Connection
from bench.streams.indexes import without_indexes
from bench.streams.shape import Shape

_TABLES = ("actstream_action",)

_USERS = """
INSERT INTO auth_user (id, username, password, first_name, last_name, email, is_superuser, is_staff,
                       is_active, date_joined)
SELECT n + 1, coalesce(($2::text[])[n + 1 - $1], 'p' || n), '', '', '', '', false, false, true,
       '2025-01-01'
FROM generate_series(0, $1::int + cardinality($2::text[]) - 1) n
"""

_GROUPS = """
INSERT INTO auth_group (id, name)
SELECT n + 1, 'thing ' || n FROM generate_series(0, $1::int - 1) n
"""

_ACTIONS = """
INSERT INTO actstream_action (id, actor_content_type_id, actor_object_id, verb,
                              action_object_content_type_id, action_object_object_id,
                              target_content_type_id, target_object_id, timestamp, public)
SELECT a.n, u.id, (a.person + 1)::text, a.verb,
       CASE WHEN a.object IS NOT NULL THEN g.id END, (a.object + 1)::text,
       CASE WHEN a.target IS NOT NULL THEN g.id END, (a.target + 1)::text, a.at, a.is_public
FROM ({actions}) a, django_content_type u, django_content_type g
WHERE (u.app_label, u.model) = ('auth', 'user') AND (g.app_label, g.model) = ('auth', 'group')
ORDER BY a.n
"""

_FOLLOW = """
INSERT INTO actstream_follow (user_id, content_type_id, object_id, actor_only, flag, started)
SELECT $1, t.id, (n + 1)::text, t.model = 'user', '', '2025-06-01'
FROM django_content_type t
CROSS JOIN LATERAL unnest(CASE t.model WHEN 'user' THEN $2::int[] ELSE $3::int[] END) n
WHERE t.app_label = 'auth' AND t.model IN ('user', 'group')
"""


def reader_key(shape: Shape, name: str) -> int:
    """The primary key of a reader, who comes after all people."""
    return shape.people + 1 + list(shape.readers).index(name)


async def fill(conn: Connection, shape: Shape) -> None:
    """Put all in."""
    await conn.execute(_USERS, shape.people, list(shape.readers))
    await conn.execute(_GROUPS, shape.things)
    async with without_indexes(conn, _TABLES):
        await conn.execute(_ACTIONS.format(actions=shape.sql))
    for name, follows in shape.readers.items():
        key = reader_key(shape, name)
        await conn.execute(_FOLLOW, key, list(follows.people), list(follows.things))
    await conn.execute("VACUUM (ANALYZE)")
