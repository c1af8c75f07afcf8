"""Domain rules and suspended actors in the database, and what an act cuts off."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import asyncpg
import pytest

from apserver.core.actors import Profile
from apserver.core.domains import DomainRule, Severity, new_rule
from apserver.core.origin import bucket_of, key_of
from apserver.errors import BadInput, Refused
from apserver.flow.live_rules import LiveRules
from apserver.flow.moderation import Moderation, RuleChange
from apserver.store import actors, collections, deliveries, moderation, relations
from apserver.store.collections import Membership
from apserver.store.db import Connection, Database, Rehearsal
from apserver.store.deliveries import Target
from apserver.store.relations import Relation

ANN = "https://social.example/actors/ann"
OWN = ("social.example",)
MakeDatabase = Callable[[], Awaitable[str]]


@pytest.fixture
async def dsn(database: MakeDatabase) -> str:
    """A database of social.example with the actor ann and her collections."""
    made = await database()
    connection = await asyncpg.connect(made)
    await connection.execute(
        "INSERT INTO server (origin, handle_host) VALUES ('https://social.example', $1)", OWN[0]
    )
    await connection.execute(
        "INSERT INTO actor (key, id, ours, type, host, bucket, name, folded_name, handle_host, "
        "inbox, document) VALUES ($1, $2, true, 'Person', $3, 0, 'ann', 'ann', $3, $4, '')",
        key_of(ANN),
        ANN,
        OWN[0],
        f"{ANN}/inbox",
    )
    for name in ("followers", "following"):
        await collections.insert_collection(
            connection,
            key=key_of(f"{ANN}/{name}"),
            id=f"{ANN}/{name}",
            owner=key_of(ANN),
            name=name,
        )
    await connection.close()
    return made


@pytest.fixture
async def db(dsn: str) -> AsyncIterator[Database]:
    """The same, opened."""
    opened = Database(dsn, connections=2)
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
def acts(db: Database) -> Moderation:
    """Acts on it."""
    return Moderation(db, own_hosts=OWN, handle_host=OWN[0])


async def meet(conn: Connection, id_: str, *, inbox: str | None = None) -> None:
    """Know an actor elsewhere, who follows ann and is followed by her."""
    profile = Profile(
        id_, "Person", id_.rpartition("/")[2], inbox or f"{id_}/inbox", None, None, False
    )
    await actors.put_remote_actor(conn, actors.remote_actor(profile, b"{}"))
    other, ann = key_of(id_), key_of(ANN)
    rows = [
        Relation(ann, "follow", other, "accepted", None),
        Relation(other, "follow", ann, "pending", None),
    ]
    await relations.relate(conn, rows, subjects_ours=[False, True])
    await collections.add_members(
        conn,
        [Membership(key_of(f"{ANN}/followers"), other, id_, other, 0)],
    )
    await collections.add_members(
        conn,
        [Membership(key_of(f"{ANN}/following"), other, id_, other, 0)],
    )


async def owe(conn: Connection, *inboxes: str) -> None:
    """Let a delivery wait for each of these inboxes."""
    hosts = [one.split("/")[2] for one in inboxes]
    targets = [Target(one, host, bucket_of(host)) for one, host in zip(inboxes, hosts, strict=True)]
    await deliveries.queue(
        conn,
        activity=key_of("activity"),
        sender=key_of(ANN),
        order=key_of("order"),
        targets=targets,
        to_followers=False,
    )


async def followers(db: Database) -> set[str]:
    """Who is in ann's followers; the counter says the same."""
    async with db.connection() as conn:
        rows = await conn.fetch(
            "SELECT iri FROM member WHERE collection = $1", key_of(f"{ANN}/followers")
        )
        followers = key_of(f"{ANN}/followers")
        counted = (await collections.collections_by_key(conn, [followers]))[followers]
        assert counted.total == counted.public_total == len(rows)
        return {row["iri"] for row in rows}


def block(domain: str, **given: str) -> DomainRule:
    return new_rule(domain, Severity.SUSPEND, **given)  # type: ignore[arg-type]


