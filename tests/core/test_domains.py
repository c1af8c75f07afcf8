"""Domain rules: which rule decides on a host, and what may be a rule (ux 6, issue 4 point 3)."""

from __future__ import annotations

from dataclasses import replace
from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apserver.core import limits
from apserver.core.domains import (
    DomainRule,
    DomainRules,
    Severity,
    Verdict,
    check_not_own,
    new_rule,
    parse_domain,
)
from apserver.errors import BadInput

OPEN = Verdict()


def rules(
    *pairs: tuple[str, str], own: str = "social.example", closed: bool = False
) -> DomainRules:
    made = [new_rule(domain, Severity(severity)) for domain, severity in pairs]
    return DomainRules.of(made, own_hosts=[own], closed=closed)


# --- What may be a rule ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "domain"),
    [
        ("example.org", "example.org"),
        (" Example.ORG. ", "example.org"),
        ("münchen.example", "xn--mnchen-3ya.example"),
        ("ｅｘａｍｐｌｅ．org", "example.org"),
        ("localhost", "localhost"),
        ("tk", "tk"),
        ("192.0.2.7", "192.0.2.7"),
        ("[2001:DB8:0::1]", "[2001:db8::1]"),
        ("example.org:443", "example.org"),
    ],
)
def test_a_domain_has_one_spelling(text: str, domain: str) -> None:
    """CVE-2023-42451: one normaliser, so that no other spelling slips past a rule."""
    assert parse_domain(text) == domain


@pytest.mark.parametrize(
    ("text", "cure"),
    [
        ("", "example.org"),
        ("https://example.org", "example.org"),
        ("example.org/users", "example.org"),
        ("@carol@example.org", "example.org"),
        ("*.example.org", "includes what is below"),
        ("ex*****.org", "in full"),
        (".example.org", "example.org"),
        ("a..example", "example.org"),
        ("example.org:8443", "Leave :8443 out"),
        ("ex ample.org", "example.org"),
        ("exa%6dple.org", "example.org"),
        ("127.1", "example.org"),
        ("0.0.1", "example.org"),
        ("::1", "example.org"),
        ("a\x00b.example", "example.org"),
        ("a" * 64 + ".example", "example.org"),
    ],
)
def test_what_is_no_domain_is_refused_with_the_cure(text: str, cure: str) -> None:
    with pytest.raises(BadInput, match=cure.replace(".", r"\.")):
        parse_domain(text)


@pytest.mark.parametrize(
    "comment", ["a\x00b", "\x1b[2J", "\ud800", "x" * (limits.COMMENT + 1)], ids=ascii
)
def test_a_comment_that_cannot_be_kept_is_refused(comment: str) -> None:
    for name in ("public_comment", "private_comment"):
        with pytest.raises(BadInput, match="comment"):
            new_rule("example.org", Severity.SUSPEND, **{name: comment})  # type: ignore[arg-type]


def test_an_allowed_domain_cannot_be_refused_in_part() -> None:
    with pytest.raises(BadInput, match="Limit it"):
        new_rule("example.org", Severity.ALLOW, reject_media=True)


@pytest.mark.parametrize("domain", ["social.example", "example"])
@pytest.mark.parametrize("own", ["social.example", "social.example:8443"])
def test_a_rule_against_this_server_is_refused(domain: str, own: str) -> None:
    for severity in (Severity.SUSPEND, Severity.LIMIT, Severity.NONE):
        with pytest.raises(BadInput, match=f"{domain} covers {own}, which is this server"):
            check_not_own(new_rule(domain, severity), [own])
    check_not_own(new_rule(domain, Severity.ALLOW), [own])
    check_not_own(new_rule("media.social.example", Severity.SUSPEND), [own])
    check_not_own(new_rule("al.example", Severity.SUSPEND), [own])


# --- Which rule decides ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "suspended"),
    [
        ("example.org", True),
        ("www.example.org", True),
        ("a.b.c.example.org", True),
        ("example.org:8443", True),
        ("WWW.Example.org.", True),
        ("badexample.org", False),
        ("example.org.evil.example", False),
        ("org", False),
        ("example.com", False),
    ],
)
def test_a_rule_covers_what_is_below_and_every_port(host: str, suspended: bool) -> None:
    assert rules(("example.org", "suspend")).verdict(host).suspended is suspended


