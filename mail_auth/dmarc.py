"""DMARC (RFC 7489, RFC 9989): evaluates whether SPF or DKIM prove the author's domain. A pure evaluation beside the lookups."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from publicsuffixlist import PublicSuffixList

from mail_auth.dmarc_record import Broken, Record, parse_dmarc_record
from mail_auth.dns.query_budget import Questions, Temporary, TooManyQuestions
from triage.addressing.public_suffix import tenant_of
from triage.message.authentication import Dmarc, Result

LABELS = 8  # a longer name is walked from its last seven labels (RFC 9989, section 4.10)


class Several(Exception):
    """A domain publishes several DMARC records: none of them counts (RFC 9989, section 4.10)."""


@dataclass(frozen=True, slots=True)
class Discovery:
    """DMARC record that DNS has for the author's domain."""

    domain: str
    organisational_domain: str
    record: Record | None = None
    exists: bool = True  # the author's domain, asked only where np= makes a difference
    result: Result | None = None  # PERMERROR or TEMPERROR when no record can be had
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Identifier:
    """A domain that SPF or DKIM has proven, or could not find out about (TEMPERROR)."""

    method: str  # "spf", "dkim"
    domain: str
    result: Result
    organisational_domain: str


def evaluate_dmarc(found: Discovery, identifiers: Sequence[Identifier]) -> Dmarc:
    """The result: PASS only by an aligned identifier, and never for lack of an answer."""
    aligned = [one for one in identifiers if is_aligned(found, one)]
    passed = tuple(method for method in ("spf", "dkim") if any(one.method == method and one.result is Result.PASS for one in aligned))
    unknown = any(one.result is Result.TEMPERROR for one in aligned) and not passed
    policy = found.record.policy_for(found.domain, found.exists) if found.record else ""
    result, reason = found.result, found.reason
    if result is None and unknown:
        result, reason = Result.TEMPERROR, "DNS did not answer about a domain that may prove the author"
    elif result is None and found.record is None:
        result, reason = Result.NONE, reason or "the domain has no DMARC record"
    elif result is None:
        result = Result.PASS if passed else Result.FAIL
    return Dmarc(result, found.domain, found.organisational_domain, policy, passed, reason)


def is_aligned(found: Discovery, one: Identifier) -> bool:
    """Whether the identifier belongs to the author's domain (RFC 9989, section 4.4). Relaxed without a record."""
    strict = found.record is not None and (found.record.strict_dkim if one.method == "dkim" else found.record.strict_spf)
    return one.domain == found.domain if strict else one.organisational_domain == found.organisational_domain


def discover_record(domain: str, questions: Questions) -> Discovery:
    """Look up the record that holds for the author's domain. Never raises; no answer is TEMPERROR."""
    organisation = organisational_domain(domain)
    try:
        record = policy_record(domain, questions)
        organisation = organisation_of(domain, questions)
    except Several as fault:
        return Discovery(domain, organisation, reason=str(fault))
    except Broken as fault:
        return Discovery(domain, organisation, result=Result.PERMERROR, reason=str(fault))
    except (Temporary, TooManyQuestions) as fault:
        return Discovery(domain, organisation, result=Result.TEMPERROR, reason=str(fault))
    if record and record.silent:
        return Discovery(
            domain, organisation, reason=f"the DMARC record of {record.domain} has neither p= nor rua=, so it asks for nothing"
        )
    asked = record is not None and record.domain != domain and record.nonexistent_policy
    return Discovery(domain, organisation, record, exists=not asked or does_exist(domain, questions))


def find_identifier(method: str, domain: str, result: Result, found: Discovery, questions: Questions) -> Identifier:
    """An identifier with its organisational domain; DNS is asked only where that can make a difference."""
    organisation = organisational_domain(domain)
    if domain == found.domain:
        return Identifier(method, domain, result, found.organisational_domain)
    if organisation == organisational_domain(found.domain):
        try:
            organisation = organisation_of(domain, questions)
        except Temporary:
            return Identifier(method, domain, Result.TEMPERROR, found.organisational_domain)
        except TooManyQuestions:
            return Identifier(method, domain, Result.NEUTRAL, "")
    return Identifier(method, domain, result, organisation)


def record_at(domain: str, questions: Questions) -> Record | None:
    """The one DMARC record of a domain itself."""
    records = [record for text in questions.texts(f"_dmarc.{domain}") if (record := parse_dmarc_record(text, domain))]
    if len(records) > 1:
        raise Several(f"{domain} has {len(records)} DMARC records, so none counts")
    return records[0] if records else None


def policy_record(domain: str, questions: Questions) -> Record | None:
    """The author domain's own record, or that of its organisation or public suffix (RFC 9989, section 4.10.1)."""
    best: Record | None = None
    organisation = organisational_domain(domain)
    for name in walk_tree(domain):
        record = record_at(name, questions)
        if record is None:
            continue
        if record.domain == domain or record.psd == "n":
            return record
        if record.psd == "y":  # the name one label below is the organisation; its record goes before the suffix's
            return best if best and best.domain.count(".") == name.count(".") + 1 else record
        if best is None or len(name) >= len(organisation):  # the topmost record counts, but a public suffix's goes behind
            best = record
        if name == organisation:
            break
    return best


def walk_tree(domain: str) -> list[str]:
    """The domain and its parents, nearest first, at most eight (RFC 9989, section 4.10)."""
    labels = domain.split(".")
    first = max(1, len(labels) - LABELS + 1)
    return [domain] + [".".join(labels[number:]) for number in range(first, len(labels))]


def organisation_of(domain: str, questions: Questions) -> str:
    """The organisational domain: where psd= or the topmost record puts it (RFC 9989, section 4.10.2), never above a public suffix.

    Where no record says anything, the public suffix list does (RFC 7489, section 3.2).
    """
    limit = organisational_domain(domain)
    topmost, below = "", domain
    for name in walk_tree(domain):
        if len(name) < len(limit):
            break
        psd = border_at(name, questions)
        if psd == "n":
            return name
        if psd == "y":
            return below
        topmost = name if psd else topmost
        below = name
    return topmost or limit


def border_at(name: str, questions: Questions) -> str:
    """The psd= of a domain's record, "u" also when the rest of it is broken; "" without one that counts."""
    try:
        record = record_at(name, questions)
    except Broken:
        return "u"
    except Several:
        return ""
    return record.psd if record else ""


def does_exist(domain: str, questions: Questions) -> bool:
    """Whether the domain has an address or a message exchange (RFC 9989, section 3.2). Yes when DNS does not answer."""
    try:
        return any(questions.ask(domain, rdtype) for rdtype in ("A", "AAAA", "MX"))
    except (Temporary, TooManyQuestions):
        return True


def organisational_domain(domain: str) -> str:
    """Organisational domain: one label below the public suffix. A public suffix is its own organisation (RFC 7489, section 3.2).

    Customers of one provider are no organisation, though the list has them as one: one could sign what names the other.
    """
    return tenant_of(domain) or private_suffix()(domain) or domain


@lru_cache(maxsize=1)
def private_suffix() -> Callable[[str], str | None]:
    """The public suffix list, read once and when first needed (60 ms)."""
    return PublicSuffixList().privatesuffix