# --- What a domain is ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("id_", "domain"),
    [
        ("https://a.example/users/x", "a.example"),
        ("https://a.example:8443/users/x", "a.example"),
        ("http://192.0.2.7:3000/x", "192.0.2.7"),
        ("http://[2001:db8::1]:3000/x", "[2001:db8::1]"),
        ("https://a.example?id=https://b.example/", "a.example"),
        ("https://a.example#me", "a.example"),
    ],
)
async def test_an_actor_is_at_the_host_of_its_id(db: Database, id_: str, domain: str) -> None:
    """Not at that of its inbox, and without the port."""
    async with db.connection() as conn:
        await meet(conn, id_, inbox="https://elsewhere.example/inbox")
        assert await moderation.known_domains(conn) == {domain: 1}
        assert await moderation.actors_at(conn, [domain]) == [key_of(id_)]


# --- What is cut off -------------------------------------------------------------------------


async def test_a_block_cuts_off_what_it_covers_and_nothing_else(
    db: Database, acts: Moderation
) -> None:
    """Below it too, on any port, but not what is allowed below it, and not its neighbours."""
    covered = ["https://bad.example/x", "https://bad.example:8443/x", "https://sub.bad.example/x"]
    spared = ["https://good.bad.example/x", "https://notbad.example/x", "https://example/x"]
    async with db.connection() as conn:
        for id_ in covered + spared:
            await meet(conn, id_)
        await owe(conn, *[f"{id_}/inbox" for id_ in covered + spared])
    await acts.put(new_rule("good.bad.example", Severity.ALLOW), act="domain allow")
    done = await acts.put(block("bad.example"), act="domain block")
    assert done == RuleChange(added=1, changed=0, removed=0, accounts=3, follows=6, deliveries=3)
    assert await followers(db) == set(spared)
    async with db.connection() as conn:
        left = await conn.fetch("SELECT inbox FROM delivery ORDER BY inbox")
        assert [row["inbox"] for row in left] == sorted(f"{id_}/inbox" for id_ in spared)
        waiting = {one.host for one in await moderation.waiting_hosts(conn)}
        assert waiting == {id_.split("/")[2] for id_ in spared}
        assert await conn.fetchval("SELECT sum(n) FROM follower_inbox") == len(spared)


async def test_blocking_again_or_wider_cuts_only_what_is_new(
    db: Database, acts: Moderation
) -> None:
    async with db.connection() as conn:
        await meet(conn, "https://a.bad.example/x")
    first = await acts.put(block("a.bad.example"), act="domain block")
    assert (first.accounts, first.follows) == (1, 2)
    again = await acts.put(block("a.bad.example"), act="domain block")
    assert again == RuleChange(added=0, changed=0, removed=0, accounts=0, follows=0, deliveries=0)
    async with db.connection() as conn:
        await meet(conn, "https://b.bad.example/x")
    wider = await acts.put(block("bad.example"), act="domain block")
    assert (wider.accounts, wider.follows) == (1, 2)


async def test_limit_and_allow_cut_nothing(db: Database, acts: Moderation) -> None:
    async with db.connection() as conn:
        await meet(conn, "https://bad.example/x")
        await owe(conn, "https://bad.example/x/inbox")
    for severity in (Severity.LIMIT, Severity.NONE, Severity.ALLOW):
        done = await acts.put(new_rule("bad.example", severity), act="x")
        assert (done.accounts, done.follows, done.deliveries) == (0, 0, 0)
    assert await followers(db) == {"https://bad.example/x"}


async def test_removing_an_allow_lets_the_block_take_effect(db: Database, acts: Moderation) -> None:
    async with db.connection() as conn:
        await meet(conn, "https://good.bad.example/x")
    await acts.put(new_rule("good.bad.example", Severity.ALLOW), act="domain allow")
    await acts.put(block("bad.example"), act="domain block")
    assert await followers(db) == {"https://good.bad.example/x"}
    done = await acts.remove("good.bad.example", act="domain remove")
    assert (done.removed, done.accounts, done.follows) == (1, 1, 2)
    assert await followers(db) == set()