@pytest.mark.parametrize(
    ("host", "decided_by"),
    [
        ("a.example", "a.example"),
        ("b.a.example", "b.a.example"),
        ("c.b.a.example", "c.b.a.example"),
        ("d.c.b.a.example", "c.b.a.example"),
        ("x.a.example", "a.example"),
        ("other.example", None),
    ],
)
def test_the_longest_domain_decides(host: str, decided_by: str | None) -> None:
    nested = [("a.example", "suspend"), ("b.a.example", "limit"), ("c.b.a.example", "allow")]
    for order in (nested, nested[::-1]):
        verdict = rules(*order).verdict(host)
        assert (verdict.rule.domain if verdict.rule else None) == decided_by
        assert verdict.suspended is (decided_by == "a.example")
        assert verdict.limited is (decided_by == "b.a.example")


@pytest.mark.parametrize("block", ["suspend", "limit", "none"])
def test_allow_beats_block_on_the_same_domain(block: str) -> None:
    both = [("a.example", block), ("a.example", "allow")]
    for pairs in (both, both[::-1]):
        verdict = rules(*pairs).verdict("x.a.example")
        assert (verdict.suspended, verdict.limited) == (False, False)
        assert verdict.rule is not None
        assert verdict.rule.allows


def test_an_address_is_matched_as_it_is() -> None:
    blocked = rules(("192.0.2.7", "suspend"), ("[2001:db8::1]", "suspend"))
    assert blocked.verdict("192.0.2.7:3000").suspended
    assert blocked.verdict("[2001:DB8::1]:3000").suspended
    assert blocked.verdict("192.0.2.70") == OPEN
    assert blocked.verdict("[2001:db8::11]") == OPEN


@pytest.mark.parametrize(
    ("host", "suspended"),
    [
        ("friend.example", False),
        ("www.friend.example:8443", False),
        ("bad.friend.example", True),
        ("limited.example", True),
        ("unknown.example", True),
        ("social.example", False),
        ("social.example:8443", False),
    ],
)
def test_closed_mode_deals_with_allowed_domains_only(host: str, suspended: bool) -> None:
    closed = rules(
        ("friend.example", "allow"),
        ("bad.friend.example", "suspend"),
        ("limited.example", "limit"),
        closed=True,
    )
    assert closed.verdict(host).suspended is suspended


def test_this_server_is_never_judged_whatever_the_rules_say() -> None:
    """Rules may be older than the configuration that names our hosts."""
    judged = rules(("example", "suspend"), ("social.example", "suspend"))
    assert judged.verdict("social.example:8443") == OPEN
    assert judged.verdict("media.social.example").suspended


def test_the_switches_count_without_suspension() -> None:
    rule = new_rule("a.example", Severity.NONE, reject_media=True, reject_reports=True)
    for severity in (Severity.NONE, Severity.LIMIT):
        made = DomainRules.of([replace(rule, severity=severity)], own_hosts=[])
        verdict = made.verdict("a.example")
        assert (verdict.reject_media, verdict.reject_reports) == (True, True)
        assert verdict.limited is (severity is Severity.LIMIT)
        assert not verdict.suspended


def test_what_is_no_host_has_no_verdict() -> None:
    with pytest.raises(BadInput):
        rules().verdict("a..example")


LABELS = st.sampled_from(["a", "b", "c", "xn--mnchen-3ya"])
NAMES = st.lists(LABELS, min_size=1, max_size=4).map(".".join)
RULE = st.builds(new_rule, NAMES, st.sampled_from(Severity))


@given(st.lists(RULE, max_size=12, unique_by=lambda rule: rule.key), NAMES, st.booleans())
def test_the_verdict_is_that_of_the_definition(
    made: list[DomainRule], host: str, closed: bool
) -> None:
    """Against the definition written out: of all covering rules the longest, allow first."""
    covering = [one for one in made if f".{host}".endswith(f".{one.domain}")]
    covering.sort(key=lambda one: (len(one.domain), one.allows))
    severity = covering[-1].severity if covering else None
    verdict = DomainRules.of(made, own_hosts=["own.example"], closed=closed).verdict(host)
    assert verdict.suspended is (
        severity is Severity.SUSPEND or (closed and severity is not Severity.ALLOW)
    )


def test_a_verdict_costs_the_same_with_many_rules() -> None:
    """Look-ups by suffix: 50 000 rules, and no scan over them."""
    many = [(f"d{n}.example", "suspend") for n in range(50_000)]
    judged = DomainRules.of(
        [DomainRule(domain=domain, severity=Severity.SUSPEND) for domain, _ in many], own_hosts=[]
    )
    started = perf_counter()
    for _ in range(1_000):
        assert not judged.verdict("a.b.c.d.good.example").suspended
    assert perf_counter() - started < 1  # a scan takes minutes
