"""Held messages without warnings that are delivered when nobody decides in time: the terms, the moment, and the messages that stay.

The console, which shows the moment, and upkeep, which delivers, ask here with the terms that upkeep noted last: nothing is delivered
unannounced.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, false, func, literal, or_, select
from sqlmodel import Session, col

from triage.access.dual_control import WAITING
from triage.addressing.envelope import Envelope, parse_or_none
from triage.business_hours import at_work, worked_since, worked_until
from triage.config.settings import Company, Settings
from triage.directory import enforcement
from triage.ids import format_id
from triage.message.signals.severity import Severity
from triage.message.summary import Summary
from triage.policy import emergency
from triage.policy.content_rules.active_rules import active_rules
from triage.policy.content_rules.conditions import SIGNALS_BEFORE
from triage.policy.content_rules.match_content import ContentRules
from triage.policy.content_rules.message_content import MessageContent
from triage.policy.rules import matching_rules
from triage.policy.rules.matching_rules import ByValue
from triage.quarantine.search import legal_hold
from triage.store import restore_pause, versions
from triage.store.db import is_among
from triage.store.delivery_state import State
from triage.store.message_columns import dmarc_result, has_signal
from triage.store.message_record.damaged_records import skip_damaged
from triage.store.message_record.record_codec import MessageRecord
from triage.store.models.approvals import PendingAct
from triage.store.models.assignments import Assignment, Comment, Escalated, Presence, Snooze
from triage.store.models.columns import Instant
from triage.store.models.deliveries import Delivery
from triage.store.models.directory import Person
from triage.store.models.employees import MailReport, MailRequest
from triage.store.models.messages import Message
from triage.store.queue.grouping import HELD_MAIL, NEVER, in_states
from triage.times import from_micros, to_micros

TERMS = "deliver-undecided"  # the marker: the terms as JSON, as the process that delivers has them from its settings
GRACE = timedelta(minutes=5)  # so long after its moment a message is delivered though hours have ended meanwhile
RULE = "first-contact"  # the policy's rule for what is held for nothing but an unknown sender
MOST_COPIES = 10  # of one message or campaign: more at once are bulk mail
STOPPING = frozenset({"block", "hold"})  # effects of rules about senders
SIGNS_OF_REMOVAL = frozenset({State.PURGED, State.RECALLING, State.REJECTED})  # of a copy: somebody removed it


@dataclass(frozen=True, slots=True)
class Terms:
    """After how many minutes messages are delivered, by department, and which: only those received since the terms took effect."""

    minutes: Mapping[str, int] = field(default_factory=dict)
    since: Mapping[str, int] = field(default_factory=dict)  # microseconds, by department
    hours: tuple[str, ...] = ()  # minutes of these count, and only then messages are delivered; empty: always
    time_zone: str = "UTC"
    step: str = enforcement.RECORD  # the company's enforcement step, by the settings
    record_only: tuple[str, ...] = ()  # departments that have another one there

    @classmethod
    def of_settings(cls, settings: Settings) -> "Terms":
        """The terms in the settings; since when, they do not say."""
        coverage = settings.coverage
        pairs = (entry.partition("=") for entry in coverage.deliver_undecided)
        minutes = {code.strip(): int(number) for code, _, number in pairs if int(number)}
        hours = () if coverage.deliver_undecided_always else coverage.hours
        return cls(minutes, {}, hours, coverage.time_zone, settings.company.enforcement, settings.company.record_only_departments)

    @classmethod
    @lru_cache(20)
    def from_json(cls, text: str) -> "Terms":
        """Reads what `note_terms` wrote."""
        given: dict[str, Any] = json.loads(text) if text else asdict(cls())
        return cls(**given | {"hours": tuple(given["hours"]), "record_only": tuple(given["record_only"])})

    def end_of(self, department: str, received_at: datetime) -> datetime | None:
        """When a message is delivered unless somebody decides; None where it is not."""
        minutes = self.minutes.get(department)
        if minutes is None or to_micros(received_at) < self.since.get(department, 0):
            return None
        return worked_until(self.hours, self.time_zone, received_at, timedelta(minutes=minutes))

    def is_due(self, department: str, received_at: datetime, now: datetime) -> bool:
        """Whether a message is delivered at this moment: its time is over, and it is not out of hours."""
        end = self.end_of(department, received_at)
        return end is not None and end <= now and (now - end <= GRACE or at_work(self.hours, self.time_zone, now))

    @property
    def company(self) -> Company:
        """The company's settings, as far as enforcement needs them."""
        return Company(domains=(), hostname="", enforcement=self.step, record_only_departments=self.record_only)

    def is_maybe_due(self, now: datetime) -> ColumnElement[bool]:
        """Condition: deliveries whose time may be over; `is_due` says of each whether it is. From the oldest on, by an index."""
        came, code = func.coalesce(col(Delivery.received_at), literal(NEVER, Instant)), func.coalesce(col(Delivery.department), "")
        ends = {
            one: worked_since(self.hours, self.time_zone, now, timedelta(minutes=minutes)) for one, minutes in sorted(self.minutes.items())
        }
        limits = [and_(code == one, came >= from_micros(self.since.get(one, 0)), came <= end) for one, end in ends.items()]
        return and_(col(Delivery.received_at) <= max(ends.values()), or_(*limits)) if ends else false()


