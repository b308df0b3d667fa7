"""The network resolver against real name servers on the loopback."""

import time
from collections.abc import Iterator
from typing import Any

import dns.message
import dns.name
import dns.resolver
import pytest

from mail_auth.dns import dns_client, query_budget
from mail_auth.dns.dns_client import NetworkResolver
from mail_auth.dns.query_budget import Temporary
from mail_auth.dns.zone_file import ZoneFileResolver
from tests.mail_auth.dns.name_server import Server
from triage.errors import BadInput


@pytest.fixture
def server() -> Iterator[Server]:
    """A name server."""
    started = Server()
    yield started
    started.close()


def soon(seconds: float = 5) -> float:
    return time.monotonic() + seconds


def kept(asking: NetworkResolver, name: str, rdtype: str) -> float:
    """Seconds that an answer is kept."""
    return asking.cache.known[name, rdtype].expires - time.monotonic()


def test_answers_are_cached_also_that_there_is_none(server: Server) -> None:
    asking = NetworkResolver([server.address])
    for _ in range(3):
        assert set(asking.query("text.Example", "TXT", soon())) == {b"v=spf1 -all", b"\xff"}
        assert asking.query("nx.example.", "A", soon()) == ()
        assert asking.query("nodata.example", "A", soon()) == ()
        assert asking.query("forever.example", "A", soon()) == ("192.0.2.9",)
        assert asking.query("alias.example", "A", soon()) == ("192.0.2.9",)
    assert len(server.questions) == 5


@pytest.mark.parametrize(
    ("name", "rdtype", "seconds"), [("text", "TXT", 10), ("forever", "A", 3600), ("alias", "A", 40), ("nx", "A", 60), ("nodata", "A", 60)]
)
def test_as_long_as_its_owner_says(server: Server, name: str, rdtype: str, seconds: int) -> None:
    asking = NetworkResolver([server.address])
    asking.query(f"{name}.example", rdtype, soon())
    assert seconds - 1 <= kept(asking, f"{name}.example", rdtype) <= seconds  # nx and nodata: the SOA's minimum (RFC 2308, section 5)


@pytest.mark.parametrize("name", ["servfail.example", "refused.example", "silent.example"])
def test_no_answer_is_temporary_and_remembered_for_a_moment(server: Server, name: str) -> None:
    asking = NetworkResolver([server.address], timeout=0.3)
    for _ in range(3):
        with pytest.raises(Temporary, match=name):
            asking.query(name, "TXT", soon(0.3))
    asked = len(server.questions)
    assert 1 <= asked <= 3  # a silent server is asked more than once within the time of one question
    asking.cache.known.pop((name, "TXT"))
    with pytest.raises(Temporary):
        asking.query(name, "TXT", soon(0.3))
    assert len(server.questions) > asked


def test_a_message_that_ran_out_of_time_says_nothing_about_the_zone(server: Server) -> None:
    asking = NetworkResolver([server.address])
    with pytest.raises(Temporary):
        asking.query("silent.example", "A", soon(0.2))
    assert not asking.cache.known


def test_one_dead_zone_does_not_use_up_the_message(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dns_client, "QUESTION_SECONDS", 0.3)
    asking, deadline = NetworkResolver([server.address]), soon(200)
    with pytest.raises(Temporary):
        asking.query("silent.example", "A", deadline)
    assert deadline - time.monotonic() > 100
    assert asking.query("forever.example", "A", deadline) == ("192.0.2.9",)


@pytest.mark.parametrize("manner", [b"silent", b"servfail", b"refused"])
def test_the_next_server_answers_and_is_asked_first_from_then_on(server: Server, manner: bytes) -> None:
    first = Server(always=manner)
    asking = NetworkResolver([first.address, server.address], timeout=5)
    asking.stub.timeout = 1.0
    assert asking.query("forever.example", "A", soon()) == ("192.0.2.9",)
    assert asking.query("text.example", "TXT", soon())
    assert (len(first.questions), len(server.questions)) == (1, 2)
    first.close()


def test_every_server_has_its_turn_within_a_short_deadline(server: Server) -> None:
    """The judge's fast lane waits two seconds in all."""
    silent = [Server(always=b"silent"), Server(always=b"silent")]
    asking = NetworkResolver([*(one.address for one in silent), server.address], timeout=2)
    assert asking.query("forever.example", "A", soon(2)) == ("192.0.2.9",)
    assert NetworkResolver([server.address]).stub.timeout == dns_client.SERVER_SECONDS
    for one in silent:
        one.close()


