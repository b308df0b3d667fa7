"""Tells the owner of a staff account by message when it signed in from a network address where it had not lately."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlmodel import Session, col

from triage.access.staff_addresses import of_staff
from triage.access.staff_login import NEW_PLACE, STAFF
from triage.actor import Actor
from triage.compliance.audit import hash_chain
from triage.config.settings import Settings
from triage.delivery import internal_mail
from triage.delivery.internal_mail import EmployeeNotice, Line, Section
from triage.ids import format_id
from triage.say import format_minute, join_parts, say
from triage.store import db, ledger, versions
from triage.store.models.audit import AuditRecord
from triage.store.models.markers import Marker

BY = Actor.system("notices")
RULE, REASON = "sign-in-notice", say("it tells staff about a sign-in to their account")
PLACE = "new-places"  # the marker: up to which record of the chain owners were told
AT_ONCE = 2000  # records
LATEST = timedelta(days=1)  # what is older is told to nobody: after a restore, or while upkeep was away


def is_behind(session: Session) -> bool:
    """Whether there is something on the chain that was not looked at."""
    return session.get(Marker, PLACE) is None or versions.read_version(session, PLACE) < hash_chain.last_sequence(session)


def notify_owners(session: Session, settings: Settings, *, now: datetime) -> int:
    """Queue a message about each sign-in from a new place on the next stretch of the chain; how many.

    Never run before: begin with what happens from now on. An account without a mailbox of the company has nobody to tell.
    """
    db.insert_if_missing(session, Marker, name=PLACE, number=hash_chain.last_sequence(session), text="")
    place = session.get_one(Marker, PLACE, with_for_update=True, populate_existing=True)
    through = min(hash_chain.last_sequence(session), place.number + AT_ONCE)
    found = find_sign_ins(session, place.number, through, now) if settings.notices.new_sign_in_address else ()
    number = sum(notify_owner(session, record, settings, now=now) for record in list(found))
    place.number = through
    return number


def find_sign_ins(session: Session, after: int, through: int, now: datetime) -> Iterator[AuditRecord]:
    """The sign-ins from new places on a stretch of the chain."""
    stretch = (col(AuditRecord.sequence) > after, col(AuditRecord.sequence) <= through)
    of_staff_members = (
        col(AuditRecord.act) == "sign-in",
        col(AuditRecord.subject).startswith(f"{STAFF}:"),
        col(AuditRecord.at) > now - LATEST,
    )
    rows = session.scalars(select(AuditRecord).where(*stretch, *of_staff_members).order_by(col(AuditRecord.sequence)))
    return (record for record in rows if record.detail.get(NEW_PLACE))


def notify_owner(session: Session, record: AuditRecord, settings: Settings, *, now: datetime) -> bool:
    """Queue the message about one sign-in, in the audit log; False where nobody knows a mailbox."""
    login = record.subject.removeprefix(f"{STAFF}:")
    there = of_staff(session, login, settings)
    if there is None:
        return False
    notice = write_notice(there.address, login, record, settings)
    message = internal_mail.send_notice(session, notice, folder=there.folder, rule=RULE, reason=REASON, settings=settings, by=BY, now=now)
    detail = {"to": there.address, "causes": [NEW_PLACE], "message": format_id(message)}
    ledger.write_act(session, "notify", there.who, by=BY, now=now, detail=detail)
    return True


def write_notice(address: str, login: str, record: AuditRecord, settings: Settings) -> EmployeeNotice:
    """Builds the notice to the owner: when and from where somebody signed in, and what to do."""
    line = say(
        "{when}: sign-in from {client}. Your account {login} had not signed in from there recently.",
        when=format_minute(record.at.astimezone(ZoneInfo(settings.coverage.time_zone))),
        client=str(record.detail.get("client", "")),
        login=login,
    )
    console = say("Mailroom: {url}", url=settings.api.public_url) if settings.api.public_url else ""
    what_to_do = say(
        "If it was not you: tell an administrator at once, sign out everywhere under Settings, and change your password. "
        "`mailroom staff sign-out {login}` on the server ends all sessions too.",
        login=login,
    )
    title = say("New sign-in to your Mailroom account")
    return EmployeeNotice(address, title, (Section(title, (Line(line),)),), join_parts("\n", (what_to_do, console)))
