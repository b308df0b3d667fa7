"""The stages of a message on its way in: arrived, examined, evaluated, stored. What it shows alone is examined here, without a database."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple, Protocol, TypeVar

from sqlalchemy.exc import SQLAlchemyError

from triage.addressing.envelope import Envelope
from triage.config.settings import Settings
from triage.intake import lookups
from triage.message.authentication import Authentication
from triage.message.dmarc_reports.aggregate_report import AggregateReport
from triage.message.forwarded import Pointed
from triage.message.mime.links import is_related_host
from triage.message.signals import find_signals
from triage.message.signals.attachments import Danger
from triage.message.signals.deviations import Deviation, find_deviations
from triage.message.signals.scan_results import NOT_ASKED, Scan
from triage.message.signals.severity import Severity, rate_severity
from triage.message.signals.signal_context import Seen, sum_weights
from triage.message.signals.time_critical import Life
from triage.message.summary import Summary
from triage.policy.contacts import store as contacts
from triage.policy.decide import DIFFERENT, LETTING_IN, SIMULATED, UNLIKE, Disposition, Verdict
from triage.policy.facts import Facts
from triage.policy.known_senders.domain_proofs import Came
from triage.policy.learning.known_names import Stranger
from triage.policy.proof import proof_of_author
from triage.quarantine.campaigns.same_content import Key, keys_of
from triage.store import bodies
from triage.store.delivery_state import FOR_ASSISTANT
from triage.store.new_rows import NewDelivery, Row

MOST_ANSWERS = 5  # addresses of a Reply-To that are compared


@dataclass(frozen=True, slots=True)
class AtSight:
    """First look at a message, taken before its transaction: a large or malicious one takes long, and no other writer may wait for it."""

    signs: find_signals.Found
    deadline: Life | None  # how long it is of use, where its domain fits what it says and these signals do not look suspicious
    danger: Danger  # of what is attached
    severity: Severity  # how bad it looks by these signals
    deviations: tuple[Deviation, ...]  # what could be unlike a known sender
    content: bodies.Packed
    summary_row: Row  # its summary, as the database holds it

    @property
    def names(self) -> frozenset[str]:
        """The names of its signals."""
        return frozenset(one.name for some in self.signs.values() for one in some)


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message that was accepted, and what was found out about it."""

    envelope: Envelope
    raw: bytes
    authentication: Authentication
    summary: Summary
    listed: str = ""  # who lists the client as bad, in words
    scan: Scan = NOT_ASKED
    patient: bool = False  # there is time to judge it again
    imported: bool = False  # its spool id is a digest, no id of ours: the message gets another one
    report: AggregateReport | None = None  # on our domains, where it was sent to the address for these
    pointed: tuple[Pointed, ...] | None = None  # of a partner's report: the messages that are meant; None: it is none
    at_sight: AtSight | None = None  # None: nobody has looked yet


@dataclass(frozen=True, slots=True)
class Examined:
    """A message that is not in the database yet, with all that it shows alone."""

    number: int  # which of the arrivals it is
    arrival: Arrival
    envelope: Envelope  # under an id that no other message has
    at_sight: AtSight

    @property
    def summary(self) -> Summary:
        """Summary of the message."""
        return self.arrival.summary

    @property
    def authentication(self) -> Authentication:
        """Authentication of the sender."""
        return self.arrival.authentication

    def list_keys(self, settings: Settings) -> list[Key]:
        """Returns keys by which a suspicious message is a copy of others, whatever their texts say; none where it is not suspicious."""
        if self.is_partner_report or self.at_sight.severity < Severity.SUSPICIOUS:
            return []
        return keys_of(self.summary, {*settings.own_domains, *settings.policy.freemail_domains})

    @property
    def is_partner_report(self) -> bool:
        """Whether a partner reports something by it: it is like what it reports, and no copy of that."""
        return self.arrival.pointed is not None

    @property
    def is_reply(self) -> bool:
        """Whether it says that it answers an earlier message."""
        return bool(self.summary.in_reply_to or self.summary.references)


