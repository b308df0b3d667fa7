"""Asks the recursive resolvers of the company: the next one when one does not answer, TCP when an answer is too long for UDP."""

import ipaddress
import socket
import time
from collections.abc import Sequence

import dns.exception
import dns.message
import dns.name
import dns.nameserver
import dns.query
import dns.rdatatype
import dns.resolver

from mail_auth.dns.dns_cache import Cache
from mail_auth.dns.query_budget import Record, Temporary, absolute_name, parse_record
from triage.errors import BadInput
from triage.runtime import metrics

SERVER_SECONDS = 3.0  # at most, for one server to answer before the next one is asked
QUESTION_SECONDS = 8.0  # for one question, so that one dead zone does not use up the time of the message
EDNS_BYTES = 1232  # fits every network without fragments
RECORDS = 500  # of one answer, in all its sections: a stranger's zone says how many there are, and each takes time to parse


class TooManyRecords(dns.exception.FormError):
    """An answer has more records than we parse: dnspython takes it for one that is malformed, and asks this server no more."""


class Nameserver(dns.nameserver.Do53Nameserver):
    """Recursive resolver. Answers by TCP are counted before they are parsed; by UDP, EDNS_BYTES hold no more than RECORDS."""

    def query(
        self,
        request: dns.message.QueryMessage,
        timeout: float,
        source: str | None,
        source_port: int,
        max_size: bool,
        one_rr_per_rrset: bool = False,
        ignore_trailing: bool = False,
    ) -> dns.message.Message:
        """Asks the nameserver, by TCP with `max_size`, and returns its answer. Raises DNSException, OSError, EOFError."""
        if not max_size:
            return super().query(request, timeout, source, source_port, max_size, one_rr_per_rrset, ignore_trailing)
        response = parse_answer(self.sent_by_tcp(request, timeout))
        if not request.is_response(response):
            raise dns.query.BadResponse
        return response

    def sent_by_tcp(self, request: dns.message.Message, seconds: float) -> bytes:
        """The bytes of its answer. Raises Timeout, which dnspython takes for a server that may answer yet, OSError, EOFError."""
        deadline = time.monotonic() + seconds
        try:
            with socket.create_connection((self.address, self.port), seconds) as connection:
                dns.query.send_tcp(connection, request)
                return receive_bytes(connection, int.from_bytes(receive_bytes(connection, 2, deadline)), deadline)
        except TimeoutError as fault:
            raise dns.exception.Timeout from fault


class NetworkResolver:
    """Asks recursive resolvers, with one cache for the whole process. Each question has a random id and a port of its own."""

    def __init__(self, nameservers: Sequence[str] = (), timeout: float = 20.0) -> None:
        """`nameservers`: ADDRESS or ADDRESS:PORT, none: those of the system. BadInput when there are none or one is malformed."""
        self.timeout = timeout
        try:
            self.stub = dns.resolver.Resolver(configure=not nameservers)
        except dns.resolver.NoResolverConfiguration as fault:
            raise BadInput("this system names no DNS resolvers; write their addresses into [dns] nameservers") from fault
        self.stub.nameservers = [parse_nameserver(str(text)) for text in nameservers or self.stub.nameservers]
        turns = len(self.stub.nameservers) + 1  # each has its turn within the time of one question, the first one twice
        self.stub.timeout = min(SERVER_SECONDS, min(timeout, QUESTION_SECONDS) / turns)
        self.stub.use_edns(0, 0, EDNS_BYTES)
        self.cache = Cache()

    def query(self, name: str, rdtype: str, deadline: float) -> tuple[Record, ...]:
        """See Resolver."""
        key = (name.rstrip(".").lower(), rdtype)
        known = self.cache.get(key)
        if known is not None:
            return known
        absolute = absolute_name(name)
        if absolute is None:
            return ()
        left = deadline - time.monotonic()
        if left <= 0:
            raise Temporary(f"no time was left to ask DNS about {absolute.to_text(True)}")
        try:
            with metrics.time_block("mailroom_dns_seconds"):
                records, ttl = self.asked(absolute, rdtype, min(left, QUESTION_SECONDS))
        except (dns.exception.DNSException, OSError) as fault:
            metrics.count_event("mailroom_dns_failures", kind=type(fault).__name__)
            failure = f"DNS did not answer about {absolute.to_text(True)} ({type(fault).__name__})"
            if left >= min(QUESTION_SECONDS, self.timeout / 2) or not isinstance(fault, dns.exception.Timeout):
                self.cache.fail(key, failure)  # not when only the message ran out of time
            raise Temporary(failure) from fault
        self.cache.put(key, records, ttl)
        return records

    def asked(self, name: dns.name.Name, rdtype: str, seconds: float) -> tuple[tuple[Record, ...], int]:
        """The answer from the network and its time to live."""
        try:
            answer = self.stub.resolve(name, rdtype, lifetime=seconds, raise_on_no_answer=False, search=False)
        except dns.resolver.NXDOMAIN as fault:
            responses = fault.responses()  # type: ignore[no-untyped-call]
            return (), min((soa_ttl(response) for response in responses.values()), default=0)
        self.ask_first(answer.nameserver, answer.port)
        if answer.rrset is None:
            return (), soa_ttl(answer.response)
        return tuple(parse_record(rdata) for rdata in answer.rrset), answer.chaining_result.minimum_ttl

    def ask_first(self, address: str | None, port: int | None) -> None:
        """A server that is down costs its seconds once, not with every question: the one that answered goes first."""
        servers = self.stub.nameservers
        answered = [one for one in servers if server_endpoint(one) == (address, port)]
        if answered and answered[0] is not servers[0]:
            self.stub.nameservers = answered + [one for one in servers if one not in answered]


def server_endpoint(server: str | dns.nameserver.Nameserver) -> tuple[str, int]:
    """Address and port of a server."""
    return (server, 53) if isinstance(server, str) else (server.answer_nameserver(), server.answer_port())


def parse_nameserver(text: str) -> Nameserver:
    """ADDRESS, ADDRESS:PORT or [ADDRESS]:PORT."""
    address, _, port = text.rpartition(":")
    if text.count(":") != 1 and not address.endswith("]"):
        address, port = text, "53"
    try:
        return Nameserver(str(ipaddress.ip_address(address.strip("[]"))), int(port))
    except ValueError as fault:
        raise BadInput(f"[dns] nameservers: “{text}” is not an address, such as 192.0.2.53 or 127.0.0.1:5353") from fault


def receive_bytes(connection: socket.socket, count: int, deadline: float) -> bytes:
    """So many bytes, by a time.monotonic() value. Raises TimeoutError, or EOFError when the connection ends before."""
    found = b""
    while len(found) < count:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        connection.settimeout(left)
        piece = connection.recv(count - len(found))
        if not piece:
            raise EOFError("the connection ended within an answer")
        found += piece
    return found


def parse_answer(wire: bytes) -> dns.message.Message:
    """The answer in these bytes. Raises DNSException, TooManyRecords by what its header says (RFC 1035, section 4.1.1)."""
    count = sum(int.from_bytes(wire[at : at + 2]) for at in (6, 8, 10))  # ANCOUNT, NSCOUNT, ARCOUNT
    if count > RECORDS:
        raise TooManyRecords
    return dns.message.from_wire(wire)


def soa_ttl(response: dns.message.Message) -> int:
    """Returns how long "there is none" holds, in seconds (RFC 2308, section 5); 0 when the answer does not say."""
    soas = (rrset for rrset in response.authority if rrset.rdtype == dns.rdatatype.SOA)
    return min((min(rrset.ttl, soa.minimum) for rrset in soas for soa in rrset), default=0)
