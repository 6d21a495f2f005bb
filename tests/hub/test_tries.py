from __future__ import annotations

import pytest

from jupyter_fastgen.hub import tries
from jupyter_fastgen.hub.tries import FORGIVEN, WRONG, Tries, networks, origin


def test_wrong_tokens_are_forgiven_with_time():
    known = Tries()
    for _ in range(int(WRONG)):
        assert known.wait("a", 0.0) == 0
        known.fail("a", 0.0)
    assert known.wait("a", 0.0) == 1 / FORGIVEN
    assert known.wait("b", 0.0) == 0
    assert known.wait("a", 1 / FORGIVEN) == 0
    known.fail("a", 1 / FORGIVEN)
    assert known.wait("a", 1 / FORGIVEN) > 0
    assert known.wait("a", 2 * WRONG / FORGIVEN) == 0


def test_as_many_addresses_are_kept_as_fit(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tries, "MOST_ADDRESSES", 10)
    known = Tries()
    for _ in range(int(WRONG)):
        known.fail("often", 0.0)
        known.fail("once", 0.0)
    for number in range(9):
        known.fail(str(number), 0.0)
    assert len(known._wrong) == 10
    assert known.wait("often", 0.0) == 0  # forgotten, as it failed longest ago
    assert known.wait("once", 0.0) > 0


PROXIES = networks(["10.0.0.1", "192.168.0.0/16", "fd00::/8"])


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("10.0.0.1", ["1.2.3.4"], "1.2.3.4"),
        ("10.0.0.1", ["6.6.6.6, 1.2.3.4"], "1.2.3.4"),  # the first was written by the client
        ("10.0.0.1", ["6.6.6.6", "1.2.3.4, 192.168.3.4"], "1.2.3.4"),
        ("10.0.0.2", ["1.2.3.4"], "10.0.0.2"),  # no proxy of ours
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["x" * 9], "10.0.0.1"),
        ("10.0.0.1", ["192.168.0.9"], "192.168.0.9"),
        ("fd00::1", ["2001:db8:1:2:3:4:5:6"], "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", [], "2001:db8:1:2::/64"),
        ("", ["1.2.3.4"], ""),  # a Unix socket
    ],
)
def test_a_call_comes_from_whom_the_proxies_heard(peer: str, forwarded: list[str], address: str):
    assert origin(peer, forwarded, PROXIES) == address


def test_without_proxies_nothing_that_is_written_is_believed():
    assert origin("10.0.0.1", ["1.2.3.4"], ()) == "10.0.0.1"