def test_long_answers_come_by_tcp(server: Server) -> None:
    (text,) = NetworkResolver([server.address]).query("long.example", "TXT", soon())
    assert text == b"".join(letter * 250 for letter in (b"a", b"b", b"c", b"d", b"e", b"f", b"g", b"h"))
    assert server.questions == ["long.example. TXT", "long.example. TCP"]


def test_an_answer_with_too_many_records_is_none_and_is_not_parsed(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    parse, sizes = dns.message.from_wire, []

    def noted(wire: bytes, **options: Any) -> dns.message.Message:
        sizes.append(len(wire))
        return parse(wire, **options)

    monkeypatch.setattr(dns.message, "from_wire", noted)
    asking = NetworkResolver([server.address])
    for _ in range(2):
        with pytest.raises(Temporary, match=r"500\.example"):
            asking.query("500.example", "TXT", soon())
    assert server.questions == ["500.example. TXT", "500.example. TCP"]  # the failure is remembered
    assert max(sizes) < dns_client.EDNS_BYTES
    assert len(asking.query("499.example", "TXT", soon())) == 499  # with OPT as many as are parsed


@pytest.mark.parametrize("name", ["strange.example", "ended.example", "headless.example", "hanging.example"])
def test_no_answer_by_tcp_is_temporary(server: Server, name: str) -> None:
    with pytest.raises(Temporary, match=name):
        NetworkResolver([server.address], timeout=0.5).query(name, "TXT", soon(0.5))
    assert f"{name}. TCP" in server.questions


def test_the_resolvers_of_the_system_are_bounded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        dns.resolver.Resolver, "read_resolv_conf", lambda self, _: setattr(self, "nameservers", ["192.0.2.53", "2001:db8::1"])
    )
    servers = NetworkResolver().stub.nameservers
    assert all(isinstance(one, dns_client.Nameserver) for one in servers)
    assert [dns_client.server_endpoint(one) for one in servers] == [("192.0.2.53", 53), ("2001:db8::1", 53)]


def test_an_answer_to_another_question_is_none_of_ours(server: Server) -> None:
    assert NetworkResolver([server.address]).query("spoofed.example", "A", soon()) == ("192.0.2.9",)


def test_ids_and_ports_cannot_be_guessed(server: Server) -> None:
    asking = NetworkResolver([server.address])
    for number in range(12):
        asking.query(f"nx.{number}.example", "A", soon())
    ports, ids = zip(*server.peers, strict=True)
    assert len(set(ports)) > 6
    assert len(set(ids)) > 6
    assert list(ids) != sorted(ids)


def test_no_search_domain_is_put_behind_a_name(server: Server) -> None:
    asking = NetworkResolver([server.address])
    asking.stub.search = [dns.name.from_text("company.example.")]
    asking.stub.use_search_by_default = True
    assert asking.query("nx", "A", soon()) == ()
    assert server.questions == ["nx. A"]


def test_after_the_deadline_nothing_is_asked(server: Server) -> None:
    with pytest.raises(Temporary, match="no time"):
        NetworkResolver([server.address]).query("text.example", "TXT", time.monotonic())
    assert server.questions == []


@pytest.mark.parametrize("name", ["a..example", "x" * 64 + ".example", "x." * 130 + "example", ".", ".." + "é" * 70])
def test_names_that_cannot_exist_are_not_asked(server: Server, name: str) -> None:
    asking = NetworkResolver([server.address])
    if query_budget.absolute_name(name) is None:
        assert asking.query(name, "A", soon()) == ()
        assert server.questions == []
    assert ZoneFileResolver("/dev/null").query(name, "A", soon()) == ()


@pytest.mark.parametrize("address", ["resolver.example", "192.0.2.53:port", "192.0.2", ""])
def test_nameservers_are_addresses(address: str) -> None:
    with pytest.raises(BadInput, match="nameservers"):
        NetworkResolver([address])


@pytest.mark.parametrize(
    ("text", "address", "port"),
    [
        ("192.0.2.53", "192.0.2.53", 53),
        ("192.0.2.53:54", "192.0.2.53", 54),
        ("2001:db8::1", "2001:db8::1", 53),
        ("[2001:db8::1]:54", "2001:db8::1", 54),
    ],
)
def test_nameserver_forms(text: str, address: str, port: int) -> None:
    assert dns_client.server_endpoint(dns_client.parse_nameserver(text)) == (address, port)
