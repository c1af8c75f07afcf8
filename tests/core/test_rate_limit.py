"""Limits of requests, and the fields that tell of them (BP-20): the syntax and the rules of
draft-ietf-httpapi-ratelimit-headers-10."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apserver.core.rate_limit import (
    Policy,
    RateLimiter,
    policies_of_clients,
    policy_field,
)
from apserver.errors import RateLimited

TWO = (Policy("burst", 60, 60), Policy("sustained", 120, 3600))


def test_BP_20_the_fields_are_those_of_the_draft() -> None:
    """BP-20: lists of strings with parameters that are whole numbers (sections 3 and 4)."""
    assert policy_field(policies_of_clients(3000)) == (
        '"burst";q=3000;w=60, "sustained";q=90000;w=3600'
    )
    limiter = RateLimiter(TWO)
    assert limiter.take("a", 0.0).field == '"burst";r=59;t=1, "sustained";r=59;t=30'


def test_BP_20_bursts_and_what_goes_on_are_limited_apart() -> None:
    """BP-20: a minute's worth at once, and not again and again."""
    limiter = RateLimiter(TWO)
    for _ in range(60):
        limiter.take("a", 0.0).check()
    refused = limiter.take("a", 0.0)
    assert refused.violated == ("burst",)
    with pytest.raises(RateLimited) as told:
        refused.check()
    assert (told.value.violated, told.value.retry_after_s) == (("burst",), 30)
    now = 1.0
    while not limiter.take("a", now).violated:
        now += 1.0
    # What comes back of an hour's share is two in a minute; of a minute's, one in a second.
    assert limiter.take("a", now).violated == ("sustained",)
    assert now < 100
    limiter.take("b", now).check()


def test_BP_20_zero_is_no_limit_and_no_field() -> None:
    limiter = RateLimiter(policies_of_clients(0))
    taken = [limiter.take("a", 0.0) for _ in range(1000)]
    assert {(one.violated, one.field) for one in taken} == {((), "")}
    assert policy_field(limiter.policies) == ""


@given(st.lists(st.floats(0, 100), max_size=100), st.integers(1, 20))
def test_BP_20_who_waits_as_told_is_not_refused(pauses: list[float], quota: int) -> None:
    """Sections 6 and 7: Retry-After is not before t; r never tells more than there is."""
    limiter = RateLimiter((Policy("burst", quota, 60), Policy("sustained", 2 * quota, 600)))
    now = 0.0
    for pause in pauses:
        now += pause
        taken = limiter.take("a", now)
        told = [int(one.partition(";r=")[2].partition(";")[0]) for one in taken.field.split(",")]
        waits = [int(one.rpartition(";t=")[2]) for one in taken.field.split(",")]
        assert all(0 <= one <= quota for one in told)
        if not taken.violated:
            continue
        with pytest.raises(RateLimited) as refused:
            taken.check()
        assert refused.value.retry_after_s >= max(waits)
        now += refused.value.retry_after_s + 1e-6
        limiter.take("a", now).check()


def test_BP_20_what_weighs_as_much_as_many_is_counted_so() -> None:
    """BP-20: a request that was counted once, and turns out to be many. Whoever waits as told has
    enough; what is more than a quota is owed."""
    limiter = RateLimiter((Policy("burst", 60, 60),))
    limiter.take("a", 0.0).check()
    assert limiter.take("a", 0.0, weight=40, taken=1).left == [20.0]
    limiter.take("a", 0.0).check()
    with pytest.raises(RateLimited) as refused:
        limiter.take("a", 0.0, weight=40, taken=1).check()
    assert refused.value.retry_after_s == 21
    limiter.take("a", 21.0).check()
    limiter.take("a", 21.0, weight=40, taken=1).check()
    limiter.take("b", 21.0).check()
    owing = limiter.take("b", 21.0, weight=90, taken=1)
    assert owing.field == '"burst";r=0;t=31'
    assert limiter.take("b", 51.0).violated == ("burst",)
    limiter.take("b", 52.0).check()
