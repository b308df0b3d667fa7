"""Substitutes of absent staff: they see and decide what the absent person may, in their own name, for a time."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import ColumnElement, and_, select
from sqlmodel import Session, col

from triage.access import scope as access
from triage.actor import Actor, Role, Scope
from triage.errors import BadInput, NotAllowed, NotFound
from triage.ids import format_id
from triage.say import quote_text, say
from triage.store import ledger
from triage.store.models.staff import StaffMember, Substitution

IN_ORDER = (col(Substitution.starts_at), col(Substitution.id))
EITHER_OR = say("a substitute needs the role of the person who is away, or triage for an administrator")


def arrange_substitute(
    session: Session, absent: str, substitute: str, *, starts_at: datetime, ends_at: datetime, reason: str, by: Actor, now: datetime
) -> Substitution:
    """Let one member of staff stand in for another. NotAllowed unless the absent one asks, or an admin whose scope covers theirs.

    What is confidential stays with the staff who are named for it. BadInput names what cannot be.
    """
    absent, substitute = absent.strip().casefold(), substitute.strip().casefold()
    one, other = find_staff_member(session, absent, "absent"), find_staff_member(session, substitute, "substitute")
    may_arrange(by, one)
    if absent == substitute:
        raise BadInput(say("name somebody other than the person who is away"), field="substitute")
    if ends_at <= max(starts_at, now):
        raise BadInput(say("the end must be after the start and in the future"), field="ends_at")
    if other.role not in (one.role, Role.TRIAGE if one.role == Role.ADMIN else one.role):
        raise BadInput(EITHER_OR, field="substitute")
    made = Substitution(
        absent=absent, substitute=substitute, starts_at=starts_at, ends_at=ends_at, reason=reason[:1000], made_by=str(by), made_at=now
    )
    session.add(made)
    session.flush()
    detail = {
        "absent": absent,
        "substitute": substitute,
        "since": starts_at.isoformat(),
        "until": ends_at.isoformat(),
        "reason": made.reason,
    }
    ledger.write_act(session, "substitute", f"substitution:{format_id(made.id)}", by=by, now=now, detail=detail)
    return made


def end_substitution(session: Session, substitution_id: int, *, by: Actor, now: datetime) -> None:
    """End it now; also one that has not begun. The absent one, the substitute and admins may. Ended again nothing changes."""
    found = session.get(Substitution, substitution_id)
    if found is None or manageable_absentees(session, by).isdisjoint((found.absent, found.substitute)):
        raise NotFound(say("there is no substitution {substitution_id}", substitution_id=format_id(substitution_id)))
    absent = session.get(StaffMember, found.absent)
    if by.name != found.substitute and absent is not None:
        may_arrange(by, absent)
    if found.ends_at > now:
        found.ends_at = now
        session.flush()
        ledger.write_act(session, "end-substitute", f"substitution:{format_id(found.id)}", by=by, now=now)


def find_staff_member(session: Session, login: str, field: str) -> StaffMember:
    """Finds an active staff member by login. BadInput when there is none."""
    found = session.get(StaffMember, login)
    if found is None or not found.active:
        raise BadInput(say("{login} is not a member of staff", login=quote_text(login)), field=field)
    return found


def may_arrange(by: Actor, absent: StaffMember) -> None:
    """NotAllowed unless it is their own absence, or an admin's scope covers theirs."""
    if by.name == absent.login:
        return
    if not access.is_administrator_over(by, absent):
        raise NotAllowed(say("only the person who is away, or an administrator whose scope covers theirs, can name a substitute"))


def manageable_absentees(session: Session, by: Actor) -> set[str]:
    """The staff whose absence is the actor's business: their own, for admins and auditors that of all within their scope."""
    if by.role not in (Role.ADMIN, Role.AUDITOR):
        return {by.name}
    return {by.name} | {one.login for one in session.scalars(select(StaffMember)) if by.scope.covers(Scope.parse(tuple(one.scope)))}


def list_substitutions(session: Session, *, by: Actor, now: datetime) -> list[Substitution]:
    """Returns substitutions in force or to come that are the actor's business, soonest first. They say why somebody is away."""
    rows = session.scalars(select(Substitution).where(col(Substitution.ends_at) > now).order_by(*IN_ORDER))
    theirs = manageable_absentees(session, by)
    return [one for one in rows if not theirs.isdisjoint((one.absent, one.substitute))]


def in_force(now: datetime) -> ColumnElement[bool]:
    """Substitutions that hold at this moment."""
    return and_(col(Substitution.starts_at) <= now, col(Substitution.ends_at) > now)


def absent_for(session: Session, login: str, now: datetime) -> list[StaffMember]:
    """The staff whom this one stands in for now. It does not go on from one substitute to the next."""
    away = select(col(Substitution.absent)).where(col(Substitution.substitute) == login, in_force(now))
    rows = session.scalars(
        select(StaffMember).where(col(StaffMember.login).in_(away), col(StaffMember.active)).order_by(col(StaffMember.login))
    )
    return list(rows)


def join_scopes(scopes: Iterable[Scope]) -> Scope:
    """Joins scopes into a scope that covers all of them."""
    scopes = tuple(scopes)
    return Scope(
        any(one.company for one in scopes),
        frozenset(code for one in scopes for code in one.departments),
        frozenset(uid for one in scopes for uid in one.persons),
    )
