"""The evidence sheet: what a selection holds, to be looked at before it is decided."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, String, and_, cast, exists, func, literal, or_, select
from sqlmodel import Session, col

from triage.access import scope as access
from triage.actor import Actor
from triage.addressing.envelope import ancestor_domains
from triage.message.signals.severity import Severity
from triage.policy.rules.store import in_force
from triage.quarantine.search.selection import Selection, count_outside, count_set_apart, resolved_condition, selection_fence
from triage.store.db import is_among
from triage.store.delivery_state import State
from triage.store.models.columns import Instant
from triage.store.models.contacts import Contact
from triage.store.models.deliveries import Delivery
from triage.store.models.mailboxes import Recalled
from triage.store.models.rules import Rule
from triage.store.queue import grouping

SAMPLE = 2000  # of the newest, among which those least like the others are looked for
SHOWN = 5
LIKENESS = (
    col(Delivery.id),
    col(Delivery.author),
    col(Delivery.author_domain),
    col(Delivery.campaign_id),
    col(Delivery.proof),
    col(Delivery.subject),
)


@dataclass(frozen=True, slots=True)
class Evidence:
    """Summary of a selection, for a review before the decision."""

    count: int
    outside: int  # that the selection names too, beyond the actor's scope
    apart: int  # of the same campaign or sender, left out because their proof differs
    people: int
    departments: int
    by_state: dict[str, int]
    proven: int
    claimed: int  # that have no clear author
    by_proof: dict[str, int]  # dmarc, aligned, none
    opened: int  # copies that were read in the mailbox before they were taken out of it
    answered: int  # whose reader has written to the sender since
    least_weight: int  # what the signals of the least unusual of them add up to
    least_severity: Severity  # how bad the least bad of them looks
    senders: tuple[tuple[str, int], ...]  # most frequent first, at most ten
    subjects: tuple[tuple[str, int], ...]
    examples: tuple[int, ...]  # delivery ids of at most five, newest first
    least_alike: tuple[int, ...]  # of at most five that have least in common with the others
    rules_contradicted: tuple[int, ...]  # ids of allow rules about these senders
    fence: str  # changes when the selection does

    @property
    def in_mailboxes(self) -> int:
        """Copies that were delivered already."""
        return self.by_state.get(State.DELIVERED, 0)


def selection_evidence(
    session: Session, selection: Selection, *, by: Actor, now: datetime, only: ColumnElement[bool] | None = None
) -> Evidence:
    """The evidence sheet of what the actor may see of a selection. `only`: of these, where a removal leaves others alone."""
    where = and_(resolved_condition(session, selection), access.visible_deliveries(by)) if only is None else only
    people, departments = (func.count(func.distinct(column)) for column in (col(Delivery.person), col(Delivery.department)))
    totals = select(func.count(), people, departments, func.coalesce(func.min(col(Delivery.weight)), 0)).where(where)
    count, of_people, of_departments, least_weight = session.execute(totals).one()
    least_severity = Severity(session.scalar(select(func.min(grouping.severity_column())).where(where)) or 0)
    counted = session.execute(select(col(Delivery.state), func.count()).where(where).group_by(col(Delivery.state)))
    by_state: dict[str, int] = dict(counted.all())
    proofs = session.execute(select(col(Delivery.proof), func.count()).where(where).group_by(col(Delivery.proof))).all()
    senders = most_frequent(session, col(Delivery.author), where)
    return Evidence(
        count=count,
        outside=count_outside(session, selection, count, by=by),
        apart=count_set_apart(session, selection, count, by=by),
        people=of_people,
        departments=of_departments,
        by_state=by_state,
        proven=sum(number for proof, number in proofs if proof),
        claimed=number_of(session, where, col(Delivery.claimed).is_(True)),
        by_proof={proof or "none": number for proof, number in proofs},
        opened=number_of(session, where, was_read()),
        answered=number_of(session, where, was_answered()),
        least_weight=least_weight,
        least_severity=least_severity,
        senders=senders,
        subjects=most_frequent(session, col(Delivery.subject), where),
        examples=tuple(session.scalars(select(col(Delivery.id)).where(where).order_by(col(Delivery.received_at).desc()).limit(5))),
        least_alike=least_alike(
            session.execute(select(*LIKENESS).where(where).order_by(col(Delivery.received_at).desc()).limit(SAMPLE)).all()
        ),
        rules_contradicted=contradicted_rules(session, where, now),
        fence=selection_fence(session, where),
    )


def extent_columns() -> tuple[ColumnElement[Any], ...]:
    """Columns for the extent of a group: messages, deliveries, held ones, folders, departments, first and newest arrival, newest id."""
    folder = col(Delivery.department) + literal("+", String) + col(Delivery.person)
    return (
        func.count(col(Delivery.message_id).distinct()).label("messages"),
        func.count().label("deliveries"),
        func.count().filter(col(Delivery.state) == State.HELD).label("held"),
        func.count(folder.distinct()).label("people"),
        func.count(col(Delivery.department).distinct()).label("departments"),
        func.min(col(Delivery.received_at), type_=Instant).label("first_at"),
        func.max(col(Delivery.received_at), type_=Instant).label("newest_at"),
        func.max(col(Delivery.id)).label("lead"),
    )


def most_frequent(session: Session, column: Any, where: ColumnElement[bool]) -> tuple[tuple[str, int], ...]:
    """The ten most frequent values of a column and how often they occur."""
    frequency = func.count().label("frequency")
    rows = session.execute(select(column, frequency).where(where).group_by(column).order_by(frequency.desc(), column).limit(10))
    return tuple((value, number) for value, number in rows)


def contradicted_rules(session: Session, where: ColumnElement[bool], now: datetime) -> tuple[int, ...]:
    """The allow rules in force that are about any of these senders, or have let any of this message in."""
    domains = set(session.scalars(select(col(Delivery.author_domain)).where(where).distinct()))
    above = {name for domain in domains for name in ancestor_domains(domain)}
    match, value = col(Rule.match), col(Rule.value)
    about = or_(
        (match == "address") & value.in_(select(col(Delivery.author)).where(where)),
        (match == "domain") & is_among(session, value, domains),
        (match == "subdomains") & is_among(session, value, above),
        col(Rule.id).in_(select(col(Delivery.rule_id)).where(where)),  # by its list, say
    )
    return tuple(session.scalars(select(col(Rule.id)).where(in_force(now), col(Rule.effect) == "allow", about).order_by(col(Rule.id))))


def number_of(session: Session, where: ColumnElement[bool], which: ColumnElement[bool]) -> int:
    """Counts the deliveries of a selection that meet a condition."""
    return session.scalar(select(func.count()).select_from(Delivery).where(where, which)) or 0


def was_read() -> ColumnElement[bool]:
    """Condition: copies that their owner had read or answered, by the flags when they were removed from the mailbox."""
    flags = cast(col(Recalled.flags), String)
    return exists().where(col(Recalled.delivery_id) == col(Delivery.id), or_(flags.contains("Seen"), flags.contains("Answered")))


def was_answered() -> ColumnElement[bool]:
    """Whether the recipient has written to the sender since."""
    whose = (col(Contact.person) == col(Delivery.person)) & (col(Delivery.person) != "")
    return exists().where(col(Contact.address) == col(Delivery.author), whose, col(Contact.last_sent_at) >= col(Delivery.received_at))


def least_alike(rows: Sequence[Any]) -> tuple[int, ...]:
    """The few that share least with the others: sender, domain, campaign, proof, words of the subject. None where all are alike."""
    features = {row[0]: features_of(row) for row in rows}
    common = Counter(feature for found in features.values() for feature in found)
    share = {one: sum(common[feature] for feature in found) / len(found) for one, found in features.items()}
    if len(set(share.values())) < 2:
        return ()
    return tuple(sorted(share, key=lambda one: (share[one], -one))[:SHOWN])


def features_of(row: Any) -> frozenset[tuple[str, str]]:
    """Returns the features that a delivery may share with others."""
    _, author, domain, campaign, proof, subject = row
    words = {("word", word) for word in subject.casefold().split()[:20]}
    return frozenset({("author", author), ("domain", domain), ("campaign", str(campaign)), ("proof", proof), *words})
