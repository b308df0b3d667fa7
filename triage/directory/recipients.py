"""Resolves addresses: to a person, a department's shared folder or a distribution list, and the mailbox for a release."""

from collections.abc import Iterable, Mapping

from sqlalchemy import select
from sqlmodel import Session, col

from triage.addressing.envelope import Address, fold_text
from triage.addressing.recipient import Recipient
from triage.addressing.subaddress import DELIMITERS, base_addresses, detail_of
from triage.config.settings import Company
from triage.directory.leavers import GONE, ON, note_about
from triage.directory.recipient_map import ALWAYS
from triage.errors import BadInput
from triage.say import quote_text, say
from triage.store.db import OneOf
from triage.store.models.directory import Department, KnownRecipient, MailGroup, Person

BY_ADDRESS = select(KnownRecipient).where(OneOf(col(KnownRecipient.address), "addresses"))
Addresses = Mapping[str, KnownRecipient]


def known_among(session: Session, some: Iterable[Address], company: Company) -> Addresses:
    """The addresses of ours among these, and those that they have a detail of."""
    wanted = {str(one) for address in some for one in (address, *base_addresses(address, company.delimiter))}
    return {known.address: known for known in session.scalars(BY_ADDRESS, {"addresses": sorted(wanted)})}


def resolve_address(
    session: Session, address: Address, company: Company, *, spelled: str = "", ours: Addresses | None = None
) -> Recipient | None:
    """Returns the recipient that an address means; None when nobody here has it (any more). docs/reference/addresses.md has the order.

    `spelled`: the address as the sender wrote it; a detail is passed on like that. `ours`: where that was looked up before.
    """
    ours = known_among(session, [address], company) if ours is None else ours
    if known := ours.get(str(address)):
        return build_recipient(session, address, known, "") if known.kind != GONE else None
    for base in base_addresses(address, company.delimiter):
        known = ours.get(str(base))
        if known is not None and known.sub_addressed:
            if known.kind == GONE:
                return None
            return build_recipient(session, address, known, detail_of(spelled or str(address), base, company.delimiter))
    if address.local in ALWAYS and address.domain in company.domains:  # a domain that the directory has not seen yet
        known = session.scalars(select(KnownRecipient).where(col(KnownRecipient.kind) == "postmaster").limit(1)).first()
        return build_recipient(session, address, known, "") if known else None
    return None


def build_recipient(session: Session, address: Address, known: KnownRecipient, detail: str) -> Recipient:
    """An address of ours as the policy knows it."""
    return Recipient(
        str(address),
        known.department,
        known.person,
        known.mailbox,
        always=known.kind == "postmaster",
        listed=known.address,
        detail=detail,
        note=address_note(session, known),
    )


def address_note(session: Session, known: KnownRecipient) -> str:
    """Returns a note about this address for staff, in a sentence; "" when there is nothing to say."""
    if known.kind == "former":
        person = session.get(Person, known.person)
        name, local = person.name if person else known.person, known.address.rpartition("@")[0]
        if not local.endswith(tuple(f"{delimiter}{known.person}" for delimiter in DELIMITERS)):
            return say("It was addressed to {local}: {name} has another address now.", local=local, name=name)
        return say(
            "It was addressed to the former department {department}: {name} works elsewhere now.",
            department=local.removesuffix(known.person)[:-1],
            name=name,
        )
    if known.kind == ON:
        person = session.get(Person, known.leaver)
        return note_about(person.name if person else known.leaver)
    group = session.get(MailGroup, known.mailbox) if known.kind == "group" else None
    if group is None:
        return ""
    if group.expand:
        return say("It is for the distribution list {name}: each member gets a copy when it is delivered.", name=group.name)
    return say(
        "It is for the distribution list {name}. Another server knows its members, so delivered copies cannot be recalled.", name=group.name
    )


def resolve_destination(session: Session, to: str, company: Company) -> str:
    """The mailbox of `person:UID`, `department:CODE`, either name alone, or any address of somebody here. Nothing leads outside.

    BadInput when it is nobody, has no mailbox, or when a name means two.
    """
    kind, _, name = fold_text(to.strip()).rpartition(":")
    boxes = {"person": mailbox_of_person(session, name), "department": mailbox_of_department(session, name)}
    found = {word: box for word, box in boxes.items() if box is not None and kind in ("", word)}
    if len(found) > 1:
        raise BadInput(
            say("{name} is both a person and a department; write person:{same} or department:{same}", name=quote_text(name), same=name),
            field="to",
        )
    if found:
        mailbox = next(iter(found.values()))
        if not mailbox:
            raise BadInput(
                say("the department {name} has no mailbox; name one in the directory, or redirect to a person", name=name), field="to"
            )
        return mailbox
    try:
        meant = resolve_address(session, Address.parse(to), company)
    except ValueError:
        meant = None
    if meant is None:
        raise BadInput(
            say(
                "the directory has no {to}; name a person, a department, a distribution list or an address of the company",
                to=quote_text(to[:80]),
            ),
            field="to",
        )
    return meant.mailbox


def mailbox_of_person(session: Session, uid: str) -> str | None:
    """The mailbox of somebody who works here."""
    person = session.get(Person, uid)
    return person.mailbox if person is not None and person.active else None


def mailbox_of_department(session: Session, code: str) -> str | None:
    """The mailbox of a department, "" when it has none."""
    department = session.get(Department, code)
    return department.mailbox if department is not None else None