async def test_a_rehearsal_tells_the_same_and_changes_nothing(dsn: str, db: Database) -> None:
    async with db.connection() as conn:
        await meet(conn, "https://bad.example/x")
    rehearsal = Rehearsal(dsn, connections=1)
    await rehearsal.open()
    try:
        told = await Moderation(rehearsal, own_hosts=OWN, handle_host=OWN[0]).put(
            block("bad.example"), act="domain block"
        )
    finally:
        await rehearsal.close()
    assert await followers(db) == {"https://bad.example/x"}
    acts = Moderation(db, own_hosts=OWN, handle_host=OWN[0])
    assert await acts.rules() == []
    assert await acts.put(block("bad.example"), act="domain block") == told
    assert told.follows == 2


async def test_acts_at_the_same_time_both_count(db: Database, acts: Moderation) -> None:
    many = [block(f"d{n}.example") for n in range(8)]
    await asyncio.gather(*(acts.put(rule, act="domain block") for rule in many))
    assert await acts.rules() == many
    async with db.connection() as conn:
        assert await moderation.acts(conn) == 8


# --- Rules -----------------------------------------------------------------------------------


async def test_a_block_of_this_server_or_of_what_is_allowed_is_refused(acts: Moderation) -> None:
    for domain in ("social.example", "example"):
        with pytest.raises(Refused, match=r"which is this server\. Name the other domains"):
            await acts.put(block(domain), act="domain block")
    await acts.put(new_rule("a.example", Severity.ALLOW), act="domain allow")
    with pytest.raises(Refused, match=r"apserver domain remove a\.example"):
        await acts.put(block("a.example"), act="domain block")
    with pytest.raises(Refused, match="apserver domain list"):
        await acts.remove("b.example", act="domain remove")
    assert [rule.domain for rule in await acts.rules()] == ["a.example"]


async def test_a_domain_has_one_block_that_changes_and_one_allow(acts: Moderation) -> None:
    await acts.put(block("a.example", private_comment="told by ann"), act="domain block")
    limited = new_rule("a.example", Severity.LIMIT, reject_media=True)
    assert (await acts.put(limited, act="domain limit")).changed == 1
    allowed = new_rule("a.example", Severity.ALLOW)
    await acts.put(allowed, act="domain allow")
    assert await acts.rules() == [limited, allowed]
    assert (await acts.remove("A.example.", act="domain remove")).removed == 2
    assert await acts.rules() == []


async def take(acts: Moderation, text: str, **given: object) -> RuleChange:
    options = {"severity": Severity.SUSPEND, "replacing": False} | given
    return await acts.take_list(text.encode(), act="domain import", **options)  # type: ignore[arg-type]


async def test_a_list_is_merged_or_replaces_its_kind(acts: Moderation) -> None:
    await acts.put(new_rule("friend.example", Severity.ALLOW), act="domain allow")
    await acts.put(block("old.example"), act="domain block")
    await acts.put(block("both.example", private_comment="told by ann"), act="domain block")
    text = "domain,severity,public_comment\nboth.example,silence,Noise\nfriend.example,suspend,\n"
    merged = await take(acts, text)
    assert (merged.added, merged.changed, merged.removed) == (1, 1, 0)
    listed = [(rule.domain, rule.severity.value) for rule in await acts.rules()]
    assert listed == [
        ("both.example", "limit"),
        ("friend.example", "suspend"),
        ("friend.example", "allow"),
        ("old.example", "suspend"),
    ]
    kept = (await acts.rules())[0]
    assert (kept.public_comment, kept.private_comment) == ("Noise", "told by ann")
    replaced = await take(acts, "new.example\n", replacing=True)
    assert (replaced.added, replaced.changed, replaced.removed) == (1, 0, 3)
    assert [rule.domain for rule in await acts.rules()] == ["friend.example", "new.example"]
    allowed = await take(acts, "#domain\n", severity=Severity.ALLOW, replacing=True)
    assert allowed.removed == 1
    assert [rule.domain for rule in await acts.rules()] == ["new.example"]


