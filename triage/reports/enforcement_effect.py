"""Read-only: what the enforcement step of each department has held lately, and what it would have held but let pass."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import case, func, or_, select
from sqlmodel import Session, col

from triage.access import scope as access
from triage.actor import Actor
from triage.message.signals.severity import Severity
from triage.policy.decide import Disposition
from triage.store import db
from triage.store.models.deliveries import Delivery
from triage.store.models.directory import Person
from triage.store.queue import grouping

OBSERVED = "observe"  # the policy's rule for what a step lets pass that a stricter one holds
COMPANY = ""


@dataclass(slots=True)
class StepEffect:
    """Messages of the last days by severity: those that were held on arrival, and those that a stricter step would have held."""

    people: int = 0
    held: Counter[str] = field(default_factory=Counter)
    passed: Counter[str] = field(default_factory=Counter)


def count_effects(session: Session, *, by: Actor, now: datetime, days: int) -> dict[str, StepEffect]:
    """The effect in each department of the actor's scope, by its code; "" is all of them together."""
    found: dict[str, StepEffect] = defaultdict(StepEffect)
    employed = select(col(Person.department), func.count()).where(col(Person.active)).group_by(col(Person.department))
    for code, people in session.execute(employed):
        if by.scope.company or code in by.scope.departments:
            for one in (code, COMPANY):
                found[one].people += people
    observed, held = col(Delivery.rule) == OBSERVED, col(Delivery.verdict) == Disposition.QUARANTINE
    arrived = db.correlate_condition(session, col(Delivery.parent_id).is_(None))  # the copies of a list's members came in as one
    these = (arrived, col(Delivery.received_at) >= now - timedelta(days=days), access.visible_deliveries(by), or_(observed, held))
    kinds = (col(Delivery.department), case((observed, 1), else_=0), grouping.severity_column())
    for code, passed, severity, number in session.execute(select(*kinds, func.count()).where(*these).group_by(*kinds)):
        for one in (code, COMPANY):
            (found[one].passed if passed else found[one].held)[Severity(severity).word] += number
    return found
