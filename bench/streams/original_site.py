"""A Django project with django-activity-stream, and nothing else: runs in its own environment.

`python original_site.py SOCKET_FOLDER USER DATABASE migrate` makes the tables by the migrations of
Django and of the original. With `read` it answers questions: a JSON object a line on standard
input, the same on standard output. A question is ``{"stream", "of", "offset", "limit",
"repeats"}``, where ``of`` is what the stream function of that name takes: the model ("user" or
"group") and, but for model_stream, its primary key. The original has no function for all that is
public, only the manager's method, and then the participants are asked for as its functions do.

What is timed is what the original gives: the queryset of the stream function, sliced and evaluated,
with the participants that it fetches by itself (FETCH_RELATIONS, its default).
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import django
from django.conf import settings

FEWEST, MOST_S = 2, 0.5  #: for one question a slow page is read fewer times, but so often


def configure(socket_folder: str, user: str, database: str) -> None:
    """Set up Django with PostgreSQL on a unix socket. Things are Django's own groups."""
    settings.configure(
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.postgresql",
                "HOST": socket_folder,
                "PORT": "5432",
                "USER": user,
                "NAME": database,
                "CONN_MAX_AGE": None,
            }
        },
        INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "actstream"],
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
        SECRET_KEY="only of this benchmark",
        USE_TZ=True,
    )
    django.setup()


def answer(question: dict[str, Any]) -> dict[str, Any]:
    """Read a page so often, after one time that counts the statements; seconds of each time."""
    from actstream import models
    from django.contrib.auth.models import Group, User
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    start, end = question["offset"], question["offset"] + question["limit"]
    of: Any = None
    if question["of"]:
        model, *key = question["of"]
        of = {"user": User, "group": Group}[model]
        of = of.objects.get(pk=key[0]) if key else of

    def read() -> list[Any]:
        if of is None:
            return list(models.Action.objects.public().fetch_generic_relations()[start:end])
        return list(getattr(models, question["stream"])(of)[start:end])

    with CaptureQueriesContext(connection) as queries:
        found = read()
    read()
    seconds: list[float] = []
    while len(seconds) < question["repeats"] and (len(seconds) < FEWEST or sum(seconds) < MOST_S):
        begun = time.perf_counter()
        read()
        seconds.append(time.perf_counter() - begun)
    return {"ids": [one.pk for one in found], "statements": len(queries), "seconds": seconds}


def main() -> None:
    """Do what the arguments say."""
    configure(*sys.argv[1:4])
    if sys.argv[4] == "migrate":
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        return
    from actstream import registry
    from django.contrib.auth.models import Group, User

    registry.register(User, Group)
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
