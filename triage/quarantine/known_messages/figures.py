"""Hits and misses with known messages: your own, the team's for whoever leads it, and single people's only where that is agreed."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from sqlalchemy import and_, case, func, select
from sqlmodel import Session, col

from triage.access import scope as access
from triage.actor import Actor, Role
from triage.config.settings import Settings
from triage.quarantine.training_messages import RELEASE_IT, REMOVE_IT
from triage.store.models.staff import KnownMessage

COUNTED = timedelta(days=365)
EACH, NONE = "people", "none"  # words of reports.staff


@dataclass(frozen=True, slots=True)
class Tally:
    """Answers to known messages."""

    answered: int = 0
    right: int = 0
    bad_released: int = 0  # harmful ones released: the dangerous miss
    good_removed: int = 0

    @classmethod
    def total(cls, some: "dict[str, Self]") -> Self:
        """All of these together."""
        parts = [(one.answered, one.right, one.bad_released, one.good_removed) for one in some.values()]
        return cls(*(sum(column) for column in zip(*parts, strict=True))) if parts else cls()


@dataclass(frozen=True, slots=True)
class PersonTally:
    """Answers of a member of staff."""

    login: str
    tally: Tally


@dataclass(frozen=True, slots=True)
class Figures:
    """Hits and misses of the last year, as far as the asker may know them."""

    own: Tally
    team: Tally | None  # None: not for the asker, or about too few people
    people: tuple[PersonTally, ...]  # by name; none where no agreement allows it


def read_figures(session: Session, *, by: Actor, settings: Settings, now: datetime) -> Figures:
    """Returns the asker's own figures, and what a lead may know of others."""
    access.require_role(by, Role.TRIAGE, Role.ADMIN, Role.AUDITOR)
    found = count_answers(session, now)
    own = found.get(by.name, Tally()) if by.kind == "person" else Tally()
    reports = settings.reports
    if not is_lead(by) or reports.staff == NONE:
        return Figures(own, None, ())
    enough = reports.staff == EACH or len(found) >= reports.least_people
    people = tuple(PersonTally(login, found[login]) for login in sorted(found)) if reports.staff == EACH else ()
    return Figures(own, Tally.total(found) if enough else None, people)


def is_lead(by: Actor) -> bool:
    """Whether the actor may know of the team: an administrator or auditor of the whole company."""
    return by.scope.company and by.role in (Role.ADMIN, Role.AUDITOR)


def count_answers(session: Session, now: datetime) -> dict[str, Tally]:
    """Counts the answers of each person."""
    right = col(KnownMessage.given) == col(KnownMessage.expected)
    bad = and_(col(KnownMessage.given) == RELEASE_IT, ~right)
    good = and_(col(KnownMessage.given) == REMOVE_IT, ~right)
    numbers = [func.sum(case((one, 1), else_=0)) for one in (right, bad, good)]
    rows = session.execute(
        select(col(KnownMessage.login), func.count(), *numbers)
        .where(col(KnownMessage.login) != "", col(KnownMessage.answered_at) >= now - COUNTED)
        .group_by(col(KnownMessage.login))
    )
    return {login: Tally(count, *map(int, counted)) for login, count, *counted in rows}