class Candidate(NamedTuple):
    """Held message that nothing of its own keeps from being delivered."""

    id: int
    message_id: int
    campaign_id: int | None
    department: str
    person: str
    received_at: datetime
    author: str
    proof: str

    @property
    def scopes(self) -> set[str]:
        """Scopes of the rules that reach it."""
        return {"company", f"department:{self.department}", f"person:{self.person}"}


COLUMNS = [col(getattr(Delivery, name)) for name in Candidate._fields]


class StoredMessage(NamedTuple):
    """Parts of a message that rules ask about."""

    summary: Summary
    carrier: str  # the reverse-path as an address, "" where it is none
    signals: frozenset[str]


def known_terms(session: Session) -> Terms:
    """Returns the terms as the process that delivers noted them; none before it did."""
    return Terms.from_json(versions.read_text(session, TERMS))


def note_terms(session: Session, wanted: Terms, now: datetime) -> Terms:
    """Saves the terms for every process and returns them. Where minutes or hours of a department have changed, its held messages stay
    held.
    """
    known = known_terms(session)
    same = (known.hours, known.time_zone) == (wanted.hours, wanted.time_zone)
    kept = {code for code, minutes in wanted.minutes.items() if same and known.minutes.get(code) == minutes}
    since = {code: known.since[code] if code in kept else to_micros(now) for code in wanted.minutes}
    terms = replace(wanted, since=since)
    if terms != known:
        versions.write_text(session, TERMS, asdict(terms))
        session.flush()
    return terms


def has_no_warnings() -> ColumnElement[bool]:
    """Condition: nothing in the message asks for a person: held for its unknown sender alone, without warnings or a time limit."""
    return and_(
        col(Delivery.direction) == "in",
        col(Delivery.rule) == RULE,
        func.coalesce(col(Delivery.severity), int(Severity.DANGEROUS)) == int(Severity.NONE),
        func.coalesce(col(Delivery.second_look), 1) == 0,
        col(Delivery.time_limited_until).is_(None),
        col(Delivery.flood).is_(False),
        col(Delivery.claimed).is_(False),
        col(Delivery.marks) == "",
        col(Delivery.note) == "",
    )


def is_untouched() -> ColumnElement[bool]:
    """Condition: nobody ever decided about it."""
    never = (col(Delivery.decision_id).is_(None), col(Delivery.purge_wanted_by).is_(None))
    return and_(HELD_MAIL, *never, col(Delivery.redirected).is_(False), col(Delivery.erased_at).is_(None))


