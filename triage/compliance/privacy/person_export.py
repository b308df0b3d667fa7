"""Exports a person's data (GDPR, article 15): a zip with JSON and the original messages, streamed."""

import io
import json
import zipfile
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Select, String, and_, cast, func, literal, not_, or_, select
from sqlmodel import Session, SQLModel, col

from triage.access import confidential_folders, scope as access
from triage.access.second_factor import factor_policy
from triage.actor import Actor, Role
from triage.compliance.privacy.data_subject import Whose
from triage.delivery.recall import hunted_messages
from triage.ids import format_id
from triage.policy.contacts import store as contacts
from triage.policy.rules import content_store
from triage.quarantine import viewings
from triage.quarantine.teamwork import shift_notes
from triage.store import bodies, ledger
from triage.store.models.assignments import Assignment, Comment, ShiftNote, Snooze
from triage.store.models.audit import AuditRecord
from triage.store.models.contacts import Contact, FamiliarName, SentMail
from triage.store.models.decisions import Decision, DecisionItem
from triage.store.models.deliveries import Attempt, Delivery, Notice
from triage.store.models.directory import FormerMailbox, FormerName, KnownRecipient, Person
from triage.store.models.employees import (
    DigestEntry,
    DigestRefusal,
    EmployeeSession,
    Expectation,
    MailReport,
    MailRequest,
    OutboundBrake,
    OutboundRun,
    OutsideReport,
)
from triage.store.models.mailboxes import HuntedMessage
from triage.store.models.messages import Content, Message
from triage.store.models.notifications import PushSubscription
from triage.store.models.rules import DomainProof, Rule
from triage.store.models.sign_in import WebmailLink
from triage.store.models.staff import KnownMessage, StaffMember, StaffSession, TrainingAnswer

AT_ONCE = 200  # rows that are in memory together
CHUNK = 256 * 1024  # bytes that are gathered before they are passed on
STAFFS = frozenset(
    {
        "by",
        "by_shown",
        "second_by",
        "second_by_shown",
        "done_by",
        "done_by_shown",
        "asked_by",
        "recorded_by_shown",
        "answered_by",
        "answered_by_shown",
        "declined_by",
        "declined_by_shown",
        "password_hash",
        "key_sha256",
        "session_sha256",
        "auth",
        "idempotency_key",
        "removed_by",
    }
)
README = """What Mailroom keeps about this person.

about.json         whose data it is, when it was taken, how much was left out
*.json             what is kept, one list a file
views.json         of somebody here: who viewed or fetched their messages, or took a copy of one
messages/ID.eml    the messages themselves, as they came, where they are not erased

Times are ISO 8601 in UTC. Mail of the same person holds the data of others too: whoever passes this on looks through it first.
"""


def record_export(session: Session, whose: Whose, *, by: Actor, reason: str, now: datetime) -> None:
    """Put in the audit log that somebody takes this. For administrators of the whole company."""
    access.over_everything(by, Role.ADMIN)
    factor_policy.require_proof(by)
    ledger.write_act(session, "export-person-data", "person-data", by=by, now=now, detail={"about": whose.digest, "reason": reason[:500]})


def zip_export(session: Session, whose: Whose, *, by: Actor, now: datetime) -> Iterator[bytes]:
    """The zip in chunks, as of one moment. What is confidential to the actor is left out, and counted."""
    access.over_everything(by, Role.ADMIN)
    sink = Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("README.txt", README)
        archive.writestr("about.json", as_json(describe_export(session, whose, by, now)))
        for name, rows in exported_lists(session, whose, by):
            with archive.open(f"{name}.json", "w") as file:
                for text in json_list(rows):
                    file.write(text.encode())
                    yield from sink.chunks()
        for name, raw in exported_messages(session, whose, by):
            archive.writestr(f"messages/{name}.eml", raw)
            yield from sink.chunks()
    yield from sink.chunks(last=True)


class Sink(io.RawIOBase):
    """A file that can only be written to, and is emptied by whoever passes it on."""

    def __init__(self) -> None:
        self.waiting = bytearray()

    def writable(self) -> bool:
        """Returns True: a sink can be written to."""
        return True

    def write(self, data: Any) -> int:
        """Keep it until somebody asks for chunks."""
        self.waiting += data
        return len(data)

    def chunks(self, *, last: bool = False) -> Iterator[bytes]:
        """Yields the bytes that have gathered, when they are worth passing on."""
        if len(self.waiting) >= CHUNK or (last and self.waiting):
            yield bytes(self.waiting)
            self.waiting.clear()


def describe_export(session: Session, whose: Whose, by: Actor, now: datetime) -> dict[str, Any]:
    """Describes a data export: the person, and how many deliveries are not in it."""
    total = session.scalar(select(func.count()).select_from(Delivery).where(whose.messages)) or 0
    mine = session.scalar(select(func.count()).select_from(Delivery).where(exported_deliveries(whose, by))) or 0
    kind = "somebody here" if whose.uid else "somebody outside"
    return {"address": whose.address, "uid": whose.uid, "who": kind, "taken_at": now, "deliveries": mine, "sealed": total - mine}