@dataclass(frozen=True, slots=True)
class Evaluated:
    """An examined message, its campaign, and what the policy says for each recipient."""

    examined: Examined
    campaign_id: int | None
    facts: tuple[Facts, ...]
    verdicts: tuple[tuple[Facts, Verdict], ...]  # one for each delivery

    @property
    def number(self) -> int:
        """Number of the arrival."""
        return self.examined.number

    @property
    def stranger(self) -> Stranger | None:
        """Sender that could be taken for a known one: an author whom no rule allows or whose proof is new, or any whose answers go to
        another address.
        """
        summary = self.examined.summary
        answers = answers_elsewhere(summary)
        is_new = any(facts.sender_proof and facts.sender_proof.is_new for facts in self.facts)
        is_known = not is_new and any(rule.effect == "allow" for facts in self.facts for rule in facts.rules)
        return None if is_known and not answers else Stranger(summary.author, summary.author_name, answers, is_known)

    @property
    def rules_applied(self) -> set[int]:
        """The rules that decided something about it."""
        named = (one for facts, verdict in self.verdicts for one in (verdict.rule_id, facts.recipient.redirected_by, *facts.marked_by))
        return {one for one in named if one is not None}

    @property
    def contacts_heard(self) -> set[int]:
        """The contacts whose proven message this is, for somebody whom they are known to."""
        proven = (facts for facts in self.facts if proof_of_author(facts))
        return {rule.id for facts in proven for rule in facts.rules if rule.origin == contacts.ORIGIN}

    @property
    def checks_held(self) -> set[str]:
        """The checks of known senders that held it."""
        return {one.check for facts, verdict in self.verdicts if verdict.rule == UNLIKE for one in facts.unlike}

    @property
    def came(self) -> Came | None:
        """Proof of the sender's domain, where a rule delivers the message for it, if need be by way of an assistant, or holds it, or
        would, because the proof is new."""
        proof = self.facts[0].sender_proof if self.facts else None
        if proof is None:
            return None
        warned = [one for _, one in self.verdicts if DIFFERENT in (one.rule, one.withheld, *(other.rule for other in one.beside))]
        if warned:
            return Came(proof, is_held=any(one.disposition is Disposition.QUARANTINE for one in warned), is_warned=True)
        delivering = {*LETTING_IN, FOR_ASSISTANT}
        return Came(proof, is_held=False) if any(verdict.rule in delivering for _, verdict in self.verdicts) else None

    @property
    def is_simulation(self) -> bool:
        """Whether it is of a phishing simulation that the company ordered."""
        return any(verdict.rule == SIMULATED for _, verdict in self.verdicts)

    @property
    def is_accepted(self) -> bool:
        """Whether a rule passes it and it proves its author."""
        return bool(self.examined.authentication.proof) and any(verdict.rule == "allowed-sender" for _, verdict in self.verdicts)


@dataclass(frozen=True, slots=True)
class Stored:
    """An evaluated message as it is written: its row and one delivery for each mailbox."""

    evaluated: Evaluated
    message_id: int
    message: Row  # but for its content
    deliveries: tuple[NewDelivery, ...]

    @property
    def number(self) -> int:
        """Number of the arrival."""
        return self.evaluated.number

    @property
    def examined(self) -> Examined:
        """First stage of the message: what it shows alone."""
        return self.evaluated.examined


class Fresh(NamedTuple):
    """An arrival that is not in the database yet."""

    number: int
    arrival: Arrival
    envelope: Envelope  # under an id that no other message has


class Numbered(Protocol):
    """Message among those that enter together."""

    @property
    def number(self) -> int:
        """Number of the arrival."""


One = TypeVar("One", bound=Numbered)
Next = TypeVar("Next")


def answers_elsewhere(summary: Summary) -> tuple[str, ...]:
    """The domains to which answers go, but those of the author's organisation."""
    domain = summary.author.rpartition("@")[2]
    others = (one.rpartition("@")[2] for one in summary.reply_to[:MOST_ANSWERS])
    return tuple(dict.fromkeys(one for one in others if one and not is_related_host(one, domain)))


class Faults(dict[int, Exception]):
    """Errors of messages that could not be entered, by their numbers: one that fails does not make another one fail."""

    def each(self, some: Iterable[One], step: Callable[[One], Next]) -> list[Next]:
        """Returns the results of a step for the messages for which it succeeds."""
        made: list[Next] = []
        for one in some:
            try:
                made.append(step(one))
            except SQLAlchemyError:
                raise  # nothing more can be asked in this transaction
            except Exception as fault:
                self[one.number] = fault
        return made


def with_first_look(arrival: Arrival, *, settings: Settings, now: datetime) -> Arrival:
    """The same, with what its message shows alone: to be asked for before a transaction begins."""
    if arrival.at_sight:
        return arrival
    found = look_at_message(signal_input(arrival, settings, now), arrival.raw, arrival.envelope.received_at, settings)
    return replace(arrival, at_sight=found)


def signal_input(arrival: Arrival, settings: Settings, now: datetime) -> Seen:
    """Returns the input of the signals, without what the company knows."""
    return Seen(
        summary=arrival.summary,
        authentication=arrival.authentication,
        now=now,
        own_domains=settings.own_domains,
        platform=lookups.author_platform(arrival.summary, settings),
        reverse_path=arrival.envelope.reverse_path,
        listed=arrival.listed,
        scan=arrival.scan,
    )


def look_at_message(seen: Seen, raw: bytes, received_at: datetime, settings: Settings) -> AtSight:
    """Look at a message. What the company knows is not asked for."""
    signs = find_signals.of_itself(seen)
    found = [signal for some in signs.values() for signal in some]
    severity = rate_severity(sum_weights(found), {one.name for one in found})
    return AtSight(
        signs=signs,
        deadline=None if severity >= Severity.SUSPICIOUS else lookups.deadline_of(seen.summary, received_at, settings),
        danger=lookups.danger_of(seen.summary, settings),
        severity=severity,
        deviations=find_deviations(seen, found),
        content=bodies.pack_body(raw),
        summary_row=seen.summary.as_json() | {"text": "", "fingerprint": ""},
    )
