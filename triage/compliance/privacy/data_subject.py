"""Finds the data subject for an address or uid, and their messages."""

import hashlib
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, and_, exists, literal_column, or_, select
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from triage.addressing.envelope import Address
from triage.delivery import abuse_reports
from triage.delivery.journal import JOURNAL
from triage.errors import BadInput
from triage.say import say
from triage.store.db import Found
from triage.store.delivery_state import FINAL
from triage.store.models.deliveries import AbuseReport, Delivery
from triage.store.models.directory import KnownRecipient, Person

WRITTEN = ("in", "bounce", JOURNAL)  # directions of mail from outside
SENT = ("outbound", "notice")  # of mail that goes there: also an index


@dataclass(frozen=True, slots=True)
class Whose:
    """Data subject: an outside address, or a present or former employee by uid."""

    address: str  # folded; of somebody here their mailbox
    uid: str = ""

    @property
    def digest(self) -> str:
        """Stands for the address in the audit log: who knows the address can make it, and nobody can read it."""
        return hashlib.sha256(self.address.encode()).hexdigest()

    @property
    def messages(self) -> ColumnElement[bool]:
        """Condition for the person's deliveries: what they wrote, what was written to them, and abuse reports with either of it."""
        return or_(self.person_deliveries(Delivery), Found(col(Delivery.id), self.reports()))

    @property
    def waits_for_report(self) -> ColumnElement[bool]:
        """Condition: deliveries of messages with an abuse report that has not left: they lead to it, so it is erased before them."""
        report = aliased(Delivery)
        leaves = and_(col(report.id) == col(AbuseReport.delivery_id), col(report.state).not_in(FINAL))
        return exists().where(col(AbuseReport.message_id) == col(Delivery.message_id), leaves).correlate(Delivery)

    def person_deliveries(self, delivery: type[Delivery]) -> ColumnElement[bool]:
        """Condition: what the person wrote and what was written to them, as far as it came by here."""
        if self.uid:
            theirs = or_(col(delivery.direction) != "notice", col(delivery.rule) == abuse_reports.RULE)  # a report holds their message
            return and_(col(delivery.person) == self.uid, theirs)
        wrote = and_(col(delivery.author) == self.address, col(delivery.direction).in_(WRITTEN))
        return or_(wrote, and_(col(delivery.mailbox) == self.address, is_sent(delivery)))

    def reports(self) -> Select[int]:
        """Abuse reports that hold a message which the person wrote, or which came for them."""
        reported = aliased(Delivery)
        rows = select(col(AbuseReport.delivery_id)).join(reported, col(reported.message_id) == col(AbuseReport.message_id))
        return rows.where(self.person_deliveries(reported))


def is_sent(delivery: type[Delivery]) -> ColumnElement[bool]:
    """Condition: deliveries that go to somebody outside. As constants, as `delivery_sent_to` has them: else SQLite would not use it."""
    return col(delivery.direction).in_([literal_column(f"'{one}'") for one in SENT])


def find_data_subject(session: Session, text: str) -> Whose:
    """Finds the person that an address, or a uid, means. BadInput for what is neither."""
    if person := session.get(Person, text.strip().casefold()):
        return Whose(person.mailbox, person.uid)
    try:
        address = str(Address.parse(text.strip()))
    except ValueError as fault:
        raise BadInput(say("{fault}, and the directory has no such uid", fault=fault), field="address") from fault
    known = session.get(KnownRecipient, address)
    person = session.get(Person, (known.leaver or known.person) if known else "")
    return Whose(person.mailbox, person.uid) if person else Whose(address)
