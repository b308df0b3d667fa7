"""Read-only: the incident record of a campaign, as far as the asker may see it: copies, reports, removals, who opened one, hashes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, select
from sqlmodel import Session, col

from triage.access import scope as access
from triage.actor import Actor
from triage.config.settings import Settings
from triage.delivery import recalled_copies
from triage.errors import NotFound
from triage.ids import format_id
from triage.quarantine.campaigns.notified_recipients import Notified, list_notified
from triage.quarantine.search.passed_on import PassedOn, list_passed_on
from triage.quarantine.search.selection_summary import was_answered, was_read
from triage.say import load_sentence, say
from triage.store import db, ledger
from triage.store.delivery_state import State
from triage.store.models.columns import Instant
from triage.store.models.decisions import Decision, DecisionItem
from triage.store.models.deliveries import Delivery
from triage.store.models.directory import Person
from triage.store.models.employees import MailReport
from triage.store.models.mailboxes import Recalled
from triage.store.models.messages import Content, Message
from triage.text.sanitize import escape_visible

REMOVING = ("purge", "reject", "sweep", "take")
OUT_OF_REACH = frozenset({"out of reach", "still there"})  # outcomes of a removal
REMOVED = (State.PURGED, State.REJECTED)
FILES_OF = 200  # newest messages whose attachments are listed


@dataclass(frozen=True, slots=True)
class IncidentCopy:
    """Copy of the campaign: for whom it was, and what became of it."""

    delivery: int
    received_at: datetime
    author: str
    subject: str
    recipient: str
    person: str  # name; "" for a shared folder
    department: str
    sha256: str  # of the message as received
    state: str
    opened: str  # read, answered; "" where neither is known
    removed_at: datetime | None
    removed_by: str  # "" where it was not removed
    outcome: str  # of the removal
    why: str  # what was in the way
    notified_at: datetime | None  # when staff notified the recipient of it

    @property
    def out_of_reach(self) -> bool:
        """Whether a removal could not reach it."""
        return self.outcome in OUT_OF_REACH


@dataclass(frozen=True, slots=True)
class IncidentAct:
    """Removal of copies of the campaign."""

    decision: int
    at: datetime
    by: str
    second_by: str
    verb: str
    reason: str
    copies: int  # that it changed, or tried to
    undone_at: datetime | None


@dataclass(frozen=True, slots=True)
class IncidentReport:
    """An employee who reported a copy."""

    at: datetime
    by: str
    verdict: str  # good, bad, or "" without an answer


@dataclass(frozen=True, slots=True)
class IncidentFile:
    """An attachment of the campaign."""

    name: str
    sha256: str
    size: int  # bytes


@dataclass(frozen=True, slots=True)
class Incident:
    """Incident record of a campaign."""

    campaign: int
    made_at: datetime
    made_by: str
    first_at: datetime
    newest_at: datetime
    first_removed_at: datetime | None
    copies: tuple[IncidentCopy, ...]  # oldest first
    removals: tuple[IncidentAct, ...]
    reports: tuple[IncidentReport, ...]
    files: tuple[IncidentFile, ...]
    passed_on: tuple[PassedOn, ...]  # what took copies on to where no removal reaches

    @property
    def subject(self) -> str:
        """Subject of the newest copy."""
        return self.copies[-1].subject

    @property
    def opened(self) -> tuple[IncidentCopy, ...]:
        """Copies that their recipient had read or answered."""
        return tuple(one for one in self.copies if one.opened)

    @property
    def out_of_reach(self) -> tuple[IncidentCopy, ...]:
        """Copies that a removal could not reach."""
        return tuple(one for one in self.copies if one.out_of_reach)

    @property
    def late(self) -> tuple[IncidentCopy, ...]:
        """Copies that came after the first removal and were removed on arrival."""
        first = self.first_removed_at
        return tuple(one for one in self.copies if first and one.received_at > first and one.outcome == "on arrival")


def read_incident(session: Session, campaign_id: int, *, by: Actor, settings: Settings, now: datetime) -> Incident:
    """Returns the incident record of a campaign, without messages that are confidential to the actor or outside their scope.

    NotFound unless some of its messages are in the actor's scope.
    """
    where = and_(col(Delivery.campaign_id) == campaign_id, access.visible_deliveries(by))
    items, notified = removal_items(session, where), list_notified(session, campaign_id)
    copies = tuple(list_copies(session, where, items, notified))
    if not copies:
        raise NotFound(say("there is no campaign {campaign_id}", campaign_id=format_id(campaign_id)))
    removals = tuple(list_removals(session, where))
    return Incident(
        campaign=campaign_id,
        made_at=now,
        made_by=by.shown or str(by),
        first_at=copies[0].received_at,
        newest_at=copies[-1].received_at,
        first_removed_at=min((one.at for one in removals if one.undone_at is None), default=None),
        copies=copies,
        removals=removals,
        reports=tuple(list_reports(session, where)),
        files=tuple(list_files(session, where)),
        passed_on=list_passed_on(session, where, settings),
    )


def record_export(session: Session, incident: Incident, *, form: str, by: Actor, now: datetime) -> None:
    """Enters in the audit log who exported the incident record of which campaign."""
    detail = {"format": form, "record": "incident"}
    ledger.write_act(session, "export", f"campaign:{format_id(incident.campaign)}", by=by, now=now, detail=detail)


def removal_items(session: Session, where: ColumnElement[bool]) -> dict[int, Any]:
    """Results of the standing removals by delivery; of several the last one."""
    columns = (col(DecisionItem.delivery_id), col(DecisionItem.outcome), col(DecisionItem.why), col(DecisionItem.why_form))
    made = (col(Decision.at), col(Decision.by_shown))
    rows = select(*columns, *made).join(Decision, col(Decision.id) == col(DecisionItem.decision_id))
    rows = rows.join(Delivery, col(Delivery.id) == col(DecisionItem.delivery_id))
    standing = (col(Decision.verb).in_(REMOVING), col(Decision.undone_by).is_(None))
    return {row.delivery_id: row for row in session.execute(rows.where(where, *standing).order_by(col(Decision.id)))}


def list_copies(
    session: Session, where: ColumnElement[bool], items: Mapping[int, Any], notified: Mapping[int, Notified]
) -> Iterable[IncidentCopy]:
    """The copies, oldest first."""
    taken = select(func.max(col(Recalled.found_at), type_=Instant)).where(recalled_copies.is_taken())
    person = select(col(Person.name)).where(col(Person.uid) == col(Delivery.person)).scalar_subquery()
    rows = (
        select(Delivery, col(Content.sha256), was_read(), was_answered(), taken.scalar_subquery(), func.coalesce(person, ""))
        .join(Message, col(Message.id) == col(Delivery.message_id))
        .join(Content, col(Content.id) == col(Message.content_id))
        .where(where)
        .order_by(col(Delivery.received_at), col(Delivery.id))
    )
    for one, sha256, read, answered, taken_at, name in session.execute(rows):
        item = items.get(one.id)
        on_arrival = item is None and one.state == State.PURGED
        yield IncidentCopy(
            delivery=one.id,
            received_at=one.received_at,
            author=escape_visible(one.author),
            subject=escape_visible(one.subject),
            recipient=one.recipient,
            person=name,
            department=one.department,
            sha256=sha256,
            state=one.state,
            opened="answered" if answered else "read" if read else "",
            removed_at=(taken_at if item else None) or (one.settled_at if one.state in REMOVED else None),
            removed_by=item.by_shown if item else "",
            outcome=item.outcome if item else "on arrival" if on_arrival else "",
            why=load_sentence(item.why, item.why_form) if item else "",
            notified_at=notified[one.id].at if one.id in notified else None,
        )


def list_removals(session: Session, where: ColumnElement[bool]) -> Iterable[IncidentAct]:
    """The removals that changed copies in scope, oldest first; undone ones too."""
    copies = copies_by_decision(where).subquery()
    rows = select(Decision, copies.c.copies).join(copies, copies.c.decision == col(Decision.id)).where(col(Decision.verb).in_(REMOVING))
    found = session.execute(rows.order_by(col(Decision.id))).all()
    undone = [one.undone_by for one, _ in found if one.undone_by is not None]
    moments = dict(session.execute(select(col(Decision.id), col(Decision.at)).where(db.is_among(session, col(Decision.id), undone))).all())
    for one, number in found:
        undone_at = moments.get(one.undone_by) if one.undone_by is not None else None
        yield IncidentAct(one.id, one.at, one.by_shown, one.second_by_shown, one.verb, one.reason, number, undone_at)


def copies_by_decision(where: ColumnElement[bool]) -> Select[Any, int]:
    """Selects the decisions about these deliveries, each with their number."""
    return (
        select(col(DecisionItem.decision_id).label("decision"), func.count().label("copies"))
        .join(Delivery, col(Delivery.id) == col(DecisionItem.delivery_id))
        .where(where)
        .group_by(col(DecisionItem.decision_id))
    )


def list_reports(session: Session, where: ColumnElement[bool]) -> Iterable[IncidentReport]:
    """The employees who reported a copy, in the order of time."""
    rows = select(MailReport).join(Delivery, col(Delivery.id) == col(MailReport.delivery_id)).where(where).order_by(col(MailReport.at))
    for one in session.scalars(rows):
        yield IncidentReport(one.at, one.person_shown, one.verdict)


def list_files(session: Session, where: ColumnElement[bool]) -> list[IncidentFile]:
    """The attachments of the newest messages, each once."""
    newest = select(col(Delivery.message_id)).where(where).distinct().order_by(col(Delivery.message_id).desc()).limit(FILES_OF)
    found: dict[IncidentFile, None] = {}
    for message in session.scalars(select(Message).where(col(Message.id).in_(newest))):
        for one in message.summary.get("attachments", ()):
            found[IncidentFile(escape_visible(one.get("name", "")), one.get("sha256", ""), one.get("size", 0))] = None
    return sorted(found, key=lambda one: (one.name, one.sha256))
