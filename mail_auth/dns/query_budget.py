"""DNS query budget of a message, and the resolver interface: few questions, one deadline; no answer is never an answer."""

import time
from typing import Protocol

import dns.exception
import dns.name
import dns.rdata
import dns.rdatatype

Record = bytes | str  # TXT: its strings joined, as bytes; MX: "10 mail.example"; A, AAAA, PTR …: text without the last dot

QUESTIONS = 40  # a message, security.md "Per message"
EFFORT = 1.0  # seconds of the processor for what a message has been answered: names of many labels take long to read


class Temporary(Exception):
    """DNS did not answer (SERVFAIL, timeout, deadline): what was asked is not known."""


class TooManyQuestions(Exception):
    """The message has used up its questions, or the time to read their answers."""


class Resolver(Protocol):
    """Answers questions; safe for several threads."""

    @property
    def timeout(self) -> float:
        """Seconds for all questions about one message."""

    def query(self, name: str, rdtype: str, deadline: float) -> tuple[Record, ...]:
        """The records, () for NXDOMAIN and no data. `deadline` is a time.monotonic() value. Raises Temporary."""


class Questions:
    """Budget of DNS questions for one message, and the answers so far: for one thread."""

    def __init__(self, resolver: Resolver, limit: int = QUESTIONS) -> None:
        self.resolver = resolver
        self.deadline = time.monotonic() + resolver.timeout
        self.left = limit
        self.asked = 0
        self.effort = 0.0
        self.answers: dict[tuple[str, str], tuple[Record, ...] | Temporary] = {}

    def ask(self, name: str, rdtype: str) -> tuple[Record, ...]:
        """The records, () when there are none. Raises Temporary or TooManyQuestions; asking twice costs nothing."""
        key = (name.rstrip(".").lower(), rdtype)
        if key not in self.answers:
            self.answers[key] = self.fetched(*key)
        answer = self.answers[key]
        if isinstance(answer, Temporary):
            raise Temporary(str(answer))
        return answer

    def fetched(self, name: str, rdtype: str) -> tuple[Record, ...] | Temporary:
        """A new question's outcome."""
        if self.left <= 0:
            raise TooManyQuestions("the message leads to too many DNS questions")
        if self.effort > EFFORT:
            raise TooManyQuestions("the message leads to DNS answers that take too long to read")
        self.left -= 1
        self.asked += 1
        begun = time.thread_time()
        try:
            return self.resolver.query(name, rdtype, self.deadline)
        except Temporary as fault:
            return fault
        finally:
            self.effort += time.thread_time() - begun

    def texts(self, name: str) -> tuple[bytes, ...]:
        """The TXT records of a name."""
        return tuple(record for record in self.ask(name, "TXT") if isinstance(record, bytes))


def absolute_name(name: str) -> dns.name.Name | None:
    """The name in lower case, None when no such name can exist (a label or the whole too long, empty labels)."""
    try:
        return dns.name.from_text(name.rstrip(".") + ".").canonicalize()
    except (dns.exception.DNSException, UnicodeError):
        return None


def parse_record(rdata: dns.rdata.Rdata) -> Record:
    """Converts a DNS record into a Record."""
    if rdata.rdtype == dns.rdatatype.TXT:
        return b"".join(rdata.strings)  # type: ignore[attr-defined]
    return rdata.to_text().removesuffix(".")