def is_here() -> ColumnElement[bool]:
    """Condition: its recipient is a shared folder, or somebody who has not left."""
    present = select(col(Person.uid)).where(col(Person.uid) == col(Delivery.person), col(Person.active)).correlate(Delivery).exists()
    return or_(col(Delivery.person) == "", present)


def is_answered() -> ColumnElement[bool]:
    """Condition on the message of a delivery: every scanner and the sender's DNS have answered."""
    return and_(~has_signal("not-scanned"), func.coalesce(dmarc_result(), "temperror") != "temperror")


def find_candidates(session: Session, where: ColumnElement[bool], limit: int) -> list[Candidate]:
    """Finds the first of these messages that nothing of their own keeps, by the time when they came."""
    these = (is_untouched(), has_no_warnings(), is_answered(), is_here(), where)
    rows = select(*COLUMNS).join(Message, col(Message.id) == col(Delivery.message_id)).where(*these)
    return [Candidate(*row) for row in session.execute(rows.order_by(col(Delivery.received_at), col(Delivery.id)).limit(limit))]


def comes_after(place: Candidate) -> ColumnElement[bool]:
    """Condition: messages that come after this one in that order."""
    came = col(Delivery.received_at)
    return and_(came >= place.received_at, or_(came > place.received_at, col(Delivery.id) > place.id))


def deliver_times(session: Session, ids: Sequence[int], now: datetime) -> dict[int, datetime]:
    """Returns which of these deliveries will be delivered unless somebody decides, and when."""
    terms = known_terms(session)
    if not terms.minutes:
        return {}
    found = find_candidates(session, is_among(session, col(Delivery.id), ids), len(ids))
    ends = {one.id: end for one in found if (end := terms.end_of(one.department, one.received_at))}
    free = find_free(session, [one for one in found if one.id in ends], terms, now)
    return {one.id: ends[one.id] for one in free}


def is_suspended(session: Session, now: datetime) -> bool:
    """Whether nothing is delivered like this for now: in an emergency, and while sending is paused after a restore."""
    return emergency.current_emergency(session, now) is not None or restore_pause.pause_of(session) is not None


def find_free(session: Session, found: Sequence[Candidate], terms: Terms, now: datetime) -> list[Candidate]:
    """Returns those of these messages that nobody works on, and no copy of them; none while `is_suspended`.

    Messages that a rule would stop today wait for a person, and all of them where the enforcement step does not hold unknown senders.
    """
    if not found or is_suspended(session, now):
        return []
    steps = enforcement.now_in_force(session, terms.company, now)
    enforced = [one for one in found if steps.of(one.department, one.person) == enforcement.UNKNOWN]
    stopped = find_stopped(session, enforced, now) | find_refused(session, enforced)
    enforced = [one for one in enforced if one.id not in stopped]
    copies = find_copies(session, enforced)
    busy = find_busy(session, {copy for ids in copies.values() for copy in ids}, now)
    return [one for one in enforced if one.id in copies and busy.isdisjoint(copies[one.id])]


def find_stopped(session: Session, found: Sequence[Candidate], now: datetime) -> set[int]:
    """Returns those of these messages that a rule of today blocks, holds or marks: it may be younger than the message.

    Which proof a block asks for is not looked at: a person decides. What cannot be read stays too.
    """
    messages = read_messages(session, {one.message_id for one in found})
    campaigns = {one.campaign_id for one in found if one.campaign_id is not None}
    values = {value for one in messages.values() for value in matching_rules.values_of(one.summary, one.carrier, campaigns)}
    rules, content = matching_rules.rules_naming(session, values, now), active_rules(session, now)
    stopped = set()
    for one in found:
        message = messages.get(one.message_id)
        if message is None or not stopping_scopes(message, one, rules, content, now).isdisjoint(one.scopes):
            stopped.add(one.id)
    return stopped


