"""Read-only: what the enforcement step of each department has held lately, and what it would have held but let pass."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import case, func, not_, or_, select
from sqlmodel import Session, col

from triage.access import scope as access
from triage.actor import Actor
from triage.config.settings import Company
from triage.directory import enforcement
from triage.message.signals.severity import Severity
from triage.policy.decide import Disposition
from triage.store import db
from triage.store.models.deliveries import Delivery
from triage.store.models.directory import Person
from triage.store.queue import grouping

OBSERVED = "observe"  # the policy's rule for what a step lets pass that a stricter one holds


@dataclass(slots=True)
class StepEffect:
    """Messages of the last days by severity: those that were held on arrival, and those that a stricter step would have held."""

    people: int = 0
    held: Counter[str] = field(default_factory=Counter)
    passed: Counter[str] = field(default_factory=Counter)


def count_effects(session: Session, company: Company, *, by: Actor, now: datetime, days: int) -> dict[str, StepEffect]:
    """The effect of the step of each department in the actor's scope, by its code, and of the company's as "".

    People with a step of their own count nowhere, and departments with one of their own not in the company's: its step does not concern
    them.
    """
    in_force = enforcement.now_in_force(session, company, now)
    alone = sorted(scope.removeprefix("person:") for scope in in_force.steps if scope.startswith("person:"))
    found: dict[str, StepEffect] = defaultdict(StepEffect)

    def effects_of(code: str) -> Iterator[StepEffect]:
        yield found[code]
        if in_force.scope_of(code) == enforcement.COMPANY:
            yield found[enforcement.COMPANY]

    employed = select(col(Person.department), func.count()).where(col(Person.active), not_(db.is_among(session, col(Person.uid), alone)))
    for code, people in session.execute(employed.group_by(col(Person.department))):
        if by.scope.company or code in by.scope.departments:
            for one in effects_of(code):
                one.people += people
    observed, held = col(Delivery.rule) == OBSERVED, col(Delivery.verdict) == Disposition.QUARANTINE
    arrived = db.correlate_condition(session, col(Delivery.parent_id).is_(None))  # the copies of a list's members came in as one
    theirs = (access.real_deliveries(by), not_(db.is_among(session, col(Delivery.person), alone)))
    these = (arrived, col(Delivery.received_at) >= now - timedelta(days=days), *theirs, or_(observed, held))
    kinds = (col(Delivery.department), case((observed, 1), else_=0), grouping.severity_column())
    for code, passed, severity, number in session.execute(select(*kinds, func.count()).where(*these).group_by(*kinds)):
        for one in effects_of(code):
            (one.passed if passed else one.held)[Severity(severity).word] += number
    return found
