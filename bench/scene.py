"""Who is on the server before anything is measured: writers elsewhere, followers, posts.

Actors of other servers and their keys are put into the database, as they would be after the
first contact: a look-up at another server is not what these benchmarks are about.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import rsa

from apserver.core.keys import PrivateKey
from apserver.core.names import collection_id
from apserver.core.origin import bucket_of, host_of, key_of
from apserver.core.signatures import Request, sign_cavage
from apserver.core.vocabulary import ACTIVITY_JSON
from apserver.store import actors, collections, relations
from apserver.store.actors import Actor
from apserver.store.collections import Membership
from apserver.store.db import Connection
from apserver.store.relations import Relation
from bench import documents, wire
from bench.instance import BenchFailed, Instance
from bench.load import Load
from bench.sinks import Sinks

WRITERS = 100  #: elsewhere, on 50 hosts; the reader follows them all
SETTLED_S = 60.0


@dataclass(frozen=True, slots=True)
class Scene:
    """A server with people. ``objects`` are the ids of ann's notes.

    ann has posts and no followers, reader follows the writers, star has ``followers`` followers,
    each with an inbox of its own at one of the sinks.
    """

    instance: Instance
    sinks: Sinks
    followers: int
    tokens: dict[str, str]
    key: PrivateKey  #: of every writer
    writers: Sequence[str]
    numbers: count[int]
    objects: list[str]

    def get(self, url: str) -> bytes:
        """A GET of one of our URLs, as another server asks."""
        return wire.request(
            "GET", _target(url), {"Host": self._host, "Accept": ACTIVITY_JSON, **_AGENT}
        )

    def post(self, name: str) -> bytes:
        """A new Note to the outbox of one of our actors."""
        id_ = self.instance.actor(name)
        body = documents.client_note(next(self.numbers), collection_id(id_, "followers"))
        return self._posted(name, collection_id(id_, "outbox"), body)

    def post_together(self, name: str, n: int) -> bytes:
        """So many new Notes in one request."""
        id_ = self.instance.actor(name)
        followers = collection_id(id_, "followers")
        notes = [documents.client_note(next(self.numbers), followers) for _ in range(n)]
        body = documents.together(notes)
        return self._posted(name, f"{collection_id(id_, 'outbox')}/bulk", body)

    def _posted(self, name: str, url: str, body: bytes) -> bytes:
        headers = {
            "Host": self._host,
            "Authorization": f"Bearer {self.tokens[name]}",
            "Content-Type": ACTIVITY_JSON,
            **_AGENT,
        }
        return wire.request("POST", _target(url), headers, body)

    def delivery(self) -> bytes:
        """A new activity of one of the writers, signed, to the shared inbox."""
        number = next(self.numbers)
        writer = self.writers[number % len(self.writers)]
        body = documents.received_create(writer, number)
        sent = {"Content-Type": ACTIVITY_JSON}
        signed = sign_cavage(
            Request(
                "POST", f"{self.instance.origin}/inbox", {"content-type": [ACTIVITY_JSON]}, body
            ),
            key_id=f"{writer}#main-key",
            key=self.key,
            now=datetime.now(UTC),
        )
        return wire.request("POST", "/inbox", {**_AGENT, **sent, **signed}, body)

    @property
    def _host(self) -> str:
        return host_of(self.instance.origin)


_AGENT = {"User-Agent": "Mastodon/4.5.0 (http.rb/5.3.1; +https://social.example/)"}


def _target(url: str) -> str:
    return urlsplit(url).path + (f"?{urlsplit(url).query}" if urlsplit(url).query else "")


async def prepare(instance: Instance, sinks: Sinks, *, followers: int, posts: int) -> Scene:
    """Make the actors, put up the remote ones, post ann's notes."""
    tokens = {name: instance.create_actor(name) for name in ("ann", "reader", "star")}
    key = PrivateKey.of(rsa.generate_private_key(65_537, 2_048))
    writers = [f"https://w{n % 50}.example/users/{n}" for n in range(WRITERS)]
    fans = [f"{sinks.origins[n % len(sinks.origins)]}/users/{n}" for n in range(followers)]
    await _put_actors(instance, writers, key)
    await _put_actors(instance, fans, None)
    await _follow(instance, [instance.actor("reader")], writers, ours=True)
    await _follow(instance, fans, [instance.actor("star")], ours=False)
    scene = Scene(instance, sinks, followers, tokens, key, writers, count(1), [])
    async with Load.to(*instance.settings.listen_address) as load:
        for _ in range(posts):
            tally = await load.fire([scene.post("ann")])
            if not tally.statuses[201]:
                raise BenchFailed(f"A post was answered with {dict(tally.statuses)}.")
            scene.objects.append(json.loads(tally.last_body)["object"]["id"])
    await settled(instance)
    return scene


