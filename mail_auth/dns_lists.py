"""DNS lists of bad clients (RFC 5782): does one of those that the company asks name this client?"""

import ipaddress
import time
from collections.abc import Iterable
from dataclasses import dataclass

from mail_auth.resolver import Questions, Resolver, Temporary, TooManyQuestions
from triage.envelope import ascii_domain
from triage.errors import BadInput

MOST = 10  # lists
SECONDS = 3.0  # for all of them about one message: a list that is down holds no mail up
LISTED = (ipaddress.IPv4Address("127.0.0.2"), ipaddress.IPv4Address("127.0.0.255"))  # RFC 5782, 2.1; errors are in 127.255.255.0/24

Codes = tuple[ipaddress.IPv4Address, ipaddress.IPv4Address]  # the first and the last one
Client = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class DnsList:
    """One list and the answers of it that count."""

    zone: str
    codes: tuple[Codes, ...] = (LISTED,)


def read(settings: Iterable[str]) -> tuple[DnsList, ...]:
    """The lists that `policy.dns_lists` names: "ZONE" or "ZONE=CODE;CODE", a code as 127.0.0.2 or 127.0.0.2-11.

    BadInput says what is wrong.
    """
    lists = tuple(one_list(text) for text in settings)
    if len(lists) > MOST:
        raise BadInput(f"[policy] dns_lists: at most {MOST} lists are asked about a message")
    return lists


def one_list(text: str) -> DnsList:
    """One entry of the setting."""
    zone, equals, codes = text.partition("=")
    try:
        domain = ascii_domain(zone)
        if "." not in domain:
            raise ValueError(f"{zone!r} is a single label")
        return DnsList(domain, tuple(codes_of(code.strip()) for code in codes.split(";"))) if equals else DnsList(domain)
    except ValueError as fault:
        form = "write ZONE or ZONE=CODE;CODE, such as zen.example.org=127.0.0.2-11"
        raise BadInput(f"[policy] dns_lists: {text!r} is not a list ({fault}); {form}") from fault


def codes_of(text: str) -> Codes:
    """One code, or a range of its last number."""
    first, dash, last = text.partition("-")
    begin = ipaddress.IPv4Address(first)
    end = ipaddress.IPv4Address(f"{first.rpartition('.')[0]}.{last}") if dash else begin
    if not begin.is_loopback or begin > end:
        raise ValueError(f"{text!r} is not within 127.0.0.0/8")
    return begin, end


def listed(client: Client, lists: Iterable[DnsList], resolver: Resolver) -> str:
    """The first list that names the client, as a sentence without its end; "" when none does. DNS that does not answer lists nobody."""
    questions = Questions(resolver, MOST)
    questions.deadline = min(questions.deadline, time.monotonic() + SECONDS)
    for one in lists:
        code = answer(client, one, questions)
        if code:
            return f"{one.zone} lists the machine it came from, {client} ({code})"
    return ""


def answer(client: Client, dns_list: DnsList, questions: Questions) -> str:
    """The list's answer that counts, "" without one."""
    try:
        answers = [ipaddress.IPv4Address(str(text)) for text in questions.ask(f"{reversed_name(client)}.{dns_list.zone}", "A")]
    except (Temporary, TooManyQuestions, ValueError):
        return ""
    return next((str(found) for found in answers for first, last in dns_list.codes if first <= found <= last), "")


def reversed_name(client: Client) -> str:
    """The client as lists name it (RFC 5782, 2.1 and 2.4)."""
    return client.reverse_pointer.removesuffix(".in-addr.arpa").removesuffix(".ip6.arpa")
