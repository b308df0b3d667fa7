"""The resolver: a real DNS server on the loopback, real zone files."""

import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from mail_auth import resolver
from mail_auth.resolver import NetworkResolver, Questions, Temporary, TooManyQuestions, ZoneFileResolver, open_resolver
from tests.mail_auth.answers import Answers
from triage.errors import BadInput
from triage.settings import Dns

ZONE = """\
; the demo company
example.com. 300 IN TXT "v=spf1 " "-all"
example.com. 300 IN MX 10 mx.example.com.
mx.example.com. A 192.0.2.1
mx.example.com. A 192.0.2.2
alias.example.com. CNAME mx.example.com.
loop.example.com. CNAME loop.example.com.
key._domainkey.example.com. IN TXT ( "v=DKIM1; "
    "p=abc" )
1.2.0.192.in-addr.arpa. PTR mx.example.com.
"""


class Server:
    """A name server on a spare port that answers from a table and counts."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.socket.getsockname()[1]}"
        self.questions: list[str] = []
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self) -> None:
        """Answer until the socket closes."""
        while True:
            try:
                data, peer = self.socket.recvfrom(4096)
            except OSError:
                return
            query = dns.message.from_wire(data)
            self.questions.append(f"{query.question[0].name} {query.question[0].rdtype.name}")
            if answer := self.answer(query):
                self.socket.sendto(answer.to_wire(), peer)

    def answer(self, query: dns.message.Message) -> dns.message.Message | None:
        """The answer by the first label of the name."""
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        name = query.question[0].name
        soa = dns.rrset.from_text("example.", 900, "IN", "SOA", "ns.example. post.example. 1 2 3 4 60")
        match name.labels[0]:
            case b"silent":
                return None
            case b"servfail":
                answer.set_rcode(dns.rcode.SERVFAIL)
            case b"nx":
                answer.set_rcode(dns.rcode.NXDOMAIN)
                answer.authority.append(soa)
            case b"nodata":
                answer.authority.append(soa)
            case b"forever":
                answer.answer.append(dns.rrset.from_text(name, 10_000_000, "IN", "A", "192.0.2.9"))
            case b"text":
                answer.answer.append(dns.rrset.from_text(name, 0, "IN", "TXT", '"v=spf1 " "-all"', '"\\255"'))
        return answer


@pytest.fixture
def server() -> Iterator[Server]:
    """A name server."""
    started = Server()
    yield started
    started.socket.close()


def soon(seconds: float = 5) -> float:
    return time.monotonic() + seconds


def test_network_answers_are_cached(server: Server) -> None:
    network = NetworkResolver([server.address])
    for _ in range(3):
        assert set(network.query("text.Example", "TXT", soon())) == {b"v=spf1 -all", b"\xff"}
        assert network.query("nx.example.", "A", soon()) == ()
        assert network.query("nodata.example", "A", soon()) == ()
        assert network.query("forever.example", "A", soon()) == ("192.0.2.9",)
    assert len(server.questions) == 4


def test_cache_times_have_bounds(server: Server) -> None:
    network = NetworkResolver([server.address])
    for name, rdtype, least, most in (("text", "TXT", 9, 10), ("forever", "A", 3599, 3600), ("nx", "A", 59, 60), ("nodata", "A", 59, 60)):
        network.query(f"{name}.example", rdtype, soon())
        key = (resolver.absolute_name(f"{name}.example"), rdtype)
        left = network.cache.known[key][0] - time.monotonic()  # type: ignore[index]
        assert least <= left <= most, name


def test_the_cache_forgets_what_expired_and_what_is_too_much() -> None:
    cache = resolver.Cache(entries=2)
    names = [resolver.absolute_name(text) for text in ("a.example", "b.example", "c.example")]
    keys = [(name, "A") for name in names if name]
    for key in keys:
        cache.put(key, ("192.0.2.1",), 60)
    assert [cache.get(key) for key in keys] == [None, ("192.0.2.1",), ("192.0.2.1",)]
    cache.known[keys[1]] = (time.monotonic() - 1, ("192.0.2.1",))
    assert cache.get(keys[1]) is None


@pytest.mark.parametrize("name", ["servfail.example", "silent.example"])
def test_no_answer_is_temporary_and_not_cached(server: Server, name: str) -> None:
    network = NetworkResolver([server.address], timeout=0.3)
    for _ in range(2):
        with pytest.raises(Temporary, match=name):
            network.query(name, "TXT", soon(0.3))
    assert len(server.questions) >= 2


def test_after_the_deadline_nothing_is_asked(server: Server) -> None:
    with pytest.raises(Temporary, match="no time"):
        NetworkResolver([server.address]).query("text.example", "TXT", time.monotonic())
    assert server.questions == []


@pytest.mark.parametrize("name", ["a..example", "x" * 64 + ".example", "x." * 130 + "example", ".", ".." + "é" * 70])
def test_names_that_cannot_exist_are_not_asked(server: Server, name: str) -> None:
    network = NetworkResolver([server.address])
    if resolver.absolute_name(name) is None:
        assert network.query(name, "A", soon()) == ()
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
    server = resolver.nameserver(text)
    assert (server.answer_nameserver(), server.answer_port()) == (address, port)


@pytest.mark.parametrize(
    ("name", "rdtype", "records"),
    [
        ("example.com", "TXT", (b"v=spf1 -all",)),
        ("EXAMPLE.com.", "MX", ("10 mx.example.com",)),
        ("mx.example.com", "A", ("192.0.2.1", "192.0.2.2")),
        ("mx.example.com", "AAAA", ()),
        ("alias.example.com", "A", ("192.0.2.1", "192.0.2.2")),
        ("alias.example.com", "TXT", ()),
        ("key._domainkey.example.com", "TXT", (b"v=DKIM1; p=abc",)),
        ("1.2.0.192.in-addr.arpa", "PTR", ("mx.example.com",)),
        ("nothing.example.com", "A", ()),
    ],
)
def test_zone_file(tmp_path: Path, name: str, rdtype: str, records: tuple[resolver.Record, ...]) -> None:
    (tmp_path / "zone").write_text(ZONE)
    assert ZoneFileResolver(tmp_path / "zone").query(name, rdtype, soon()) == records


def test_zone_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "zone"
    path.write_text(ZONE)
    zone = ZoneFileResolver(path)
    assert zone.query("new.example", "A", soon()) == ()
    path.write_text(ZONE + "new.example. A 192.0.2.7\n")
    os.utime(path, (1, 1))
    assert zone.query("new.example", "A", soon()) == ("192.0.2.7",)
    path.write_text("new.example. A broken\n")
    os.utime(path, (2, 2))
    with pytest.raises(Temporary, match="zone:1"):
        zone.query("new.example", "A", soon())
    path.unlink()
    with pytest.raises(Temporary, match="cannot be read"):
        zone.query("new.example", "A", soon())


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (ZONE + "x.example. A 300.1.1.1\n", 11),
        (ZONE + "x.example. NOSUCHTYPE 1\n", 11),
        ('x.example. TXT "open\n', 1),
        ("x.example. 300 IN TXT ( a\n", None),
        ("$INCLUDE /etc/passwd\n", 1),
    ],
)
def test_broken_zone_files_name_file_and_line(tmp_path: Path, text: str, line: int | None) -> None:
    path = tmp_path / "company.zone"
    path.write_text(text)
    with pytest.raises(BadInput, match=f"company.zone:{line}" if line else "company.zone"):
        ZoneFileResolver(path)


def test_unreadable_zone_files(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="zone_file"):
        ZoneFileResolver(tmp_path / "nothing")
    with pytest.raises(BadInput, match="cannot be read"):
        ZoneFileResolver(tmp_path)
    (tmp_path / "latin").write_bytes(b"x.example. TXT \xff\n")
    with pytest.raises(BadInput, match="latin"):
        ZoneFileResolver(tmp_path / "latin")


def test_cnames_end(tmp_path: Path) -> None:
    (tmp_path / "zone").write_text(ZONE)
    with pytest.raises(Temporary, match="CNAME"):
        ZoneFileResolver(tmp_path / "zone").query("loop.example.com", "A", soon())


def test_open_resolver(tmp_path: Path) -> None:
    (tmp_path / "zone").write_text(ZONE)
    assert isinstance(open_resolver(Dns(zone_file=str(tmp_path / "zone"))), ZoneFileResolver)
    network = open_resolver(Dns(nameservers=("127.0.0.1:5353",), timeout=7))
    assert isinstance(network, NetworkResolver)
    assert network.timeout == 7


def test_questions_are_counted_and_remembered() -> None:
    zone = Answers({"silent.example": "SILENT", "a.example A": "192.0.2.1"})
    questions = Questions(zone, limit=3)
    for _ in range(3):
        assert questions.ask("A.example.", "A") == ("192.0.2.1",)
        assert questions.ask("b.example", "A") == ()
        with pytest.raises(Temporary):
            questions.texts("silent.example")
    assert len(zone.asked) == 3
    with pytest.raises(TooManyQuestions):
        questions.ask("c.example", "A")
    assert len(zone.asked) == 3
