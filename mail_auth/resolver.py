"""The one way to ask DNS: from the network with a shared cache, or from a zone file; few questions and one deadline a message."""

import ipaddress
import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import dns.exception
import dns.message
import dns.name
import dns.nameserver
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.resolver
import dns.rrset
import dns.tokenizer
import dns.zonefile

from triage.errors import BadInput
from triage.settings import Dns

Record = bytes | str  # TXT: its strings joined, as bytes; MX: "10 mail.example"; A, AAAA, PTR …: text without the last dot

QUESTIONS = 40  # a message, security.md "Per message"
ANSWER_SECONDS = 3.0  # for one server to answer before the next one is asked
POSITIVE_TTL = (10, 3600)  # seconds: a hostile zone neither disables nor owns our cache
NEGATIVE_TTL = (10, 300)
CACHE_ENTRIES = 20_000
CNAMES = 8


class Temporary(Exception):
    """DNS did not answer (SERVFAIL, timeout, deadline): what was asked is not known."""


class TooManyQuestions(Exception):
    """The message has used up its questions."""


class Resolver(Protocol):
    """Answers questions; safe for several threads."""

    @property
    def timeout(self) -> float:
        """Seconds for all questions about one message."""

    def query(self, name: str, rdtype: str, deadline: float) -> tuple[Record, ...]:
        """The records, () for NXDOMAIN and no data. `deadline` is a time.monotonic() value. Raises Temporary."""


class Questions:
    """What one message may ask, and what it has been told: for one thread."""

    def __init__(self, resolver: Resolver, limit: int = QUESTIONS) -> None:
        self.resolver = resolver
        self.deadline = time.monotonic() + resolver.timeout
        self.left = limit
        self.asked = 0
        self.told: dict[tuple[str, str], tuple[Record, ...] | Temporary] = {}

    def ask(self, name: str, rdtype: str) -> tuple[Record, ...]:
        """The records, () when there are none. Raises Temporary or TooManyQuestions; asking twice costs nothing."""
        key = (name.rstrip(".").lower(), rdtype)
        if key not in self.told:
            self.told[key] = self.fetched(*key)
        answer = self.told[key]
        if isinstance(answer, Temporary):
            raise Temporary(str(answer))
        return answer

    def fetched(self, name: str, rdtype: str) -> tuple[Record, ...] | Temporary:
        """A new question's outcome."""
        if self.left <= 0:
            raise TooManyQuestions("the message leads to too many DNS questions")
        self.left -= 1
        self.asked += 1
        try:
            return self.resolver.query(name, rdtype, self.deadline)
        except Temporary as fault:
            return fault

    def texts(self, name: str) -> tuple[bytes, ...]:
        """The TXT records of a name."""
        return tuple(record for record in self.ask(name, "TXT") if isinstance(record, bytes))


class Cache:
    """Answers with their expiry, the least recently used leave first."""

    def __init__(self, entries: int = CACHE_ENTRIES) -> None:
        self.entries = entries
        self.lock = threading.Lock()
        self.known: OrderedDict[tuple[dns.name.Name, str], tuple[float, tuple[Record, ...]]] = OrderedDict()

    def get(self, key: tuple[dns.name.Name, str]) -> tuple[Record, ...] | None:
        """What is known and has not expired."""
        with self.lock:
            expires, records = self.known.get(key, (0.0, ()))
            if expires <= time.monotonic():
                self.known.pop(key, None)
                return None
            self.known.move_to_end(key)
            return records

    def put(self, key: tuple[dns.name.Name, str], records: tuple[Record, ...], ttl: int) -> None:
        """Keep an answer for as long as its owner says, within our bounds."""
        least, most = POSITIVE_TTL if records else NEGATIVE_TTL
        with self.lock:
            self.known[key] = (time.monotonic() + min(max(ttl, least), most), records)
            self.known.move_to_end(key)
            if len(self.known) > self.entries:
                self.known.popitem(last=False)


class NetworkResolver:
    """Asks recursive resolvers, with one cache for the whole process."""

    def __init__(self, nameservers: Sequence[str] = (), timeout: float = 20.0) -> None:
        """`nameservers`: ADDRESS or ADDRESS:PORT, none: those of the system. BadInput when there are none or one is malformed."""
        self.timeout = timeout
        try:
            self.stub = dns.resolver.Resolver(configure=not nameservers)
        except dns.resolver.NoResolverConfiguration as fault:
            raise BadInput("this system names no DNS resolvers; write their addresses into [dns] nameservers") from fault
        if nameservers:
            self.stub.nameservers = [nameserver(text) for text in nameservers]
        self.stub.timeout = min(ANSWER_SECONDS, timeout)
        self.stub.use_edns(0, 0, 1232)
        self.cache = Cache()

    def query(self, name: str, rdtype: str, deadline: float) -> tuple[Record, ...]:
        """See Resolver."""
        absolute = absolute_name(name)
        if absolute is None:
            return ()
        known = self.cache.get((absolute, rdtype))
        if known is not None:
            return known
        records, ttl = self.asked(absolute, rdtype, deadline - time.monotonic())
        self.cache.put((absolute, rdtype), records, ttl)
        return records

    def asked(self, name: dns.name.Name, rdtype: str, seconds: float) -> tuple[tuple[Record, ...], int]:
        """The answer from the network and its time to live."""
        if seconds <= 0:
            raise Temporary(f"no time was left to ask DNS about {name.to_text(True)}")
        try:
            answer = self.stub.resolve(name, rdtype, lifetime=seconds, raise_on_no_answer=False)
        except dns.resolver.NXDOMAIN as fault:
            responses = fault.responses()  # type: ignore[no-untyped-call]
            return (), min((soa_ttl(response) for response in responses.values()), default=0)
        except (dns.exception.DNSException, OSError) as fault:
            raise Temporary(f"DNS did not answer about {name.to_text(True)} ({type(fault).__name__})") from fault
        if answer.rrset is None:
            return (), soa_ttl(answer.response)
        return tuple(record(rdata) for rdata in answer.rrset), answer.chaining_result.minimum_ttl


