"""Makes events for webhooks from the audit log: its chain is their source, so none is skipped."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import ColumnElement, String, and_, cast, func, not_, or_, select, true
from sqlmodel import Session, col

from triage import ids
from triage.access import confidential_folders
from triage.actor import EMPLOYEE
from triage.config.alert_types import (
    BRAKE,
    BRAKED,
    BREAK_GLASS,
    DIFFERS,
    EXPIRING,
    FUSE,
    HUNT,
    NAMES_BEFORE,
    OWNERS,
    QUEUE,
    REMOVAL,
    REQUESTED,
    SUSPICIOUS_DELIVERED,
    TIME_LIMITED,
    UNLIKE,
    UNSEEN,
    WAITING,
)
from triage.config.settings import Settings
from triage.delivery.recalled_copies import IN_MAILBOX
from triage.notifications.webhooks.payloads import LISTED, Detail, Occurrence
from triage.quarantine.requests import open_requests
from triage.store import confidential_rows
from triage.store.db import is_among
from triage.store.delivery_state import Event
from triage.store.message_columns import named_id
from triage.store.models.approvals import KeepersRequest
from triage.store.models.audit import AuditRecord
from triage.store.models.decisions import Decision, DecisionItem
from triage.store.models.deliveries import Delivery
from triage.store.models.employees import MailReport, MailRequest
from triage.store.models.messages import Message
from triage.store.models.staff import KnownMessage
from triage.store.queue.grouping import HELD_MAIL, KNOWN
from triage.text.sanitize import escape_visible

AT_ONCE = 1000  # places of the chain that are looked at in one transaction
SLICE = 100  # messages that one event about mailboxes names
LONGEST_ID = 998  # characters of a Message-ID, as long as a line may be (RFC 5322, 2.1.1)
DECISION = "decision:"


def events_between(session: Session, after: int, through: int) -> Iterator[AuditRecord]:
    """Yields the entries of this part of the chain that make events, in their order."""
    place = (col(AuditRecord.sequence) > after, col(AuditRecord.sequence) <= through)
    told = or_(col(AuditRecord.act).in_(list(BY_ACT)), col(AuditRecord.subject).startswith(DECISION))
    yield from session.scalars(select(AuditRecord).where(*place, told).order_by(col(AuditRecord.sequence)))


def convert_entry(session: Session, record: AuditRecord, settings: Settings) -> Iterator[Occurrence]:
    """Makes the events for an audit entry: one, several about mailboxes, or none."""
    if IN_MAILBOX in record.detail:
        yield from mailbox_events(session, record, settings)
        return
    make = decision_event if record.subject.startswith(DECISION) else BY_ACT.get(record.act)
    if make and (event := make(session, record, settings)):
        yield event


def make_event(record: AuditRecord, kind: str, text: str, settings: Settings, data: dict[str, Any], **more: Any) -> Occurrence:
    """Makes an event with what all have from their audit entry; `data` may name somebody less exactly than the entry does."""
    said = {"by": record.by} | data
    return Occurrence(ids.format_id(record.id), kind, record.at, record.sequence or 0, text, said, link=settings.api.public_url, **more)


def decision_event(session: Session, record: AuditRecord, settings: Settings) -> Occurrence | None:
    """A decision is told of by the first of its records; those of what follows from it say nothing new."""
    earlier = select(col(AuditRecord.id)).where(
        col(AuditRecord.subject) == record.subject, col(AuditRecord.sequence) < (record.sequence or 0)
    )
    decision = session.get(Decision, ids.parse_id(record.subject.removeprefix(DECISION)))
    if decision is None or session.scalar(earlier.limit(1)) is not None or is_of_keepers(session, decision):
        return None
    answered = count_answered(session, decision.id)
    if answered and answered == decision.count:
        return None  # to a known message, which is nobody's outside
    concerned = frozenset() if decision.has_slices_left else departments_of(session, decision.id)  # under way: who can tell
    number = count_messages(decision.count - answered)
    undone = decision.undoes is not None
    text = f"{decision.by_shown} undid a decision about {number}." if undone else f"{decision.by_shown}: {decision.verb}, {number}."
    data = {
        "decision": ids.format_id(decision.id),
        "verb": decision.verb,
        "count": decision.count - answered,
        "by_name": decision.by_shown,
        "departments": sorted(concerned),
    }
    if decision.undoes is not None:
        data["undoes"] = ids.format_id(decision.undoes)
    kind = "decision.undone" if undone else "decision.made"
    of_these = example_messages(session, of_decision(decision.id), settings)
    return make_event(record, kind, text, settings, data, departments=concerned, messages=of_these)


def mailbox_events(session: Session, record: AuditRecord, settings: Settings) -> Iterator[Occurrence]:
    """Events for messages that were taken out of mailboxes or put back: of each department its own, at most SLICE messages in each.

    Confidential ones are told to nobody.
    """
    decision = session.get(Decision, ids.parse_id(record.subject.removeprefix(DECISION)))
    if decision is None:
        return
    removed = record.act == Event.RECALL
    kind = "message.removed" if removed else "message.restored"
    by = {"by": decision.by, "by_name": decision.by_shown, "decision": ids.format_id(decision.id), "verb": decision.verb}
    by |= {"undoes": ids.format_id(decision.undoes)} if decision.undoes is not None else {}
    number = 0
    for department, group in groupby(rows_in_mailboxes(session, record.detail[IN_MAILBOX]), key=itemgetter(0)):
        rows = list(group)
        for some in (rows[start : start + SLICE] for start in range(0, len(rows), SLICE)):
            number += 1
            copies = [
                {"delivery": ids.format_id(one), "message_id": escape_visible(name or "")[:LONGEST_ID], "mailbox": mailbox}
                for _, one, name, mailbox in some
            ]
            text = f"{decision.by_shown}: {count_messages(len(copies))} {'removed from' if removed else 'put back into'} mailboxes."
            data = by | {"department": department, "count": len(copies), "copies": copies}
            event = make_event(record, kind, text, settings, data, departments=frozenset({department}))
            yield replace(event, id=f"{event.id}-{number}")


def rows_in_mailboxes(session: Session, named: list[str]) -> Iterable[Any]:
    """Department, id, Message-ID and mailbox of these deliveries, in this order; without confidential ones."""
    mine = is_among(session, col(Delivery.id), [ids.parse_id(one) for one in named])
    columns = (col(Delivery.department), col(Delivery.id), named_id(), col(Delivery.mailbox))
    rows = select(*columns).join(Message, col(Message.id) == col(Delivery.message_id))
    return session.execute(rows.where(mine, not_(confidential_rows.is_confidential())).order_by(col(Delivery.department), col(Delivery.id)))


def count_messages(number: int) -> str:
    """Number of messages in words."""
    return f"{number} message{'' if number == 1 else 's'}"


def is_of_keepers(session: Session, decision: Decision) -> bool:
    """Whether it answers a request to the keepers of a confidential folder, or undo that. To tell of it would tell what is in there."""
    named = cast(col(KeepersRequest.results), String)
    about = or_(*(named.contains(ids.format_id(one)) for one in (decision.id, decision.undoes) if one is not None))
    return session.scalar(select(col(KeepersRequest.id)).where(about).limit(1)) is not None


def of_decision(decision_id: int) -> ColumnElement[bool]:
    """The deliveries that a decision was about."""
    items = select(col(DecisionItem.delivery_id)).where(col(DecisionItem.decision_id) == decision_id)
    return and_(col(Delivery.id).in_(items), col(Delivery.direction) != KNOWN)


def count_answered(session: Session, decision_id: int) -> int:
    """Counts the known messages that a decision was about."""
    items = (col(DecisionItem.decision_id) == decision_id, col(DecisionItem.delivery_id) == col(KnownMessage.delivery_id))
    return session.scalar(select(func.count()).select_from(KnownMessage).join(DecisionItem, and_(*items))) or 0


def departments_of(session: Session, decision_id: int) -> frozenset[str]:
    """Returns the departments whose messages a decision was about."""
    return frozenset(session.scalars(select(col(Delivery.department)).where(of_decision(decision_id)).distinct()))


def example_messages(session: Session, where: ColumnElement[bool], settings: Settings) -> dict[tuple[str, ...], tuple[Detail, ...]]:
    """Some of these messages for each webhook that names any: those of its departments, which it is kept by."""
    return {one: named_messages(session, where, one) for one in {hook.departments for hook in settings.webhooks.hooks if hook.details}}


def named_messages(session: Session, where: ColumnElement[bool], departments: tuple[str, ...]) -> tuple[Detail, ...]:
    """Sender and subject of some of these messages; no departments: of all. What is confidential is told to nobody."""
    theirs = col(Delivery.department).in_(departments) if departments else true()
    rows = select(col(Delivery.author), col(Delivery.subject)).where(and_(where, theirs, not_(confidential_rows.is_confidential())))
    return tuple(Detail(author, subject) for author, subject in session.execute(rows.order_by(col(Delivery.id)).limit(LISTED)))


def emergency_opened(session: Session, record: AuditRecord, settings: Settings) -> Occurrence:
    """Makes the event for an emergency: everything is delivered that is neither blocked nor forged."""
    until, reason = record.detail.get("until", ""), record.detail.get("reason", "")
    text = f"EMERGENCY: until {until} everything is delivered that is neither blocked nor forged: {reason}"
    return make_event(record, "emergency.opened", text, settings, {"until": until, "reason": reason})


def emergency_closed(session: Session, record: AuditRecord, settings: Settings) -> Occurrence:
    """Messages are held again."""
    return make_event(record, "emergency.closed", "The emergency is over: messages are held again.", settings, {})


def alert_event(session: Session, record: AuditRecord, settings: Settings) -> Occurrence | None:
    """Builds the webhook event of an alert; None for alerts that no webhook reports."""
    said = record.detail
    cause = said.get("cause", "")
    cause = NAMES_BEFORE.get(cause, cause)
    kind = KINDS.get(cause)
    if kind is None:
        return None
    code = said.get("department", "")
    data = {name: said[name] for name in ("department", "number", "people", "moment", "decisions") if said.get(name)}
    about = {
        TIME_LIMITED: and_(HELD_MAIL, col(Delivery.time_limited_until) > record.at),
        REQUESTED: and_(open_requests.is_open(), col(MailRequest.delivery_id) == col(Delivery.id)),
    }.get(cause)
    of_these = {} if about is None else example_messages(session, and_(col(Delivery.department) == code, about), settings)
    concerned = frozenset({code} if code else ())
    return make_event(record, kind, said.get("said", ""), settings, data, departments=concerned, messages=of_these)


def report_event(session: Session, record: AuditRecord, settings: Settings) -> Occurrence:
    """An employee reported a message as suspicious; it may never have come through us. Nobody is named for a confidential folder."""
    kind, _, name = record.subject.partition(":")
    number, who = ids.parse_id(name), record.detail.get("for", "")
    same = col(MailReport.delivery_id) == number if kind == "delivery" else col(MailReport.id) == number
    theirs = (same, col(MailReport.at) == record.at, col(MailReport.person_shown) == who)
    report = session.scalars(select(MailReport).where(*theirs)).first()
    about = session.get(Delivery, number) if kind == "delivery" else report
    data = {"department": about.department if about else "", "found": record.detail.get("how", ""), kind: name}
    if report is None or is_closed(session, report, about):
        who, data["by"] = "Somebody", EMPLOYEE
    named = example_messages(session, col(Delivery.id) == number, settings) if kind == "delivery" else {}
    concerned = frozenset({about.department} if about else ())
    text = f"{who} reported a message as suspicious."
    return make_event(record, "message.reported", text, settings, data, departments=concerned, messages=named)


def is_closed(session: Session, *rows: MailReport | Delivery | None) -> bool:
    """Whether any of these is in a confidential folder."""
    folders = confidential_folders.list_confidential(session)
    return any(confidential_folders.is_hidden(folders, one.department, one.person) for one in rows if one)


KINDS = {
    TIME_LIMITED: "time-limited.waiting",
    WAITING: "folder.overdue",
    EXPIRING: "message.expiring",
    UNSEEN: "message.unseen",
    REQUESTED: "message.requested",
    BRAKE: "directory.brake",
    QUEUE: "outgoing.alert",
    REMOVAL: "removal.large",
    BREAK_GLASS: "break-glass.opened",
    HUNT: "hunt.begun",
    OWNERS: "directory.owners",
    FUSE: "check.fuse",
    SUSPICIOUS_DELIVERED: "message.suspicious",
    UNLIKE: "sender.unlike",
    DIFFERS: "sender.differs",
    BRAKED: "outgoing.braked",
}
BY_ACT: dict[str, Callable[[Session, AuditRecord, Settings], Occurrence | None]] = {
    "open-emergency": emergency_opened,
    "close-emergency": emergency_closed,
    "alert": alert_event,
    "alarm": alert_event,  # its name in entries before 0.1.0
    "suspect": report_event,
}