async def settled(instance: Instance) -> None:
    """Wait until no job is left and no delivery waits."""
    until = time.monotonic() + SETTLED_S
    async with instance.db.connection() as conn:
        while await conn.fetchval(_IS_BUSY):
            if time.monotonic() > until:
                raise BenchFailed(f"There is work left after {SETTLED_S:.0f} s.")
            await asyncio.sleep(0.02)


async def hold_jobs(instance: Instance) -> None:
    """Let no worker take up background work, until `drop_jobs`."""
    async with instance.db.connection() as conn:
        await conn.execute("UPDATE bucket SET lease_until = 'infinity', fence = fence + 1")


async def drop_jobs(instance: Instance) -> int:
    """Forget the work that was held up; returns how many jobs there were."""
    async with instance.db.connection() as conn:
        held = await conn.fetchval(_DROP)
        await conn.execute("UPDATE bucket SET lease_until = '-infinity'")
    return int(held)


_IS_BUSY = """
SELECT EXISTS (SELECT FROM job WHERE parked_at IS NULL) OR EXISTS (SELECT FROM delivery)
    OR EXISTS (SELECT FROM host WHERE lease_until > now())
"""
_DROP = "WITH held AS (DELETE FROM job RETURNING 1) SELECT count(*) FROM held"


async def activities(instance: Instance) -> int:
    """How many activities are stored."""
    async with instance.db.connection() as conn:
        return int(await conn.fetchval("SELECT count(*) FROM activity"))


async def listed(instance: Instance, name: str, collection: str) -> int:
    """How many items a collection of one of our actors has."""
    key = key_of(collection_id(instance.actor(name), collection))
    async with instance.db.connection() as conn:
        found = await collections.collections_by_key(conn, [key])
    return found[key].total


async def _put_actors(instance: Instance, ids: Sequence[str], key: PrivateKey | None) -> None:
    async def work(conn: Connection) -> None:
        for id_ in sorted(ids, key=key_of):
            await actors.put_remote_actor(conn, _row(id_))
            if key is not None:
                key_id = f"{id_}#main-key"
                spki = key.public().spki
                await actors.put_public_key(
                    conn, key=key_of(key_id), key_id=key_id, owner=id_, der=spki
                )

    await instance.db.transaction(work)


def _row(id_: str) -> Actor:
    inbox = collection_id(id_, "inbox")
    host = host_of(inbox)
    return Actor(
        key=key_of(id_),
        id=id_,
        ours=False,
        type="Person",
        host=host,
        bucket=bucket_of(host),
        name="writer",
        inbox=inbox,
        shared_inbox=None,
        followers=collection_id(id_, "followers"),
        manual_approval=False,
        document=json.dumps({"id": id_, "type": "Person", "inbox": inbox}).encode(),
    )


async def _follow(
    instance: Instance, subjects: Sequence[str], objects: Sequence[str], *, ours: bool
) -> None:
    """Every subject follows every object, accepted. Collections of ours get their members."""
    pairs = [(subject, followed) for subject in subjects for followed in objects]
    rows = [
        Relation(key_of(followed), "follow", key_of(subject), "accepted", None)
        for subject, followed in pairs
    ]
    members = [
        Membership(key_of(collection_id(subject, "following")), key_of(followed), followed,
                   key_of(subject), 0)
        if ours
        else Membership(key_of(collection_id(followed, "followers")), key_of(subject), subject,
                        key_of(followed), 0)
        for subject, followed in pairs
    ]  # fmt: skip

    async def work(conn: Connection) -> None:
        await relations.relate(conn, rows, subjects_ours=[ours] * len(rows))
        await collections.add_members(conn, members)

    await instance.db.transaction(work)
