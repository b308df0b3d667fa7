"""Chooses which staff gets which alert by email: those on duty, each cause once, and not at night unless they want it."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import chain

from sqlalchemy import select
from sqlmodel import Session, col

from triage.access import confidential_folders, staff_members
from triage.access.staff_addresses import Addressee, of_address, of_staff
from triage.actor import Actor, Right, Role
from triage.business_hours import SUBSTITUTE
from triage.config.alert_types import BRAKE, BRAKED, HUNT, OF_COMPANY, REMOVAL, TITLES, alert_sentence, named_recipients
from triage.config.settings import Settings
from triage.delivery import internal_mail
from triage.delivery.internal_mail import EmployeeNotice, Line, Section
from triage.directory import undeliverable
from triage.ids import format_id
from triage.notifications import alerts
from triage.quarantine import coverage, outbound_brakes
from triage.say import join_parts, say
from triage.store import ledger
from triage.store.models.notifications import OpenAlert
from triage.store.models.staff import StaffMember

BY = Actor.system("notices")
NOTHING: Mapping[str, tuple[Line, ...]] = {}
RULE, REASON = "staff-notice", say("it tells staff what needs a decision")


def due_notices(session: Session, settings: Settings, now: datetime) -> list[tuple[Addressee, dict[str, list[OpenAlert]]]]:
    """Returns the recipients of alerts and the new alerts of each."""
    found = list_concerned(session, settings, now)
    told = [(one, alerts.find_unsent_alerts(session, one.who, rows, settings, now)) for one, rows in found.items()]
    return [(one, unsent) for one, unsent in told if unsent]


def queue_notices(session: Session, settings: Settings, *, now: datetime) -> int:
    """Queue a notice to everybody who is to be told something; how many."""
    names = alerts.names_of(session)
    notices = due_notices(session, settings, now)
    for one, unsent in notices:
        more = {BRAKED: outbound_brakes.name_brakes(session, now)} if BRAKED in unsent else {}
        notice = write_notice(one.address, unsent, names, settings, more)
        message = internal_mail.send_notice(session, notice, folder=one.folder, rule=RULE, reason=REASON, settings=settings, by=BY, now=now)
        alerts.save_sent_alerts(session, one.who, chain.from_iterable(unsent.values()), now)
        detail = {"to": one.address, "causes": sorted(unsent), "message": format_id(message)}
        ledger.write_act(session, "notify", one.who, by=BY, now=now, detail=detail)
    return len(notices)


def list_concerned(session: Session, settings: Settings, now: datetime) -> dict[Addressee, list[OpenAlert]]:
    """Returns everybody who gets present alerts, received before or not."""
    rows = [row for row in alerts.last_alerts(session).values() if row.cause in settings.notices.alerts]
    if not rows:
        return {}
    found: dict[Addressee, list[OpenAlert]] = defaultdict(list)
    night = coverage.is_out_of_hours(settings.coverage, now)
    on_duty, elsewhere = shared_out(session, rows, confidential_folders.list_confidential(session), settings)
    for actor, theirs in looking_after(session, on_duty, settings, now):
        there = of_staff(session, actor.name, settings)
        closed = confidential_folders.closed_folders(session, actor)
        mine = [row for row in theirs if is_concerned(row, actor, closed) and is_awake(row, actor.name, settings, night=night)]
        if there and mine:
            found[there] += mine
    for instead, who, row in elsewhere:
        if is_awake(row, who, settings, night=night):
            found[instead].append(row)
    for who in settings.notices.removal_recipients:
        there = resolve_addressee(session, who.casefold(), settings)
        large = [row for row in rows if row.cause == REMOVAL and is_awake(row, who, settings, night=night)]
        if there and large:
            found[there] += [row for row in large if row not in found[there]]
    hunts = [row for row in rows if row.cause == HUNT and is_awake(row, "", settings, night=night)]
    for auditor in list_auditors(session, now) if hunts else ():
        if there := of_staff(session, auditor.name, settings):
            found[there] += [row for row in hunts if row not in found[there]]
    brake = [row for row in rows if row.cause == BRAKE and is_awake(row, "", settings, night=night)]
    postmaster = of_address(undeliverable.postmaster_mailbox(session), settings)  # who administers the company may be who has left
    if brake and postmaster and all(one.address != postmaster.address for one in found):
        found[postmaster] = brake
    return found


def looking_after(session: Session, rows: list[OpenAlert], settings: Settings, now: datetime) -> Iterator[tuple[Actor, list[OpenAlert]]]:
    """Yields staff with the alerts that they may get: those on duty, and for company-wide causes the heads where none is on duty."""
    staff = coverage.on_duty(session, settings.coverage, now)
    yield from ((one, rows) for one in staff)
    if not any(map(is_head, staff)):
        of_company = [row for row in rows if row.cause in OF_COMPANY]
        yield from ((one, of_company) for one in list_heads(session, now))


def shared_out(
    session: Session, rows: list[OpenAlert], shut: frozenset[str], settings: Settings
) -> tuple[list[OpenAlert], list[tuple[Addressee, str, OpenAlert]]]:
    """Splits alerts into those for staff on duty and those for other recipients in the settings. Alerts of confidential folders are never
    for the others.

    Where none of the others is at the company (any more), staff on duty gets the alert.
    """
    on_duty, elsewhere = [], []
    for row in rows:
        stays = not row.department or confidential_folders.is_hidden(shut, row.department, row.person)
        named = () if stays else named_recipients(settings.notices.alert_recipients, row.department)
        others = [(found, who, row) for who in named if (found := resolve_addressee(session, who, settings))]
        elsewhere += others
        on_duty += [] if others else [row]
    return on_duty, elsewhere


def resolve_addressee(session: Session, who: str, settings: Settings) -> Addressee | None:
    """Resolves a login or an address of ours; None when it is nobody."""
    return of_address(who, settings) if "@" in who else of_staff(session, who, settings)


def is_concerned(row: OpenAlert, actor: Actor, closed: frozenset[str]) -> bool:
    """Whether this member of staff looks after it."""
    if row.cause in OF_COMPANY:
        return is_head(actor) or (row.cause == BRAKED and Right.OUTGOING in actor.rights)
    if confidential_folders.is_hidden(closed, row.department, row.person):
        return False
    scope = actor.scope
    return scope.company or row.department in scope.departments or (row.person != "" and row.person in scope.persons)


def is_awake(row: OpenAlert, login: str, settings: Settings, *, night: bool) -> bool:
    """Whether this person gets it now: by day, and at night where it is wanted then or they look after the folder."""
    if not night or row.cause in settings.notices.alerts_at_night:
        return True
    return bool(row.department) and coverage.policy_of(settings.coverage, row.department, row.person) == f"{SUBSTITUTE}{login}"


def is_head(actor: Actor) -> bool:
    """Whether this is an administrator of the whole company."""
    return actor.role is Role.ADMIN and actor.scope.company


def list_auditors(session: Session, now: datetime) -> Iterator[Actor]:
    """Lists the auditors of the whole company."""
    logins = session.scalars(select(col(StaffMember.login)).where(col(StaffMember.active), col(StaffMember.role) == Role.AUDITOR))
    yield from (actor for login in logins if (actor := staff_members.find_staff_actor(session, login, now)) and actor.scope.company)


def list_heads(session: Session, now: datetime) -> Iterator[Actor]:
    """Lists the administrators of the whole company, who must know even when none of them is on duty. Not for news of single folders."""
    logins = session.scalars(select(col(StaffMember.login)).where(col(StaffMember.active), col(StaffMember.role) == Role.ADMIN))
    yield from (actor for login in logins if (actor := staff_members.find_staff_actor(session, login, now)) and is_head(actor))


def write_notice(
    address: str,
    unsent: dict[str, list[OpenAlert]],
    names: dict[str, str],
    settings: Settings,
    more: Mapping[str, tuple[Line, ...]] = NOTHING,
) -> EmployeeNotice:
    """Builds the alert: how many and how long, no word of any sender. `more`: lines of a cause that name what our own people sent."""
    said = {cause: (*map(Line, lines_of(cause, rows, names, settings)), *more.get(cause, ())) for cause, rows in unsent.items()}
    sections = tuple(Section(TITLES[cause], lines) for cause, lines in said.items())
    first, others = sections[0], len(sections) - 1
    subject = first.lines[0].words if len(first.lines) == 1 and not others else first.title
    if others:
        subject = say("{title}, and {count} more", title=first.title, count=others)
    console = say("Mailroom: {url}", url=settings.api.public_url) if settings.api.public_url else ""
    why = say("You get this alert because you are one of the staff responsible. When you are away, name a substitute in the console.")
    return EmployeeNotice(address, subject, sections, join_parts("\n", (console, why)))


def lines_of(cause: str, rows: list[OpenAlert], names: dict[str, str], settings: Settings) -> Iterator[str]:
    """A line for each department, or for each thing that is the company's."""
    together: dict[str, list[OpenAlert]] = defaultdict(list)
    for row in rows:
        together[row.department or row.person].append(row)
    for code, some in together.items():
        yield alert_sentence(cause, [alerts.as_wait(row) for row in some], names.get(code, code), settings.coverage.time_zone)
