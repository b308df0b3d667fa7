"""SPF (RFC 7208): checks whether a client may send for a domain. pyspf evaluates, our resolver answers."""

import ipaddress
import logging
import re
from contextvars import ContextVar
from dataclasses import replace
from typing import Any

import spf as pyspf  # type: ignore[import-untyped]

from mail_auth.dns.query_budget import Questions, Record, Temporary, TooManyQuestions
from triage.addressing.envelope import LONGEST_DOMAIN, Envelope, ascii_domain
from triage.message.authentication import Result, Spf

LONGEST_RECORD = 4096  # bytes
LONGEST_NAME = 256  # characters of a name before its macros are expanded, for which pyspf takes time in the square of them
MOST_ADDRESSES = 500  # of one name; each is compared in Python
LONGEST_REASON = 200
ANYBODY = re.compile(r"matched \+?(?:all|[^/]+/0)", re.IGNORECASE)  # the reason of a pass that any client gets

log = logging.getLogger(__name__)
asking: ContextVar[Questions] = ContextVar("asking")


def lookup_dns(name: str, qtype: str, strict: bool = True, timeout: float = 0) -> list[tuple[tuple[str, str], Any]]:
    """Stands in for pyspf's own DNSLookup; answers with the questions of the message that this thread is at."""
    try:
        records = asking.get().ask(name, qtype)
    except Temporary as fault:
        raise pyspf.TempError(str(fault)) from fault
    except TooManyQuestions as fault:
        raise pyspf.PermError(str(fault)) from fault
    if qtype in ("A", "AAAA") and len(records) > MOST_ADDRESSES:
        raise pyspf.PermError(f"{name} has more than {MOST_ADDRESSES} addresses")
    return [((name, qtype), convert_record(record)) for record in records]


pyspf.DNSLookup = lookup_dns  # a module global: the context variable keeps threads and resolvers apart


def convert_record(record: Record) -> Any:
    """A record as pyspf wants it: TXT a tuple of strings, MX preference and name, the others text."""
    if isinstance(record, bytes):
        if pyspf.RE_SPF.match(record) and len(record) > LONGEST_RECORD:
            raise pyspf.PermError(f"an SPF record is longer than {LONGEST_RECORD} bytes")
        return (record,)
    preference, space, exchange = record.partition(" ")
    return (int(preference), exchange.rstrip(".")) if space else record


class Query(pyspf.query):  # type: ignore[misc]
    """pyspf's evaluation without the sender's explanation texts, which nobody here reads and which cost a question, and in bounded time."""

    def expand(self, text: str, stripdot: bool = True) -> str:
        """The text with its macros expanded (RFC 7208, section 7), labels taken off on the left until a name may be as long (7.3)."""
        expanded = str(super().expand(bound_name(text), stripdot))
        return expanded if len(expanded) <= LONGEST_DOMAIN else expanded[-LONGEST_DOMAIN - 1 :].partition(".")[2]

    def expand_domain(self, name: str) -> str:
        """The same for what has to be a domain."""
        return str(super().expand_domain(bound_name(name)))

    def get_explanation(self, spec: str) -> None:
        """None is ever fetched."""


def bound_name(text: str) -> str:
    """The text, unless it is longer than any name; pyspf.PermError then."""
    if len(text) > LONGEST_NAME:
        raise pyspf.PermError(f"a name of more than {LONGEST_NAME} characters")
    return text


def check_spf(envelope: Envelope, questions: Questions) -> Spf:
    """The result for the reverse-path, or for HELO when it is null (RFC 7208, section 2.4). Never raises."""
    path = envelope.reverse_path.strip("<>")
    identity, local, named = ("mailfrom", *path.rpartition("@")[::2]) if path else ("helo", "postmaster", envelope.helo)
    if envelope.edge and not envelope.client:
        return Spf(Result.NONE, identity, "", "behind an edge that does not name the client")
    return check_identity(identity, local, named, envelope, questions)


def as_proof(found: Spf) -> Spf:
    """A result as far as it proves something: who lets any client send has not sent it by that."""
    if found.result is not Result.PASS or not ANYBODY.fullmatch(found.reason):
        return found
    return replace(found, result=Result.NEUTRAL, reason=f"the domain lets anybody send in its name ({found.reason})")


def check_helo(envelope: Envelope, questions: Questions) -> tuple[Spf, ...]:
    """The result for HELO beside that for the reverse-path (RFC 7208, section 2.3), () when it is no domain: told, but no proof."""
    if not envelope.reverse_path.strip("<>"):
        return ()
    found = check_identity("helo", "postmaster", envelope.helo, envelope, questions)
    return (found,) if found.domain else ()


def check_identity(identity: str, local: str, named: str, envelope: Envelope, questions: Questions) -> Spf:
    """The result for one identity."""
    try:
        domain = ascii_domain(named)
        if "." not in domain:
            raise ValueError("a single label")
        client = str(ipaddress.ip_address(envelope.client))
    except ValueError:
        return Spf(Result.NONE, identity, "", "neither a domain nor an address to check")  # RFC 7208, section 4.3
    result, reason = evaluate_spf(client, local or "postmaster", domain, envelope.helo, questions)
    return Spf(result, identity, domain, reason)


def evaluate_spf(client: str, local: str, domain: str, helo: str, questions: Questions) -> tuple[Result, str]:
    """Result and reason of one evaluation."""
    token = asking.set(questions)
    try:
        query = Query(client, f"{local}@{domain}", helo)
        query.l, query.o, query.d = local, domain, domain  # pyspf takes the first @ for the border
        result, _, _ = query.check()
    except (pyspf.PermError, pyspf.TempError) as fault:
        return (Result.TEMPERROR if isinstance(fault, pyspf.TempError) else Result.PERMERROR), clean_reason(str(fault))
    except Exception:  # pyspf meets a record that it did not expect
        log.exception("SPF of %s could not be evaluated", domain)
        return Result.PERMERROR, "the SPF record could not be evaluated"
    finally:
        asking.reset(token)
    problem = getattr(query, "prob", "")
    return Result(result), clean_reason(problem or (f"matched {query.mechanism}" if query.mechanism else ""))


def clean_reason(text: str) -> str:
    """A reason that is short and printable, whatever the zone said."""
    return "".join(character if character.isprintable() else "?" for character in text)[:LONGEST_REASON]