def stopping_scopes(message: StoredMessage, about: Candidate, rules: ByValue, content: ContentRules, now: datetime) -> set[str]:
    """Scopes of the rules that block, hold or mark such a message."""
    senders = matching_rules.about_sender(rules, message.summary, message.carrier, about.campaign_id, bool(about.proof))
    matches = content.match(MessageContent(message.summary, message.signals), now) if content else ()
    return {rule.scope for rule in senders if rule.effect in STOPPING} | {match.rule.scope for match in matches}


def read_messages(session: Session, ids: Iterable[int]) -> dict[int, StoredMessage]:
    """Reads these messages, without those whose records are damaged."""
    columns = (col(Message.id), col(Message.record), col(Message.text))
    rows = session.execute(select(*columns).where(is_among(session, col(Message.id), ids))).all()
    return {row.id: read_message(row.record, row.text) for row in skip_damaged(rows)}


def read_message(record: MessageRecord, text: str) -> StoredMessage:
    """Reads these parts from the record of a message."""
    carrier = parse_or_none(Envelope.from_json(record.envelope).reverse_path)
    signals = frozenset(SIGNALS_BEFORE.get(one["name"], one["name"]) for one in record.signals)
    return StoredMessage(Summary.from_json(record.summary | {"text": text}), str(carrier or ""), signals)


def find_refused(session: Session, found: Sequence[Candidate]) -> set[int]:
    """Returns those of these messages of whose author somebody removed another one."""
    authors = is_among(session, col(Delivery.author), {one.author for one in found})
    removed = select(col(Delivery.author)).where(authors, in_states(tuple(SIGNS_OF_REMOVAL)), col(Delivery.decision_id).is_not(None))
    refused = set(session.scalars(removed.distinct()))
    return {one.id for one in found if one.author in refused}


def find_copies(session: Session, found: Sequence[Candidate]) -> dict[int, set[int]]:
    """Returns all deliveries of each message and its campaign, without messages that stay held because of their copies: they are too many,
    one has warnings, or somebody removed one.
    """
    columns = (col(Delivery.id), col(Delivery.message_id), col(Delivery.state), col(Delivery.severity))
    alike = select(*columns).limit(MOST_COPIES + 1)
    campaigns = {one.campaign_id for one in found if one.campaign_id is not None}
    of_campaign = {one: session.execute(alike.where(col(Delivery.campaign_id) == one)).all() for one in campaigns}
    of_message: dict[int, list[Any]] = defaultdict(list)
    for row in session.execute(select(*columns).where(is_among(session, col(Delivery.message_id), {one.message_id for one in found}))):
        of_message[row.message_id].append(row)
    every = {one.id: {*of_message[one.message_id], *of_campaign.get(one.campaign_id or 0, ())} for one in found}
    return {one: {row.id for row in rows} for one, rows in every.items() if len(rows) <= MOST_COPIES and all(map(is_harmless, rows))}


def is_harmless(copy: Any) -> bool:
    """Whether a copy has no warnings and nobody removed it."""
    return State(copy.state) not in SIGNS_OF_REMOVAL and copy.severity == int(Severity.NONE)


def find_busy(session: Session, ids: Iterable[int], now: datetime) -> set[int]:
    """Returns those of these deliveries that somebody works on, declined to release, reported or must keep.

    A release request that is open keeps nothing held.
    """
    some = sorted(set(ids))
    busy: set[int] = set()
    for table, more in (
        (Comment, ()),
        (Assignment, ()),
        (Snooze, ()),
        (Escalated, ()),
        (MailReport, ()),
        (MailRequest, (col(MailRequest.declined_at).is_not(None),)),
        (Presence, (col(Presence.until) > now,)),
    ):
        whose: Any = table.delivery_id
        busy |= set(session.scalars(select(col(whose)).where(is_among(session, col(whose), some), *more)))
    busy |= set(
        session.scalars(select(col(Delivery.id)).where(is_among(session, col(Delivery.id), some), legal_hold.on_legal_hold(session)))
    )
    asked = {name for items in session.scalars(select(col(PendingAct.items)).where(col(PendingAct.state) == WAITING)) for name in items}
    return busy | {one for one in some if format_id(one) in asked}