def exported_deliveries(whose: Whose, by: Actor) -> Any:
    """Condition for the person's deliveries, without folders confidential to the actor."""
    return and_(whose.messages, access.within_scope(by))


def exported_lists(session: Session, whose: Whose, by: Actor) -> Iterator[tuple[str, Iterator[dict[str, Any]]]]:
    """Yields each list of rows in an export by its name."""
    ids = select(col(Delivery.id)).where(exported_deliveries(whose, by))
    letters = select(col(Delivery.message_id)).where(exported_deliveries(whose, by))
    items = select(col(DecisionItem.decision_id)).where(col(DecisionItem.delivery_id).in_(ids))
    told = not_(confidential_folders.about_confidential(by))
    named = cast(col(Decision.selection), String).contains(json.dumps(whose.address), autoescape=True)
    wanted: list[tuple[str, Select[Any]]] = [
        ("deliveries", select(Delivery).where(exported_deliveries(whose, by)).order_by(col(Delivery.id))),
        ("messages", select(Message).where(col(Message.id).in_(letters)).order_by(col(Message.id))),
        ("attempts", select(Attempt).where(col(Attempt.delivery_id).in_(ids)).order_by(col(Attempt.id))),
        ("decisions", select(Decision).where(or_(col(Decision.id).in_(items), named), told).order_by(col(Decision.id))),
        ("comments", select(Comment).where(col(Comment.delivery_id).in_(ids)).order_by(col(Comment.id))),
        *(of_somebody_here(session, whose, by) if whose.uid else of_somebody_outside(session, whose, by)),
    ]
    for name, rows in wanted:
        yield name, map(exported_row, session.scalars(rows, execution_options={"yield_per": AT_ONCE}))
    if whose.uid:
        yield "views", viewings.export_viewings(session, list(session.scalars(letters.distinct())), whose.uid)


def of_somebody_outside(session: Session, whose: Whose, by: Actor) -> list[tuple[str, Select[Any]]]:
    """Lists the other data that is kept about an outside sender."""
    letters = select(col(Delivery.message_id)).where(exported_deliveries(whose, by))
    open_rules = not_(confidential_folders.closed_rules(session, by))
    named = or_(col(Rule.value) == whose.address, content_store.names_address(whose.address))
    return [
        ("contacts", select(Contact).where(col(Contact.address) == whose.address, contacts.visible_contacts(by))),
        ("rules", select(Rule).where(named, open_rules).order_by(col(Rule.id))),
        ("hunted", hunted_rows(whose, by)),
        ("notices", select(Notice).where(col(Notice.sender) == whose.address, col(Notice.message_id).in_(letters))),
        ("names", select(FamiliarName).where(col(FamiliarName.address) == whose.address)),
        ("domain_proofs", select(DomainProof).where(col(DomainProof.domain) == whose.address.rpartition("@")[2])),
    ]


def hunted_rows(whose: Whose, by: Actor) -> Select[Any]:
    """Selects messages that hunts found from them, or in their mailbox, without what is confidential to the actor by now."""
    closed = select(col(KnownRecipient.mailbox)).where(confidential_folders.away_from(by, KnownRecipient))
    about = hunted_messages.found_about(whose.address, whose.uid)
    return select(HuntedMessage).where(about, col(HuntedMessage.mailbox).not_in(closed)).order_by(col(HuntedMessage.id))


