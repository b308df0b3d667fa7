"""DNS lists: which client is asked about how, which answers count, and that a list that is down lists nobody."""

import ipaddress
import time

import pytest

from mail_auth.dns import dns_lists
from mail_auth.dns.dns_lists import MOST, DnsList
from mail_auth.dns.query_budget import Temporary
from tests.mail_auth.answers import SILENT, Answers
from triage.errors import BadInput

ZEN, OTHER = DnsList("zen.example"), DnsList("bl.example")
SIX = "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2"
SAID = "zen.example lists the machine it came from, 192.0.2.99 (127.0.0.4)"


def listed(answers: dict[str, str | list[str]], *lists: DnsList, client: str = "192.0.2.99") -> str:
    return dns_lists.find_listing(ipaddress.ip_address(client), lists or (ZEN, OTHER), Answers(answers), dns_lists.Resting())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ({}, ""),
        ({"99.2.0.192.zen.example A": "127.0.0.4"}, SAID),
        ({"99.2.0.192.zen.example A": ["127.0.0.1", "127.0.0.4"]}, SAID),
        ({"99.2.0.192.bl.example A": "127.0.0.2"}, "bl.example lists the machine it came from, 192.0.2.99 (127.0.0.2)"),
        ({"192.0.2.99.zen.example A": "127.0.0.4"}, ""),
        ({"99.2.0.192.zen.example A": "127.0.0.1"}, ""),  # RFC 5782: reserved
        ({"99.2.0.192.zen.example A": "127.255.255.254"}, ""),  # "you ask through a public resolver"
        ({"99.2.0.192.zen.example A": "203.0.113.1"}, ""),  # a domain that was parked
        ({"99.2.0.192.zen.example A": "nonsense"}, ""),
        ({"99.2.0.192.zen.example A": SILENT}, ""),
        ({"99.2.0.192.zen.example A": SILENT, "99.2.0.192.bl.example A": "127.0.0.9"}, "bl.example lists"),
    ],
)
def test_which_answers_count(answers: dict[str, str | list[str]], said: str) -> None:
    found = listed(answers)
    assert found.startswith(said) if said else not found


def test_an_ipv6_client_is_asked_about_by_its_nibbles() -> None:
    assert listed({f"{SIX}.zen.example A": "127.0.0.3"}, client="2001:db8::1").endswith("2001:db8::1 (127.0.0.3)")


@pytest.mark.parametrize(
    ("setting", "counts", "others"),
    [
        ("zen.example", ["127.0.0.2", "127.0.0.255"], ["127.0.0.1", "127.0.1.2"]),
        ("Zen.Example.=127.0.0.4", ["127.0.0.4"], ["127.0.0.3", "127.0.0.5"]),
        ("zen.example=127.0.0.2-4; 127.0.0.10-11", ["127.0.0.2", "127.0.0.4", "127.0.0.11"], ["127.0.0.5", "127.0.0.12"]),
        ("zen.example=127.0.1.2", ["127.0.1.2"], ["127.0.0.2"]),
    ],
)
def test_settings(setting: str, counts: list[str], others: list[str]) -> None:
    (one,) = dns_lists.read_lists([setting])
    for code in counts:
        assert listed({"99.2.0.192.zen.example A": code}, one)
    for code in others:
        assert not listed({"99.2.0.192.zen.example A": code}, one)


@pytest.mark.parametrize(
    "setting",
    ["", "zen", "zen..example", "zen example", "zen.example=", "zen.example=2", "zen.example=10.0.0.1", "z.example=127.0.0.9-2"],
)
def test_mistakes_are_named(setting: str) -> None:
    with pytest.raises(BadInput, match="dns_lists"):
        dns_lists.read_lists([setting])


def test_there_is_an_end_to_how_many_are_asked() -> None:
    with pytest.raises(BadInput, match=f"at most {MOST}"):
        dns_lists.read_lists([f"l{number}.example" for number in range(MOST + 1)])


def test_time_is_short() -> None:
    class Slow(Answers):
        def query(self, name: str, rdtype: str, deadline: float) -> tuple[bytes | str, ...]:
            deadlines.append(deadline)
            return super().query(name, rdtype, deadline)

    deadlines: list[float] = []
    slow = Slow()
    dns_lists.find_listing(ipaddress.ip_address("192.0.2.99"), (ZEN, OTHER), slow, dns_lists.Resting())
    assert len(set(deadlines)) == 1  # one for all of them
    assert deadlines[0] < time.monotonic() + dns_lists.SECONDS


class Down(Answers):
    """Zone whose servers never answer."""

    def query(self, name: str, rdtype: str, deadline: float) -> tuple[bytes | str, ...]:
        if name.endswith("zen.example"):
            self.asked.append(f"{name} {rdtype}")
            clock.now = deadline
            raise Temporary("timed out")
        return super().query(name, rdtype, deadline)


class Clock:
    """Time that goes by when somebody waits."""

    now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def thread_time(self) -> float:
        return 0.0


clock = Clock()


def test_a_list_that_is_down_is_left_alone_for_a_while(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Only the first client waits for it, and the other list is asked all the same; later it is tried again."""
    monkeypatch.setattr("mail_auth.dns.dns_lists.time", clock)
    monkeypatch.setattr("mail_auth.dns.query_budget.time", clock)
    resting, down = dns_lists.Resting(), Down({"9.2.0.192.bl.example A": "127.0.0.2"})
    clients = [ipaddress.ip_address(f"192.0.2.{number}") for number in (7, 8, 9)]
    said = [dns_lists.find_listing(client, (ZEN, OTHER), down, resting) for client in clients]
    assert [bool(one) for one in said] == [False, False, True]
    assert sum("zen.example" in question for question in down.asked) == 1
    assert caplog.text.count("does not answer") == 1
    clock.now += dns_lists.PAUSE
    dns_lists.find_listing(ipaddress.ip_address("192.0.2.10"), (ZEN, OTHER), down, resting)
    assert sum("zen.example" in question for question in down.asked) == 2
