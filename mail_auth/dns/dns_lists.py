"""DNS blocklists of clients (RFC 5782): finds one of the company's lists that names a client."""

import ipaddress
import logging
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass

from mail_auth.dns.query_budget import Questions, Resolver, Temporary, TooManyQuestions
from triage.addressing.envelope import ascii_domain
from triage.errors import BadInput

MOST = 10  # lists
SECONDS = 3.0  # for all of them about one message: a list that is down holds no messages up
TOO_LONG = 1.0  # seconds without an answer: the list is down, not only this question lost
PAUSE = 60  # seconds that it is left alone then
LISTED = (ipaddress.IPv4Address("127.0.0.2"), ipaddress.IPv4Address("127.0.0.255"))  # RFC 5782, 2.1; errors are in 127.255.255.0/24

log = logging.getLogger(__name__)

Codes = tuple[ipaddress.IPv4Address, ipaddress.IPv4Address]  # the first and the last one
Client = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class DnsList:
    """DNS list and its answers that count."""

    zone: str
    codes: tuple[Codes, ...] = (LISTED,)


class Resting:
    """The lists that are down and left alone for a while, so that not every new client waits for them; safe for several threads."""

    def __init__(self) -> None:
        self.until: dict[str, float] = {}  # monotonic seconds
        self.lock = threading.Lock()

    def rests(self, zone: str) -> bool:
        """Whether a list is left alone now."""
        return time.monotonic() < self.until.get(zone, 0.0)

    def pause_use(self, zone: str) -> None:
        """Ask it nothing for a while; say so once."""
        with self.lock:
            silent = not self.rests(zone)
            self.until[zone] = time.monotonic() + PAUSE
        if silent:
            log.warning("the DNS list %s does not answer, for %d s mail is judged without it", zone, PAUSE)


def read_lists(settings: Iterable[str]) -> tuple[DnsList, ...]:
    """The lists that `policy.dns_lists` names: "ZONE" or "ZONE=CODE;CODE", a code as 127.0.0.2 or 127.0.0.2-11.

    BadInput says what is wrong.
    """
    lists = tuple(one_list(text) for text in settings)
    if len(lists) > MOST:
        raise BadInput(f"[policy] dns_lists: at most {MOST} lists are asked about a message")
    return lists


def one_list(text: str) -> DnsList:
    """Parses an entry of the setting."""
    zone, equals, codes = text.partition("=")
    try:
        domain = ascii_domain(zone)
        if "." not in domain:
            raise ValueError(f"“{zone}” is a single label")
        return DnsList(domain, tuple(codes_of(code.strip()) for code in codes.split(";"))) if equals else DnsList(domain)
    except ValueError as fault:
        form = "write ZONE or ZONE=CODE;CODE, such as zen.example.org=127.0.0.2-11"
        raise BadInput(f"[policy] dns_lists: “{text}” is not a list ({fault}); {form}") from fault


def codes_of(text: str) -> Codes:
    """Parses a return code, or a range of its last number."""
    first, dash, last = text.partition("-")
    begin = ipaddress.IPv4Address(first)
    end = ipaddress.IPv4Address(f"{first.rpartition('.')[0]}.{last}") if dash else begin
    if not begin.is_loopback or begin > end:
        raise ValueError(f"“{text}” is not within 127.0.0.0/8")
    return begin, end


def find_listing(client: Client, lists: Iterable[DnsList], resolver: Resolver, resting: Resting) -> str:
    """The first list that names the client, as a sentence without its end; "" when none does. DNS that does not answer lists nobody.

    A list that does not answer is put among those that are `resting`.
    """
    questions = Questions(resolver, MOST)
    questions.deadline = min(questions.deadline, time.monotonic() + SECONDS)
    for one in lists:
        code = "" if resting.rests(one.zone) else list_answer(client, one, questions, resting)
        if code:
            return f"{one.zone} lists the machine it came from, {client} ({code})"
    return ""


def list_answer(client: Client, dns_list: DnsList, questions: Questions, resting: Resting) -> str:
    """The list's answer that counts, "" without one."""
    asked = time.monotonic()
    try:
        answers = [ipaddress.IPv4Address(str(text)) for text in questions.ask(f"{reversed_name(client)}.{dns_list.zone}", "A")]
    except Temporary:
        if time.monotonic() - asked >= TOO_LONG:
            resting.pause_use(dns_list.zone)
        return ""
    except (TooManyQuestions, ValueError):
        return ""
    return next((str(found) for found in answers for first, last in dns_list.codes if first <= found <= last), "")


def reversed_name(client: Client) -> str:
    """The client as lists name it (RFC 5782, 2.1 and 2.4)."""
    return client.reverse_pointer.removesuffix(".in-addr.arpa").removesuffix(".ip6.arpa")
