"""The emergency: for a stated time everything passes that is neither blocked nor forged, since nobody is there to look."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import BindParameter, ColumnElement, bindparam, select, update
from sqlmodel import Session, col

from triage.access import scope as access
from triage.access.second_factor import factor_policy
from triage.actor import Actor, Role
from triage.errors import BadInput, NotAllowed, NotFound
from triage.say import format_minute, say
from triage.store import db, ledger
from triage.store.models.columns import Instant
from triage.store.models.rules import Emergency
from triage.store.provable_rows import rows_found
from triage.store.provable_rows.row_digests import EMERGENCY

LONGEST = timedelta(days=7)
BY = Actor.system("emergency")
TURN = 0x656D  # who opens or closes one takes turns under this number


@dataclass(frozen=True, slots=True)
class CurrentEmergency:
    """The emergency, as everybody sees it while it is open."""

    until: datetime
    reason: str
    by_shown: str
    at: datetime
    sentence: str


def in_force(now: datetime | BindParameter[datetime]) -> ColumnElement[bool]:
    """SQL condition for emergencies in force: not closed, and their time is not over."""
    return col(Emergency.closed_at).is_(None) & (col(Emergency.until) > now)


HOLDS = select(Emergency).where(in_force(bindparam("now", type_=Instant))).order_by(col(Emergency.at).desc()).limit(1)


def current_emergency(session: Session, now: datetime) -> CurrentEmergency | None:
    """The emergency that holds now, None in ordinary times."""
    row = session.scalars(HOLDS, {"now": now}).first()
    return CurrentEmergency(row.until, row.reason, row.by_shown, row.at, emergency_sentence(row)) if row else None


def emergency_sentence(row: Emergency) -> str:
    """Sentence about the emergency: who opened it, until when and why."""
    return say(
        "{name} lets Mailroom deliver everything until {until} UTC: {reason}",
        name=row.by_shown,
        until=format_minute(row.until),
        reason=row.reason,
    )


def open_emergency(session: Session, until: datetime, *, by: Actor, reason: str, now: datetime) -> CurrentEmergency:
    """Let everything pass that is neither blocked nor forged, until then; it closes by itself. Opened again the new time counts.

    For administrators of the whole company, the shell among them. What is held already stays held.
    """
    may_open(by)
    factor_policy.require_proof(by)
    reason = " ".join(reason.split())[:500]
    if not reason:
        raise BadInput(say("say why; all staff see it, and the audit log keeps it"), field="reason")
    if until <= now:
        raise BadInput(say("name a time in the future"), field="until")
    if until > now + LONGEST:
        raise BadInput(
            say(
                "at most {days} days from now; for longer, set enforcement to record only (`mailroom enforcement record-only`)",
                days=LONGEST.days,
            ),
            field="until",
        )
    note_before(session)
    session.execute(update(Emergency).where(in_force(now)).values(closed_at=now, closed_by=str(by)))
    row = Emergency(at=now, until=until, reason=reason, by=str(by), by_shown=by.shown)
    session.add(row)
    session.flush()
    ledger.write_act(session, "open-emergency", "emergency", by=by, now=now, detail={"until": until.isoformat(), "reason": reason})
    return CurrentEmergency(until, reason, row.by_shown, now, emergency_sentence(row))


def close_emergency(session: Session, *, by: Actor, now: datetime) -> None:
    """Ends the emergency now. NotFound when there is none."""
    may_open(by)
    note_before(session)
    row = session.scalars(select(Emergency).where(in_force(now)).with_for_update()).first()
    if row is None:
        raise NotFound(say("there is no emergency: messages are held as usual"))
    row.closed_at, row.closed_by = now, str(by)
    session.flush()
    ledger.write_act(session, "close-emergency", "emergency", by=by, now=now)


def end_expired(session: Session, *, now: datetime) -> int:
    """Put in the audit log that its time is over; how many were."""
    over = select(Emergency).where(col(Emergency.closed_at).is_(None), col(Emergency.until) <= now)
    if session.scalars(over).first() is None:
        return 0
    note_before(session)
    rows = session.scalars(over.with_for_update()).all()
    for row in rows:
        row.closed_at, row.closed_by = row.until, str(BY)
        ledger.write_act(session, "close-emergency", "emergency", by=BY, now=now, detail={"until": row.until.isoformat()})
    session.flush()
    return len(rows)


def note_before(session: Session) -> None:
    """Waits for others who open or close emergencies: an entry has a digest of all rows. Notes what they left."""
    db.take_advisory_locks(session, TURN)
    rows_found.note_rows(session, EMERGENCY, [EMERGENCY.name])


def may_open(by: Actor) -> None:
    """NotAllowed for all but administrators of the whole company."""
    access.require_role(by, Role.ADMIN)
    if not by.scope.company:
        raise NotAllowed(say("this concerns the whole company: only an administrator with that scope starts or ends an emergency"))
