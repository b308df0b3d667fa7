"""Threshold for suggesting a rule to people, and the sentence that says why. Pure; it never makes a rule."""

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Self

from triage.message.signals.severity import Severity
from triage.say import join_parts, say, say_count

DAYS = 90  # of correspondence that is looked at
PEOPLE, MESSAGES = 3, 5  # that correspond with a domain, at least
SIGN_INS = 2  # messages at least from a domain that nobody here wrote to or had mail released from: anybody can send one code
SHOWN = 3  # subjects


class Kind(StrEnum):
    """Reason why a rule is suggested."""

    CORRESPONDENCE = "correspondence"
    SIGN_IN = "sign-in"  # it sends sign-in codes and password messages, for which nobody can wait
    LIST = "list"  # somebody here writes to it


@dataclass(frozen=True, slots=True)
class Evidence:
    """Evidence of the last DAYS about a domain or a list. Counts are of messages that prove where they come from."""

    people: int = 0  # employees who wrote to it, or to whom staff released its messages
    wrote: int = 0  # people who wrote to it
    messages: int = 0
    dmarc: int = 0  # of these, by DMARC
    unproven: int = 0  # more messages say that they come from there, and do not prove it
    time_limited: int = 0  # sign-in codes, links that expire
    recipients: int = 0  # people who got mail from it
    removed: int = 0  # by staff: purged, rejected
    would_pass: int = 0  # were held, or would have been
    weight: int = 0  # of the worst of them
    severity: int = 0  # of the worst of them
    posts: int = 0  # messages of ours to a list
    subjects: tuple[str, ...] = ()  # of the last ones

    def as_json(self) -> dict[str, Any]:
        """Returns the evidence as plain values."""
        return asdict(self) | {"subjects": list(self.subjects)}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Reads back the value that `as_json` wrote."""
        return cls(**values | {"subjects": tuple(values["subjects"])})

    @property
    def proof(self) -> str:
        """Proof that the rule would ask for."""
        return "dmarc" if self.dmarc else "aligned"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A rule that might be proposed."""

    kind: Kind
    match: str
    value: str
    proof: str
    evidence: Evidence


def kind_of(evidence: Evidence) -> Kind | None:
    """Whether a rule for this domain is worth a question.

    Never where staff took proven mail of it away, or where one looks like a trick.
    """
    if evidence.removed or evidence.severity >= Severity.SUSPICIOUS or not evidence.messages:
        return None
    if evidence.people >= PEOPLE and evidence.messages >= MESSAGES:
        return Kind.CORRESPONDENCE
    known = evidence.people or evidence.messages >= SIGN_INS
    return Kind.SIGN_IN if evidence.time_limited and evidence.would_pass and known else None


def suggestion_question(kind: Kind, value: str, evidence: Evidence) -> str:
    """The question, with its evidence."""
    if kind is Kind.LIST:
        return say_count(
            "{count} message of ours went to the list {value}, whose posts are signed: allow the list for the company?",
            "{count} messages of ours went to the list {value}, whose posts are signed: allow the list for the company?",
            count=evidence.posts,
            value=value,
        )
    if kind is Kind.CORRESPONDENCE:
        messages = say_count("{count} message", "{count} messages", count=evidence.messages)
        counts = say("{people}, {messages} in {days} days", people=count_people(evidence.people), messages=messages, days=DAYS)
    else:
        messages = say_count("{count} sign-in or password message", "{count} sign-in or password messages", count=evidence.time_limited)
        counts = say("{messages} to {people} in {days} days", messages=messages, people=count_people(evidence.recipients), days=DAYS)
    others = say("({count} more without proof are not allowed)", count=evidence.unproven) if evidence.unproven else ""
    proofs = join_parts(" ", (describe_proofs(evidence), others))
    return say("{counts}, {proofs}: allow {value} for the company?", counts=counts, proofs=proofs, value=value)


def describe_proofs(evidence: Evidence) -> str:
    """Says how the domain's messages prove where they come from."""
    if evidence.dmarc == evidence.messages:
        return say("all pass DMARC")
    if not evidence.dmarc:
        return say("all pass aligned SPF or DKIM; the domain publishes no DMARC")
    return say("{count} of them pass DMARC", count=evidence.dmarc)


def count_people(count: int) -> str:
    """Says a number of people."""
    return say_count("{count} person", "{count} people", count=count)
