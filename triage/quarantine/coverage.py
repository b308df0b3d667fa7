"""Coverage of folders: hours of work, absent staff, and folders that nobody covers."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select
from sqlmodel import Session, col

from triage.access import confidential_folders, scope as access, staff_members, substitutes
from triage.actor import Actor, Role, Scope
from triage.business_hours import PASS, SUBSTITUTE, WAIT, at_work
from triage.config.settings import Coverage
from triage.errors import BadInput, NotAllowed, NotFound
from triage.quarantine.triage_items import folder_counts
from triage.say import quote_text, say
from triage.store import ledger
from triage.store.models.directory import Department
from triage.store.models.staff import StaffMember, Substitution

DECIDING = (Role.TRIAGE, Role.ADMIN)


@dataclass(frozen=True, slots=True)
class Folder:
    """A department's folder and who looks after it now."""

    code: str
    name: str
    held: int
    on_duty: tuple[str, ...]  # logins
    out_of_hours: str  # what happens there out of hours: wait, pass-time-limited, substitute:LOGIN


def is_out_of_hours(settings: Coverage, now: datetime) -> bool:
    """Whether nobody is expected to be at work now."""
    return not at_work(settings.hours, settings.time_zone, now)


def policy_of(settings: Coverage, department: str, person: str = "") -> str:
    """Out-of-hours policy of a person's folder, or of the department's own."""
    own = policies_by_folder(settings.people).get(person) if person else None
    return own or policies_by_folder(settings.departments).get(department, settings.out_of_hours)


def policies_by_folder(entries: tuple[str, ...]) -> dict[str, str]:
    """Policies by the folders that the settings name."""
    pairs = (entry.partition("=") for entry in entries)
    return {name.strip().casefold(): policy.strip() for name, _, policy in pairs}


def passes_time_limited(settings: Coverage, department: str, person: str, now: datetime) -> bool:
    """Whether time-limited messages of proven senders pass to this folder's people now."""
    return bool(settings.hours) and policy_of(settings, department, person) == PASS and is_out_of_hours(settings, now)


def with_night_duty(session: Session, actor: Actor, settings: Coverage, now: datetime) -> Actor:
    """The actor, who out of hours also looks after the folders that the settings give them then. Seals are not opened."""
    if not settings.hours or not is_out_of_hours(settings, now):
        return actor
    codes = session.scalars(select(col(Department.code))).all()
    theirs = frozenset(code for code in codes if policy_of(settings, code) == f"{SUBSTITUTE}{actor.name}")
    people = frozenset(uid for uid, policy in policies_by_folder(settings.people).items() if policy == f"{SUBSTITUTE}{actor.name}")
    if not theirs | people:
        return actor
    scope = substitutes.join_scopes((actor.scope, Scope(departments=theirs, persons=people)))
    return replace(actor, scope=scope)


def set_away(session: Session, login: str, until: datetime | None, *, by: Actor, now: datetime) -> None:
    """Say that somebody is away until then, or None: back. Oneself, or an administrator of their scope. BadInput when `until` is over."""
    member = session.get(StaffMember, login)
    if login != by.name:
        access.require_role(by, Role.ADMIN)
    if member is None or not member.active:
        raise NotFound(say("there is no staff account {login}", login=quote_text(login)))
    if login != by.name and not access.is_administrator_over(by, member):
        raise NotAllowed(say("only an administrator whose scope covers theirs marks somebody else as away"))
    if until is not None and until <= now:
        raise BadInput(say("name a time in the future"), field="until")
    member.away_until = until
    detail = {"until": until.isoformat() if until else ""}
    ledger.write_act(session, "away" if until else "back", f"staff:{login}", by=by, now=now, detail=detail)


def away_until(session: Session, login: str, now: datetime) -> datetime | None:
    """Returns until when somebody is away; None when they are on duty."""
    member = session.get(StaffMember, login)
    until = member.away_until if member else None
    return until if until and until > now else None


def on_duty(session: Session, settings: Coverage, now: datetime) -> list[Actor]:
    """The staff who decide and are here, with what they look after at this moment."""
    absent = set(session.scalars(select(col(Substitution.absent)).where(substitutes.in_force(now))))
    logins = session.scalars(select(col(StaffMember.login)).where(col(StaffMember.active)).order_by(col(StaffMember.login)))
    here = [login for login in logins if login not in absent and away_until(session, login, now) is None]
    actors = (staff_members.find_staff_actor(session, login, now) for login in here)
    return [with_night_duty(session, actor, settings, now) for actor in actors if actor and actor.role in DECIDING]


def list_coverage(session: Session, settings: Coverage, now: datetime) -> list[Folder]:
    """Lists departments and the staff on duty for each folder. In a confidential folder only staff who may read it count."""
    staff = on_duty(session, settings, now)
    closed = {actor.name: confidential_folders.closed_folders(session, actor) for actor in staff}
    held: Counter[str] = Counter()
    for (code, _), number in folder_counts.count_held(session).items():
        held[code] += number
    found = []
    for department in session.scalars(select(Department).order_by(col(Department.code))):
        code = department.code
        here = [actor.name for actor in staff if looks_after(actor, code) and f"department:{code}" not in closed[actor.name]]
        found.append(Folder(code, department.name, held[code], tuple(here), policy_of(settings, code)))
    return found


def looks_after(actor: Actor, code: str) -> bool:
    """Whether the actor looks after the department's shared folder."""
    return actor.scope.company or code in actor.scope.departments


def uncovered_folders(session: Session, settings: Coverage, now: datetime) -> list[Folder]:
    """The folders that nobody looks at, though somebody should."""
    return waiting_folders(list_coverage(session, settings, now), settings, now)


def waiting_folders(among: Iterable[Folder], settings: Coverage, now: datetime) -> list[Folder]:
    """Folders among these that nobody on duty sees; out of hours those whose policy is to wait or pass do not count."""
    night = bool(settings.hours) and is_out_of_hours(settings, now)
    return [one for one in among if not one.on_duty and not (night and one.out_of_hours in (WAIT, PASS))]
