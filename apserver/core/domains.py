"""Which domains this server deals with, and how far: the rules, and the verdict on a host.

A rule stands for a domain and everything below it, on every port. The rule with the longest
domain decides, so ``good.example.org`` can be allowed while ``example.org`` is suspended. Where
one domain has both, allow beats block (the order of GoToSocial, which lists of blocks by others
need). In closed mode only domains whose deciding rule is an allow are dealt with. An address in
place of a name has nothing above it and is matched as it is.

What the severities mean is Mastodon's: *suspend* cuts all dealings, *limit* hides from whoever
does not follow, *none* is for the two switches alone (refuse media, refuse reports).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from apserver.core import limits
from apserver.core.origin import origin_of
from apserver.errors import BadInput


class Severity(StrEnum):
    """What a rule does with its domain."""

    SUSPEND = "suspend"
    LIMIT = "limit"
    NONE = "none"
    ALLOW = "allow"


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainRule:
    """What an admin decided on a domain. Made of outside text by `new_rule`.

    ``obfuscate`` hides part of the name where rules are shown to the public.
    """

    domain: str  #: as `parse_domain` gives it
    severity: Severity
    reject_media: bool = False
    reject_reports: bool = False
    public_comment: str = ""
    private_comment: str = ""
    obfuscate: bool = False

    @property
    def allows(self) -> bool:
        """Whether it is an allow. A domain has at most one of these, and one of the others."""
        return self.severity is Severity.ALLOW

    @property
    def key(self) -> tuple[str, bool]:
        """What there is one rule for."""
        return self.domain, self.allows


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a host is dealt with, and the rule that decided it, if any."""

    suspended: bool = False
    limited: bool = False
    reject_media: bool = False
    reject_reports: bool = False
    rule: DomainRule | None = None


def parse_domain(text: str) -> str:
    """The domain of a rule in its one spelling; BadInput says how to write it.

    The spelling is that of `core.origin`: lower-case ASCII, no dot at the end.
    """
    given = text.strip()
    if "*" in given:
        raise BadInput(
            f"{given!r} is not a whole name. Write the domain in full; a rule includes what is "
            "below its domain, so *. is not needed."
        )
    if "/" in given or "@" in given:
        raise BadInput(f"{given!r} is more than a domain. Write it like example.org.")
    try:
        origin = origin_of(f"https://{given}")
    except BadInput as error:
        raise BadInput(f"{given[:300]!r} is no domain. Write it like example.org.") from error
    if origin.authority != origin.host:
        raise BadInput(f"A rule is for every port. Leave :{origin.port} out of {given!r}.")
    return origin.host


def new_rule(
    domain: str,
    severity: Severity,
    *,
    reject_media: bool = False,
    reject_reports: bool = False,
    public_comment: str = "",
    private_comment: str = "",
    obfuscate: bool = False,
) -> DomainRule:
    """A rule from what people wrote; BadInput says what is wrong with it."""
    if severity is Severity.ALLOW and (reject_media or reject_reports):
        raise BadInput("An allowed domain is dealt with in full. Limit it to refuse media.")
    return DomainRule(
        domain=parse_domain(domain),
        severity=severity,
        reject_media=reject_media,
        reject_reports=reject_reports,
        public_comment=_checked_comment(public_comment),
        private_comment=_checked_comment(private_comment),
        obfuscate=obfuscate,
    )


def _checked_comment(text: str) -> str:
    if len(text) > limits.COMMENT:
        raise BadInput(f"A comment has at most {limits.COMMENT} characters.")
    if not text.isprintable() and any(c < " " and c not in "\t\r\n" for c in text):
        raise BadInput("A comment must not hold control characters.")
    if any("\ud800" <= c <= "\udfff" for c in text):
        raise BadInput("A comment must not hold half a surrogate pair.")
    return text.strip()


def check_not_own(rule: DomainRule, own_hosts: Iterable[str]) -> None:
    """Refuse a rule that would shut this server out of itself; allowing it does no harm."""
    for own in own_hosts:
        if not rule.allows and rule.domain in _names_above(_host(own)):
            raise BadInput(
                f"{rule.domain} covers {own}, which is this server. "
                f"Name the other domains below {rule.domain} one by one."
            )


@dataclass(frozen=True, slots=True)
class DomainRules:
    """All rules together; immutable. Made by `of`."""

    closed: bool = False
    _deciding: Mapping[str, DomainRule] = field(default_factory=dict)
    _own: frozenset[str] = frozenset()

    @classmethod
    def of(
        cls, rules: Iterable[DomainRule], *, own_hosts: Iterable[str], closed: bool = False
    ) -> DomainRules:
        """From the rules in any order. ``own_hosts`` are never judged, whatever the rules say."""
        deciding: dict[str, DomainRule] = {}
        for rule in rules:
            if rule.allows or rule.domain not in deciding:
                deciding[rule.domain] = rule
        return cls(closed, deciding, frozenset(map(_host, own_hosts)))

    @property
    def is_open(self) -> bool:
        """Whether every host is dealt with in full."""
        return not (self.closed or self._deciding)

    def verdict(self, host: str) -> Verdict:
        """How to deal with a host, given with or without its port; BadInput when it is none."""
        name = _host(host)
        if name in self._own:
            return Verdict()
        rule = next(filter(None, map(self._deciding.get, _names_above(name))), None)
        if rule is None:
            return Verdict(suspended=True) if self.closed else Verdict()
        if rule.severity is Severity.SUSPEND or (self.closed and not rule.allows):
            return Verdict(suspended=True, rule=rule)
        return Verdict(
            limited=rule.severity is Severity.LIMIT,
            reject_media=rule.reject_media,
            reject_reports=rule.reject_reports,
            rule=rule,
        )


def _host(authority: str) -> str:
    return origin_of(f"https://{authority}").host


def _names_above(host: str) -> Iterator[str]:
    """The host and every domain that it lies below, the longest first.

    No rule has the tail of an IPv4 address for its domain: `parse_domain` takes none.
    """
    while host:
        yield host
        host = host.partition(".")[2]