class ZoneFileResolver:
    """Answers from one master file with origin "." and absolute names; what it does not name does not exist. Read again when it changes."""

    def __init__(self, path: str | Path, timeout: float = 20.0) -> None:
        """BadInput names the file and the line when it cannot be read."""
        self.path = Path(path)
        self.timeout = timeout
        self.lock = threading.Lock()
        self.stamp, self.zone = read_zone(self.path)

    def query(self, name: str, rdtype: str, deadline: float) -> tuple[Record, ...]:
        """See Resolver. A file that was broken meanwhile is Temporary."""
        absolute = absolute_name(name)
        zone = self.current()
        for _ in range(CNAMES):
            records = zone.get((absolute, rdtype), ())
            alias = zone.get((absolute, "CNAME"), ())
            if records or not alias:
                return records
            absolute = absolute_name(str(alias[0]))
        raise Temporary(f"the CNAMEs of {name} do not end")

    def current(self) -> "Zone":
        """The records of the file as it is now."""
        with self.lock:
            try:
                if file_stamp(self.path) != self.stamp:
                    self.stamp, self.zone = read_zone(self.path)
            except BadInput as fault:
                raise Temporary(str(fault)) from fault
            return self.zone


Zone = dict[tuple[dns.name.Name | None, str], tuple[Record, ...]]


def open_resolver(settings: Dns) -> Resolver:
    """The resolver that the settings ask for. BadInput says what is wrong with them."""
    if settings.zone_file:
        return ZoneFileResolver(settings.zone_file, settings.timeout)
    return NetworkResolver(settings.nameservers, settings.timeout)


def nameserver(text: str) -> dns.nameserver.Nameserver:
    """ADDRESS, ADDRESS:PORT or [ADDRESS]:PORT."""
    address, _, port = text.rpartition(":")
    if text.count(":") != 1 and not address.endswith("]"):
        address, port = text, "53"
    try:
        return dns.nameserver.Do53Nameserver(str(ipaddress.ip_address(address.strip("[]"))), int(port))
    except ValueError as fault:
        raise BadInput(f"[dns] nameservers: {text!r} is not an address, such as 192.0.2.53 or 127.0.0.1:5353") from fault


def absolute_name(name: str) -> dns.name.Name | None:
    """The name in lower case, None when no such name can exist (a label or the whole too long, empty labels)."""
    try:
        return dns.name.from_text(name.rstrip(".") + ".").canonicalize()
    except (dns.exception.DNSException, UnicodeError):
        return None


def record(rdata: dns.rdata.Rdata) -> Record:
    """One record in the form that Record says."""
    if rdata.rdtype == dns.rdatatype.TXT:
        return b"".join(rdata.strings)  # type: ignore[attr-defined]
    return rdata.to_text().removesuffix(".")


def soa_ttl(response: dns.message.Message) -> int:
    """How long "there is none" holds, in seconds (RFC 2308, section 5); 0 when the answer does not say."""
    soas = (rrset for rrset in response.authority if rrset.rdtype == dns.rdatatype.SOA)
    return min((min(rrset.ttl, soa.minimum) for rrset in soas for soa in rrset), default=0)


def file_stamp(path: Path) -> tuple[int, int, int]:
    """Changes when the file does. BadInput when there is no such file."""
    try:
        status = path.stat()
    except OSError as fault:
        raise BadInput(f"{path} cannot be read: {fault.strerror}. Name a zone file in [dns] zone_file") from fault
    return status.st_mtime_ns, status.st_size, status.st_ino


def read_zone(path: Path) -> tuple[tuple[int, int, int], Zone]:
    """The file's stamp and records. BadInput names the file and the line."""
    stamp = file_stamp(path)
    try:
        text = path.read_text("utf-8")
    except UnicodeDecodeError as fault:
        raise BadInput(f"{path} is not a zone file: it is not UTF-8") from fault
    except OSError as fault:
        raise BadInput(f"{path} cannot be read: {fault.strerror}") from fault
    manager = dns.zonefile.RRSetsReaderManager(dns.name.root, False, dns.rdataclass.IN)
    tokens = dns.tokenizer.Tokenizer(text, str(path))
    try:
        with manager.writer(True) as transaction:  # type: ignore[no-untyped-call]
            dns.zonefile.Reader(tokens, dns.rdataclass.IN, transaction, allow_include=False, allow_directives=True, default_ttl=300).read()
    except (dns.exception.DNSException, ValueError) as fault:
        line = text[: tokens.file.tell()].rstrip("\n").count("\n") + 1  # dnspython's number may be one more
        raise BadInput(f"{path}:{line}: not a zone file: {str(fault).rpartition(': ')[2]}") from fault
    return stamp, {key_of(rrset): tuple(record(rdata) for rdata in rrset) for rrset in manager.rrsets}


def key_of(rrset: dns.rrset.RRset) -> tuple[dns.name.Name | None, str]:
    """Where a record set is found."""
    return rrset.name.canonicalize(), dns.rdatatype.to_text(rrset.rdtype)
