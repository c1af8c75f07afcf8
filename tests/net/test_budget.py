"""The account of one event, and the count of new hosts."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from apserver.core import limits
from apserver.core.origin import Origin
from apserver.errors import Astray, OverBudget, RemoteTrouble
from apserver.net.budget import Budget
from apserver.net.new_hosts import NewHosts

URL = "https://a.example/x"


def test_requests_bytes_and_seconds_end() -> None:
    """Each of the three ends it, and what has ended stays so."""
    budget = Budget()
    for _ in range(limits.FETCHES_PER_EVENT):
        budget.begin(URL)
    for _ in range(2):
        with pytest.raises(OverBudget):
            budget.begin(URL)
    budget = Budget()
    budget.read(limits.BYTES_PER_EVENT)
    with pytest.raises(OverBudget):
        budget.read(1)
    with pytest.raises(OverBudget):
        budget.begin(URL)
    budget = Budget()
    assert budget.begin(URL) == limits.SECONDS_PER_EVENT
    budget.waited(limits.SECONDS_PER_EVENT - 1)
    assert budget.begin(URL) == 1
    budget.waited(2)
    with pytest.raises(OverBudget):
        budget.begin(URL)


def test_a_part_is_taken_from_the_whole() -> None:
    """A look-up that uses up its part has led astray; the whole goes on, less what it took."""
    whole = Budget()
    part = whole.part(2)
    part.begin(URL)
    part.read(100)
    part.waited(3)
    part.begin(URL)
    with pytest.raises(Astray) as refused:
        part.begin(URL)
    assert not isinstance(refused.value, OverBudget)
    assert whole.requests_left == limits.FETCHES_PER_EVENT - 2
    assert whole.bytes_left == limits.BYTES_PER_EVENT - 100
    assert whole.begin(URL) == limits.SECONDS_PER_EVENT - 3
    whole.requests_left = 0
    with pytest.raises(OverBudget):
        whole.part(2).begin(URL)


class Hosts:
    """A count of new hosts with a clock and a memory of known ones."""

    def __init__(self, *, workers: int = 1):
        self.now = 0.0
        self.known: set[str] = set()
        self.asked = 0
        self.count = NewHosts(
            self._is_known,
            networks=[ip_network("10.0.0.0/8")],
            workers=workers,
            clock=lambda: self.now,
        )

    async def _is_known(self, origin: Origin) -> bool:
        self.asked += 1
        return origin.authority in self.known

    async def lets(self, host: str) -> bool:
        """Whether that host may be asked."""
        try:
            await self.count.check(f"https://{host}/x")
        except RemoteTrouble:
            return False
        return True


async def test_CVE_2022_46405_so_many_new_hosts_in_an_hour() -> None:
    """CVE-2022-46405: 20 of one domain in any hour; ports of a host are hosts too."""
    hosts = Hosts()
    assert [await hosts.lets(f"h{n}.evil.example") for n in range(22)] == [True] * 20 + [False] * 2
    assert await hosts.lets("h0.evil.example"), "it is not new"
    assert await hosts.lets("other.example")
    assert hosts.asked == 2, "the database is asked only at the limit"
    hosts.known.add("h21.evil.example")
    assert await hosts.lets("h21.evil.example")
    assert not await hosts.lets("h0.evil.example:8443")
    hosts.now = 3599.0
    assert not await hosts.lets("h22.evil.example")
    hosts.now = 3600.0
    assert await hosts.lets("h22.evil.example")


async def test_workers_share_the_number() -> None:
    """Each has its part; one new host in an hour is the least."""
    for workers, share in ((1, 20), (4, 5), (16, 1), (64, 1)):
        hosts = Hosts(workers=workers)
        assert sum([await hosts.lets(f"h{n}.evil.example") for n in range(30)]) == share


async def test_networks_of_the_configuration_are_not_counted() -> None:
    hosts = Hosts()
    assert all([await hosts.lets(f"10.0.0.1:{port}") for port in range(8000, 8050)])
    assert not all([await hosts.lets(f"192.0.2.1:{port}") for port in range(8000, 8050)])


async def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """security.md 0, rule 9."""
    monkeypatch.setattr(limits, "HOSTS_MET", 10)
    hosts = Hosts()
    for n in range(50):
        assert await hosts.lets(f"a{n}.example")
    assert len(hosts.count._met) == len(hosts.count._lately) == 10
