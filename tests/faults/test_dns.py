"""Black box: DNS fails, and says nothing, under load. What was promised is there, and nobody was let in for want of an answer."""

import contextlib
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import dns.message
import dns.rcode
import dns.zone
import pytest

from tests.faults.test_machine import Faulty, faulty, more, sending
from tests.faults.test_nothing_lost import LONG
from tests.peers import outside, processes

pytestmark = pytest.mark.peers


class NameServer:
    """The company's resolver: it answers from the zone of these tests, fails, or is silent, as its `mood` says."""

    def __init__(self) -> None:
        self.zone = dns.zone.from_text(outside.write_zone(), origin=".", relativize=False)
        self.mood, self.asked = "answers", Counter[str]()
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        threading.Thread(target=self.serve, daemon=True).start()

    @property
    def address(self) -> str:
        """Address of the name server."""
        return f"127.0.0.1:{self.socket.getsockname()[1]}"

    def serve(self) -> None:
        """Until the socket is closed."""
        with contextlib.suppress(OSError):
            while True:
                data, peer = self.socket.recvfrom(4096)
                self.asked[self.mood] += 1
                if self.mood != "silent":
                    self.socket.sendto(self.answer(dns.message.from_wire(data)).to_wire(), peer)

    def answer(self, query: dns.message.Message) -> dns.message.Message:
        """Answer from the zone, or SERVFAIL."""
        answer, asked = dns.message.make_response(query), query.question[0]
        if self.mood == "fails":
            answer.set_rcode(dns.rcode.SERVFAIL)
        elif self.zone.get_node(asked.name) is None:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        elif rrset := self.zone.get_rrset(asked.name, asked.rdtype):
            answer.answer.append(rrset)
        return answer


@pytest.fixture
def names() -> Iterator[NameServer]:
    """A resolver that answers."""
    server = NameServer()
    yield server
    server.socket.close()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Faulty]:
    """A company."""
    with faulty(tmp_path) as made:
        yield made


@pytest.mark.long
@pytest.mark.timeout(3600 if LONG else 1800)
def test_a_dns_that_fails_or_says_nothing(house: Faulty, names: NameServer) -> None:
    """Proven messages pass when DNS is back; none passes for want of an answer."""
    house.surroundings = {"MAILROOM_DNS__ZONE_FILE": "", "MAILROOM_DNS__NAMESERVERS": names.address}
    house.start()
    with sending(house, "DNS fails, says nothing, and is back") as ledger:
        more(house, ledger)
        for mood in ("fails", "silent"):
            names.mood = mood
            house.kill_role("judge")  # and with it what it remembers
            more(house, ledger)
            processes.until(lambda mood=mood: names.asked[mood] > 0, "the judge asks", house.process, house.log)  # type: ignore[misc]
        names.mood = "answers"
