"""Staff members: who is staff, with the role and scope of today, and which person signs in so."""

from datetime import datetime

from sqlalchemy import select
from sqlmodel import Session, col

from triage.access import substitutes
from triage.actor import Actor, Role, Scope, rights_of
from triage.store.models.directory import Person
from triage.store.models.staff import StaffMember


def find_staff_actor(session: Session, login: str, now: datetime) -> Actor | None:
    """The member of staff with this login, as an actor with role and scope; None when there is none (any more).

    While they stand in for others the others' scopes are theirs too.
    """
    member = session.get(StaffMember, login.casefold())
    if member is None or not member.active:
        return None
    absent = substitutes.absent_for(session, member.login, now)
    scope = substitutes.join_scopes(Scope.parse(tuple(one.scope)) for one in (member, *absent))
    return Actor(
        "person", member.login, Role(member.role), scope, member.name, tuple(one.login for one in absent), rights=rights_of(member.rights)
    )


def person_of(session: Session, login: str) -> Person | None:
    """The person who signs in so and works here; None when there is none, or when it cannot be told which."""
    wanted = login.strip().casefold()
    theirs = (col(Person.login) == wanted) | ((col(Person.login) == "") & (col(Person.uid) == wanted))
    found = session.scalars(select(Person).where(col(Person.active), theirs).limit(2)).all()
    return found[0] if wanted and len(found) == 1 else None
