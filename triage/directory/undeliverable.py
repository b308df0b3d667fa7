"""Finds a folder for an accepted message whose recipient left the directory before it was judged."""

from sqlalchemy import select
from sqlmodel import Session, col

from triage.addressing.envelope import Address
from triage.addressing.recipient import Recipient
from triage.addressing.subaddress import base_addresses
from triage.config.settings import Company
from triage.directory.leavers import GONE, note_about
from triage.say import join_parts, say
from triage.store.models.directory import Department, KnownRecipient, Person

NOTE = say("Nobody here has this address any more. Redirect it to the right person.")


def undeliverable_recipient(session: Session, address: Address, company: Company) -> Recipient:
    """An address that nobody has any more, in the first of these folders that exists.

    The one where a leaver's mail is or was last; the shared folder of the department that a `CODE+` address names; that of the
    postmaster's department; the first department's. Released, it goes to that folder's mailbox, else the postmaster's, else to the address.
    """
    known = leaver_recipient(session, address, company)
    if known is not None and session.get(Department, known.department) is not None:
        person = session.get(Person, known.leaver)
        note = join_parts(" ", (note_about(person.name if person else known.leaver), say("Redirect it to the right person.")))
        return Recipient(str(address), known.department, known.person, known.mailbox, listed=known.address, note=note, stray=True)
    department = named_department(session, address, company) or postmaster_department(session)
    mailbox = (department.mailbox if department else "") or postmaster_mailbox(session)
    return Recipient(str(address), department.code if department else "", "", mailbox or str(address), note=NOTE, stray=True)


def leaver_recipient(session: Session, address: Address, company: Company) -> KnownRecipient | None:
    """The address of somebody who has left, with or without its +detail."""
    for one in (address, *base_addresses(address, company.delimiter)):
        known = session.get(KnownRecipient, str(one))
        if known is not None and known.kind == GONE:
            return known
    return None


def named_department(session: Session, address: Address, company: Company) -> Department | None:
    """The department whose code precedes the delimiter."""
    code, delimiter, _ = address.local.partition(company.delimiter)
    return session.get(Department, code) if delimiter else None


def postmaster_department(session: Session) -> Department | None:
    """The department of the postmaster, else the first."""
    theirs = select(col(Person.department)).where(col(Person.mailbox) == postmaster_mailbox(session), col(Person.active)).limit(1)
    found = session.get(Department, session.scalar(theirs) or "")
    return found or session.scalars(select(Department).order_by(col(Department.code)).limit(1)).first()


def postmaster_mailbox(session: Session) -> str:
    """The postmaster's mailbox, "" if there is none."""
    return session.scalar(select(col(KnownRecipient.mailbox)).where(col(KnownRecipient.kind) == "postmaster").limit(1)) or ""