async def test_a_bad_row_changes_nothing(db: Database, acts: Moderation) -> None:
    await acts.put(block("old.example"), act="domain block")
    async with db.connection() as conn:
        before = await moderation.acts(conn)
    for row, why in (("ex**.org", "not a whole name"), ("example", "which is this server")):
        with pytest.raises(BadInput, match=f"row 2: .*{why}"):
            await take(acts, f"new.example\n{row}\n", replacing=True)
    assert [rule.domain for rule in await acts.rules()] == ["old.example"]
    async with db.connection() as conn:
        assert await moderation.acts(conn) == before
        assert await conn.fetchval("SELECT count(*) FROM audit") == 1


async def test_each_rule_of_a_list_is_in_the_audit(db: Database, acts: Moderation) -> None:
    await acts.put(block("old.example"), act="domain block")
    await take(acts, "a.example\nb.example\n", replacing=True)
    async with db.connection() as conn:
        rows = await conn.fetch(
            "SELECT subject, detail IS NULL AS gone FROM audit WHERE act = 'domain import' "
            "ORDER BY subject"
        )
    found = [(row["subject"], row["gone"]) for row in rows]
    assert found == [("a.example", False), ("b.example", False), ("old.example", True)]


# --- Actors ----------------------------------------------------------------------------------


async def test_actors_are_found_by_name_id_and_handle(db: Database, acts: Moderation) -> None:
    carol = "https://bad.example:8443/users/carol"
    async with db.connection() as conn:
        await meet(conn, carol)
        await owe(conn, f"{carol}/inbox", "https://other.example/inbox")
    done = await acts.suspend("@carol@bad.example", act="actor suspend")
    assert (done.actor, done.follows, done.deliveries) == (carol, 2, 1)
    for name in (carol, "carol@bad.example", "carol@bad.example:8443"):
        with pytest.raises(Refused, match="suspended already"):
            await acts.suspend(name, act="actor suspend")
    for name, dropped in (("ann", 1), (ANN, 0), ("@Ann@social.example", 0)):
        suspended = await acts.suspend(name, act="actor suspend")
        assert (suspended.actor, suspended.deliveries) == (ANN, dropped)
        assert (await acts.unsuspend(name, act="actor unsuspend")).actor == ANN
        with pytest.raises(Refused, match="is not suspended"):
            await acts.unsuspend(name, act="actor unsuspend")


@pytest.mark.parametrize(
    ("actor", "cure"),
    [
        ("nobody", "actor list"),
        ("@nobody@bad.example", "domain block"),
        ("https://bad.example/users/nobody", "domain block"),
        ("instance", "server's own actor"),
    ],
)
async def test_an_actor_that_cannot_be_suspended_is_refused(
    acts: Moderation, actor: str, cure: str
) -> None:
    with pytest.raises(Refused, match=cure):
        await acts.suspend(actor, act="actor suspend")


async def test_two_of_one_name_are_told_apart_by_their_ids(db: Database, acts: Moderation) -> None:
    ids = ["https://bad.example/users/carol", "https://bad.example/old/carol"]
    async with db.connection() as conn:
        for id_ in ids:
            await meet(conn, id_)
    with pytest.raises(Refused, match="Give the id of one of them"):
        await acts.suspend("@carol@bad.example", act="actor suspend")
    assert (await acts.suspend(ids[0], act="actor suspend")).actor == ids[0]
    assert await followers(db) == {ids[1]}


# --- In the memory of a worker ---------------------------------------------------------------


async def test_a_worker_learns_of_acts_and_is_closed_until_it_has_looked(
    db: Database, acts: Moderation
) -> None:
    live = LiveRules(db, own_hosts=OWN, closed=False)
    carol = "https://bad.example/users/carol"
    assert live.barred(carol) == "domain-blocked"
    await live.refresh()
    assert (live.barred(carol), live.hides_nothing) == (None, True)
    async with db.connection() as conn:
        await meet(conn, carol)
    await acts.suspend(carol, act="actor suspend")
    assert live.barred(carol) is None
    await live.refresh()
    assert (live.barred(carol), live.hides_nothing) == ("actor-suspended", False)
    await acts.put(new_rule("bad.example", Severity.LIMIT), act="domain limit")
    await acts.unsuspend(carol, act="actor unsuspend")
    await live.refresh()
    assert (live.barred(carol), live.is_limited(carol)) == (None, True)
