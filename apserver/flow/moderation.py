"""Acts of moderation: what an admin decides on domains and actors, and what that cuts off.

Each act is one transaction: the rules, what they cut, and a row for each in the audit. Cut off is
what a domain that is suspended now, and was not, has here: follows both ways and deliveries that
wait. Content stays and is not shown, so that taking the rule back brings it back; follows do not
come back. Closed mode is a setting and cuts nothing.

With a `Rehearsal` for a database the same steps tell what an act would do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from uuid import UUID

from apserver.core.domain_files import parse_rules
from apserver.core.domains import (
    DomainRule,
    DomainRules,
    Severity,
    check_not_own,
    parse_domain,
)
from apserver.core.origin import fold_name, host_of, key_of, origin_of, parse_handle
from apserver.errors import BadInput, Refused
from apserver.flow.own_actors import find_person
from apserver.store import actors, logins, moderation
from apserver.store.actors import Actor
from apserver.store.db import Connection, Database
from apserver.store.moderation import Act

_Rules = dict[tuple[str, bool], DomainRule]


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleChange:
    """What an act on domains did, or would do: rules, and what was cut off.

    ``accounts`` are those that we know at domains newly suspended, ``follows`` those of them by
    us and of us, ``deliveries`` what waited for their servers.
    """

    added: int
    changed: int
    removed: int
    accounts: int
    follows: int
    deliveries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ActorChange:
    """What suspending an actor, or taking it back, did or would do."""

    actor: str
    follows: int = 0
    deliveries: int = 0


class Moderation:
    """Acts in the name of ``who``. ``own_hosts`` are the hosts of this server."""

    def __init__(
        self, db: Database, *, own_hosts: Sequence[str], handle_host: str, who: str = "cli"
    ):
        self._db = db
        self._own_hosts = own_hosts
        self._handle_host = handle_host
        self._who = who

    async def rules(self) -> list[DomainRule]:
        """All domain rules, by domain."""
        async with self._db.connection() as conn:
            return await moderation.rules(conn)

    async def put(self, rule: DomainRule, *, act: str) -> RuleChange:
        """Add a rule, or change it. Refused when it would shut us out, or have no effect."""
        try:
            check_not_own(rule, self._own_hosts)
        except BadInput as error:
            raise Refused(str(error)) from error

        def change(before: _Rules) -> _Rules:
            if not rule.allows and (rule.domain, True) in before:
                raise Refused(
                    f"{rule.domain} is allowed, which beats every block of the same domain. "
                    f"Take that back first: apserver domain remove {rule.domain}"
                )
            return before | {rule.key: rule}

        return await self._change(act, change)

    async def remove(self, domain: str, *, act: str) -> RuleChange:
        """Remove the rules for exactly this domain. Refused when there is none."""
        named = parse_domain(domain)

        def change(before: _Rules) -> _Rules:
            after = {key: rule for key, rule in before.items() if rule.domain != named}
            if after == before:
                raise Refused(f"There is no rule for {named}. See: apserver domain list")
            return after

        return await self._change(act, change)

    async def take_list(
        self, content: bytes, *, severity: Severity, replacing: bool, act: str
    ) -> RuleChange:
        """Take a list in (see `core.domain_files`), as a whole or not at all.

        ``replacing`` removes other rules of the kinds that the list has, blocks or allows. A
        private comment stays when the list has none.
        """
        given = parse_rules(content, severity=severity, own_hosts=self._own_hosts)
        kinds = {rule.allows for rule in given} or {severity is Severity.ALLOW}

        def change(before: _Rules) -> _Rules:
            kept = {
                key: rule
                for key, rule in before.items()
                if not (replacing and rule.allows in kinds)
            }
            return kept | {rule.key: _keeping_comment(rule, before) for rule in given}

        return await self._change(act, change)

    async def suspend(self, actor: str, *, act: str) -> ActorChange:
        """Suspend an actor, given by name, id or handle. Refused when there is none such.

        One of ours can do nothing and is not shown; one elsewhere is not heard and not shown, and
        its follows end. Refused when it is suspended already.
        """

        async def work(conn: Connection) -> ActorChange:
            await moderation.begin(conn)
            found = await self._find(conn, actor)
            if not await moderation.suspend_actor(conn, found.key):
                raise Refused(f"{found.id} is suspended already.")
            follows = 0 if found.ours else await moderation.end_follows(conn, [found.key])
            dropped = await moderation.drop_deliveries_of(conn, found.key)
            await logins.end_all(conn, found.key)
            await moderation.record(conn, self._who, [Act(act, found.id)])
            return ActorChange(actor=found.id, follows=follows, deliveries=dropped)

        return await self._db.transaction(work)

    async def unsuspend(self, actor: str, *, act: str) -> ActorChange:
        """Take it back. Refused when it is not suspended."""

        async def work(conn: Connection) -> ActorChange:
            await moderation.begin(conn)
            found = await self._find(conn, actor)
            if not await moderation.unsuspend_actor(conn, found.key):
                raise Refused(f"{found.id} is not suspended.")
            await moderation.record(conn, self._who, [Act(act, found.id)])
            return ActorChange(actor=found.id)

        return await self._db.transaction(work)

    async def _find(self, conn: Connection, actor: str) -> Actor:
        if "/" not in actor and "@" not in actor:
            return await find_person(conn, self._handle_host, actor)
        ids = [actor] if "/" in actor else await self._ids_of(conn, actor)
        found = list((await actors.actors_by_key(conn, [key_of(one) for one in ids])).values())
        if not found:
            raise Refused(
                f"No actor {actor} is known here. Check the id; a whole server is shut out by: "
                "apserver domain block DOMAIN"
            )
        if len(found) > 1:
            known = " and ".join(one.id for one in found)
            raise Refused(f"{actor} may be {known}. Give the id of one of them.")
        if found[0].ours:
            return await find_person(conn, self._handle_host, found[0].name or "")
        return found[0]

    async def _ids_of(self, conn: Connection, text: str) -> list[str]:
        handle = parse_handle(text)
        if handle.host in (self._handle_host, *self._own_hosts):
            own = await actors.actor_by_handle(conn, self._handle_host, fold_name(handle.name))
            return [own.id] if own else []
        domain = origin_of(f"https://{handle.host}").host
        return await moderation.actors_named(conn, domain, handle.name)

    async def _change(self, act: str, change: Callable[[_Rules], _Rules]) -> RuleChange:
        async def work(conn: Connection) -> RuleChange:
            await moderation.begin(conn)
            before = {rule.key: rule for rule in await moderation.rules(conn)}
            after = change(before)
            put = [rule for key, rule in after.items() if before.get(key) != rule]
            gone = [rule for key, rule in before.items() if key not in after]
            await moderation.put_rules(conn, put)
            await moderation.remove_rules(conn, gone)
            await moderation.record(conn, self._who, _acts(act, put, gone))
            accounts, follows, deliveries = await self._cut(
                conn, self._judged(before.values()), self._judged(after.values())
            )
            added = len(after.keys() - before.keys())
            return RuleChange(
                added=added,
                changed=len(put) - added,
                removed=len(gone),
                accounts=accounts,
                follows=follows,
                deliveries=deliveries,
            )

        return await self._db.transaction(work)

    async def _cut(
        self, conn: Connection, before: DomainRules, after: DomainRules
    ) -> tuple[int, int, int]:
        """Cut off what is suspended now and was not: accounts, follows and deliveries."""

        def is_new(host: str) -> bool:
            return after.verdict(host).suspended and not before.verdict(host).suspended

        known = await moderation.known_domains(conn)
        domains = [domain for domain in known if is_new(domain)]
        there: list[UUID] = await moderation.actors_at(conn, domains)
        follows = await moderation.end_follows(conn, there)
        hosts = [one for one in await moderation.waiting_hosts(conn) if is_new(one.host)]
        return len(there), follows, await moderation.drop_waiting(conn, hosts)

    def _judged(self, rules: Iterable[DomainRule]) -> DomainRules:
        return DomainRules.of(rules, own_hosts=self._own_hosts)


def own_hosts(origin: str, handle_host: str) -> tuple[str, ...]:
    """The hosts that are this server, once each."""
    return tuple(dict.fromkeys((host_of(origin), handle_host)))


def _keeping_comment(rule: DomainRule, before: _Rules) -> DomainRule:
    known = before.get(rule.key)
    if known is None or rule.private_comment:
        return rule
    return replace(rule, private_comment=known.private_comment)


def _acts(act: str, put: Sequence[DomainRule], gone: Sequence[DomainRule]) -> list[Act]:
    done = [Act(act, rule.domain, asdict(rule)) for rule in put]
    return done + [Act(act, rule.domain) for rule in gone]
