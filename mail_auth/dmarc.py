"""DMARC (RFC 7489, RFC 9989): does what was proven belong to the author's domain? A pure evaluation beside the lookups."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from publicsuffixlist import PublicSuffixList

from mail_auth.resolver import Questions, Temporary, TooManyQuestions
from triage.authentication import Dmarc, Result

POLICIES = ("none", "quarantine", "reject")
LABELS = 8  # a longer name is walked from its last seven labels (RFC 9989, section 4.10)


@dataclass(frozen=True, slots=True)
class Record:
    """A DMARC record and the domain that publishes it."""

    domain: str
    policy: str = "none"
    subdomain_policy: str = ""  # sp=, "" when absent
    nonexistent_policy: str = ""  # np=
    strict_dkim: bool = False  # adkim=s
    strict_spf: bool = False  # aspf=s
    psd: str = "u"  # y: a public suffix, n: an organisation of its own, u: not said
    testing: bool = False  # t=y, or pct=0: the domain does not want its policy applied yet
    silent: bool = False  # neither p= nor an address for reports: it asks for nothing (RFC 9989, section 4.10.1)

    def policy_for(self, domain: str, exists: bool) -> str:
        """What the record asks to do with failing mail of an author domain."""
        wanted = self.policy
        if domain != self.domain:
            wanted = self.subdomain_policy or self.policy
            wanted = wanted if exists else self.nonexistent_policy or wanted
        return POLICIES[max(0, POLICIES.index(wanted) - 1)] if self.testing else wanted


class Broken(Exception):
    """A domain publishes a DMARC record that cannot be used."""


class Several(Exception):
    """A domain publishes several DMARC records: none of them counts (RFC 9989, section 4.10)."""


@dataclass(frozen=True, slots=True)
class Discovery:
    """What DNS says about the author's domain."""

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


def evaluate(found: Discovery, identifiers: Sequence[Identifier]) -> Dmarc:
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
    """Does the identifier belong to the author's domain (RFC 9989, section 4.4)? Relaxed without a record."""
    strict = found.record is not None and (found.record.strict_dkim if one.method == "dkim" else found.record.strict_spf)
    return one.domain == found.domain if strict else one.organisational_domain == found.organisational_domain


def parse(text: bytes, domain: str) -> Record | None:
    """The record; None when it is none of DMARC; Broken when it is one that cannot be used."""
    tags: dict[str, str] = {}
    for number, part in enumerate(text.decode("utf-8", "replace").split(";")):
        name, equals, value = (piece.strip(" \t") for piece in part.partition("="))
        name = name.lower()
        if number == 0 and (name, value) != ("v", "DMARC1"):
            return None
        if name in tags and name in ("p", "sp", "np", "psd"):
            raise Broken(f"the DMARC record of {domain} has {name}= twice")
        if equals:
            tags.setdefault(name, value)
    low = {name: value.lower() for name, value in tags.items()}
    policies = {name: low[name] for name in ("p", "sp", "np") if name in low}
    if not set(policies.values()) <= set(POLICIES):
        if not has_report_address(tags.get("rua", "")):
            raise Broken(f"the DMARC record of {domain} has a policy that is not known")
        policies = {}  # RFC 9989, section 4.10.1 (7489, 6.6.3): as if it said p=none
    return Record(
        domain,
        policies.get("p", "none"),
        policies.get("sp", ""),
        policies.get("np", ""),
        low.get("adkim") == "s",
        low.get("aspf") == "s",
        low["psd"] if low.get("psd") in ("y", "n") else "u",
        low.get("t") == "y" or low.get("pct") == "0",
        "p" not in low and not has_report_address(tags.get("rua", "")),
    )


def has_report_address(rua: str) -> bool:
    """Does rua= have at least one address that reports can go to?"""
    return any(uri.strip().lower().startswith("mailto:") and "@" in uri for uri in rua.split(","))


def discover(domain: str, questions: Questions) -> Discovery:
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


def identifier(method: str, domain: str, result: Result, found: Discovery, questions: Questions) -> Identifier:
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
    records = [record for text in questions.texts(f"_dmarc.{domain}") if (record := parse(text, domain))]
    if len(records) > 1:
        raise Several(f"{domain} has {len(records)} DMARC records, so none counts")
    return records[0] if records else None


def policy_record(domain: str, questions: Questions) -> Record | None:
    """The author domain's own record, or that of its organisation or public suffix (RFC 9989, section 4.10.1)."""
    best: Record | None = None
    organisation = organisational_domain(domain)
    for name in walk(domain):
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


def walk(domain: str) -> list[str]:
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
    for name in walk(domain):
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
    """Has the domain an address or a mail exchange (RFC 9989, section 3.2)? Yes when DNS does not answer."""
    try:
        return any(questions.ask(domain, rdtype) for rdtype in ("A", "AAAA", "MX"))
    except (Temporary, TooManyQuestions):
        return True


def organisational_domain(domain: str) -> str:
    """One label below the public suffix; a public suffix itself is its own organisation (RFC 7489, section 3.2)."""
    return private_suffix()(domain) or domain


@lru_cache(maxsize=1)
def private_suffix() -> Callable[[str], str | None]:
    """The public suffix list, read once and when first needed (60 ms)."""
    return PublicSuffixList().privatesuffix
