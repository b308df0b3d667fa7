"""Finds the data subject for an address or uid, and their messages."""

import hashlib
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, or_
from sqlmodel import Session, col

from triage.addressing.envelope import Address
from triage.delivery import abuse_reports
from triage.delivery.journal import JOURNAL
from triage.errors import BadInput
from triage.say import say
from triage.store.models.deliveries import Delivery
from triage.store.models.directory import KnownRecipient, Person

WRITTEN = ("in", "bounce", JOURNAL)  # directions of mail from outside
SENT = ("outbound", "notice")  # of mail that goes there


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
        """Condition for the person's deliveries: what they wrote and what was written to them, as far as it came by here."""
        if self.uid:
            theirs = or_(col(Delivery.direction) != "notice", col(Delivery.rule) == abuse_reports.RULE)  # a report holds their message
            return and_(col(Delivery.person) == self.uid, theirs)
        wrote = and_(col(Delivery.author) == self.address, col(Delivery.direction).in_(WRITTEN))
        return or_(wrote, and_(col(Delivery.mailbox) == self.address, col(Delivery.direction).in_(SENT)))


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