def of_somebody_here(session: Session, whose: Whose, by: Actor) -> list[tuple[str, Select[Any]]]:
    """Lists the other data that is kept about somebody who works or worked here, as staff too."""
    person = session.get_one(Person, whose.uid)
    login = person.login or person.uid
    handed = or_(col(Assignment.to) == login, col(Assignment.by) == f"person:{login}")
    theirs_on_record = (f"staff:{login}", f"employee:{whose.uid}")
    open_rules = not_(confidential_folders.closed_rules(session, by))
    wrote = contacts.of_people(col(SentMail.person), col(SentMail.department), by)
    waits, about, snoozed = (
        select(literal(1)).where(col(Delivery.id) == col(one.delivery_id), access.within_scope(by)).correlate(one).exists()
        for one in (Assignment, Comment, Snooze)
    )
    ids = select(col(Delivery.id)).where(exported_deliveries(whose, by))
    reported = or_(col(MailReport.delivery_id).is_(None), col(MailReport.delivery_id).in_(ids))
    about_them = and_(col(AuditRecord.subject).in_(theirs_on_record), col(AuditRecord.act) != "hand-over")  # whose note is about mail
    addresses = or_(col(KnownRecipient.person) == whose.uid, col(KnownRecipient.leaver) == whose.uid)
    return [
        ("directory", select(Person).where(col(Person.uid) == whose.uid)),
        ("addresses", select(KnownRecipient).where(addresses).order_by(col(KnownRecipient.address))),
        ("former_names", select(FormerName).where(col(FormerName.kind) == "person", col(FormerName.now) == whose.uid)),
        ("former_mailboxes", select(FormerMailbox).where(col(FormerMailbox.person) == whose.uid)),
        ("contacts", select(Contact).where(col(Contact.person) == whose.uid, contacts.visible_contacts(by))),
        ("outgoing_brakes", select(OutboundBrake).where(col(OutboundBrake.person) == whose.uid).order_by(col(OutboundBrake.id))),
        ("announced_runs", select(OutboundRun).where(col(OutboundRun.person) == whose.uid).order_by(col(OutboundRun.id))),
        ("sent", select(SentMail).where(col(SentMail.person) == whose.uid, wrote).order_by(col(SentMail.id))),
        (
            "rules",
            select(Rule).where(col(Rule.scope) == f"person:{whose.uid}", open_rules).order_by(col(Rule.id)),
        ),
        ("hunted", hunted_rows(whose, by)),
        ("staff", select(StaffMember).where(col(StaffMember.login) == login)),
        ("sessions", select(StaffSession).where(col(StaffSession.login) == login)),
        ("own_sessions", select(EmployeeSession).where(col(EmployeeSession.uid) == whose.uid)),
        ("push_subscriptions", select(PushSubscription).where(col(PushSubscription.login) == login)),
        ("webmail_links", select(WebmailLink).where(col(WebmailLink.owner).in_([f"person:{login}", f"employee:{whose.uid}"]))),
        ("digests", select(DigestEntry).where(col(DigestEntry.person) == whose.uid).order_by(col(DigestEntry.delivery_id))),
        ("requests", select(MailRequest).where(col(MailRequest.delivery_id).in_(ids)).order_by(col(MailRequest.id))),
        ("reports", select(MailReport).where(col(MailReport.person) == whose.uid, reported).order_by(col(MailReport.id))),
        ("outside_reports", select(OutsideReport).where(col(OutsideReport.person) == whose.uid).order_by(col(OutsideReport.id))),
        ("expected_senders", select(Expectation).where(col(Expectation.person) == whose.uid).order_by(col(Expectation.id))),
        ("letter", select(DigestRefusal).where(col(DigestRefusal.person) == whose.uid)),
        ("known_messages", select(KnownMessage).where(col(KnownMessage.login) == login).order_by(col(KnownMessage.delivery_id))),
        ("practice", select(TrainingAnswer).where(col(TrainingAnswer.login) == login)),
        ("assignment", select(Assignment).where(handed, waits).order_by(col(Assignment.delivery_id))),
        ("snoozes", select(Snooze).where(col(Snooze.login) == login, snoozed).order_by(col(Snooze.delivery_id))),
        ("comments_made", select(Comment).where(col(Comment.by) == f"person:{login}", about).order_by(col(Comment.id))),
        ("shift_notes", select(ShiftNote).where(shift_notes.written_by(session, login, by)).order_by(col(ShiftNote.id))),
        (
            "decisions_made",
            select(Decision)
            .where(col(Decision.by) == f"person:{login}", not_(confidential_folders.about_confidential(by)))
            .order_by(col(Decision.id)),
        ),
        ("signed_in", select(AuditRecord).where(about_them).order_by(col(AuditRecord.id))),
    ]


def exported_row(row: SQLModel) -> dict[str, Any]:
    """A row as it is handed out: ids as people write them, without which member of staff acted."""
    ids = {name for name in type(row).model_fields if name == "id" or name.endswith("_id")}
    hidden = STAFFS | {"author"} if isinstance(row, Rule) else STAFFS
    values = {name: value for name, value in row.model_dump().items() if name not in hidden and not isinstance(value, bytes)}
    values |= values.pop("record", {})  # of a message
    return {name: format_id(value) if name in ids and isinstance(value, int) else value for name, value in values.items()}


def json_list(rows: Iterable[dict[str, Any]]) -> Iterator[str]:
    """A JSON list, a row a line."""
    yield "["
    for place, row in enumerate(rows):
        yield (",\n" if place else "\n") + as_json(row)
    yield "\n]\n"


def as_json(value: Any) -> str:
    """A value as JSON in ASCII, so that nothing in it is a control character to whoever looks at it."""
    said = json.dumps(value, ensure_ascii=True, default=lambda one: one.isoformat() if isinstance(one, datetime) else str(one))
    return said.replace("\x7f", "\\u007f")


def exported_messages(session: Session, whose: Whose, by: Actor) -> Iterator[tuple[str, bytes]]:
    """The original of each of their messages that is not erased, by our id of it."""
    rows = (
        select(col(Message.id), col(Message.content_id))
        .join(Content, col(Content.id) == col(Message.content_id))
        .where(col(Message.id).in_(select(col(Delivery.message_id)).where(exported_deliveries(whose, by))), col(Content.zstd).is_not(None))
        .order_by(col(Message.id))
    )
    for message_id, content_id in session.execute(rows, execution_options={"yield_per": AT_ONCE}):
        if (raw := bodies.find_body(session, content_id)) is not None:
            yield format_id(message_id), raw
        session.expunge_all()
