"""People who have left, in the record: their addresses lead elsewhere or are refused, and what is held for them goes along."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import or_, select, update
from sqlmodel import Session, col

from triage.addressing.company import CompanyDirectory, PersonEntry
from triage.config.settings import Company
from triage.directory.delivery_notes import append_notes
from triage.directory.known_addresses import KnownAddress, triage_addresses
from triage.directory.leaver_policy import Leaving, Place, Places, find_policy_fault
from triage.errors import BadInput
from triage.say import say
from triage.store import ledger, versions
from triage.store.delivery_state import State
from triage.store.models.deliveries import Delivery
from triage.store.models.directory import KnownRecipient, Person

ON, GONE = "leaver", "gone"  # kinds of KnownRecipient: its mail goes on; it is refused


class Leavers:
    """People who leave with a directory import; `earlier` are the people of the directory before.

    `claimed`: addresses of theirs that somebody else claims and that wait for an approval.
    """

    def __init__(
        self, wanted: CompanyDirectory, earlier: tuple[PersonEntry, ...], leaving: Leaving, claimed: frozenset[str] = frozenset()
    ) -> None:
        codes = frozenset(department.code for department in wanted.departments)
        if why := find_policy_fault(leaving.rule, codes):
            raise BadInput(f"[directory] leavers: {why}")
        known = {person.uid: person for person in earlier} | {person.uid: person for person in wanted.people}
        working = {person.uid for person in wanted.people if person.active}
        self.people = {uid: person for uid, person in known.items() if uid not in working}
        self.codes, self.leaving, self.claimed = codes, leaving, claimed
        places = Places(wanted, self.people)
        self.sealed = {entry.folder for entry in wanted.sealed}
        self.folders = {uid: self.under_seal(person, places.folder(person.department)) for uid, person in self.people.items()}
        self.places = {uid: self.under_seal(person, places.of(person, self.rule_of(person))) for uid, person in self.people.items()}

    def under_seal(self, person: PersonEntry, place: Place | None) -> Place | None:
        """The place; where the leaver's folder is confidential it stays that folder, and only the mailbox is another."""
        if place is None or self.sealed.isdisjoint((f"department:{person.department}", f"person:{person.uid}")):
            return place
        return Place(person.department, person.uid, place.mailbox)

    def rule_of(self, person: PersonEntry) -> str:
        """The person's own rule where it is one, else the company's."""
        return self.leaving.rule if find_policy_fault(person.leaver, self.codes) else person.leaver

    def add_former_addresses(self, session: Session, addresses: dict[str, KnownAddress], company: Company, *, now: datetime) -> None:
        """Add the addresses that they had and nobody else has now."""
        over = self.over(session, now)
        for address, uid in self.had(session, company):
            if address not in addresses and address.rpartition("@")[2] in company.domains:
                addresses[address] = self.known_address(address, self.people[uid], refused=uid in over)

    def over(self, session: Session, now: datetime) -> set[str]:
        """Returns the uids of leavers whose days are over."""
        left = session.execute(select(col(Person.uid)).where(col(Person.left_at) <= now - timedelta(days=self.leaving.days)))
        return {uid for (uid,) in left}

    def had(self, session: Session, company: Company) -> Iterator[tuple[str, str]]:
        """Yields the addresses of leavers with their uids: those of the recipient map first, then those of the directory."""
        columns = col(KnownRecipient.address), col(KnownRecipient.leaver), col(KnownRecipient.person)
        gone = select(col(Person.uid)).where(~col(Person.active))
        theirs = or_(col(KnownRecipient.leaver).in_(gone), (col(KnownRecipient.leaver) == "") & col(KnownRecipient.person).in_(gone))
        for address, leaver, uid in session.execute(select(*columns).where(theirs)).all():
            yield address, leaver or uid
        for uid, person in self.people.items():
            yield from ((address, uid) for address in (person.mailbox, *person.aliases))
            yield from (
                (address, uid) for domain in company.domains for address in triage_addresses(person.department, person.uid, domain, company)
            )

    def known_address(self, address: str, person: PersonEntry, *, refused: bool) -> KnownAddress:
        """Describes an address of a leaver and the folder that it leads to."""
        waits = address in self.claimed  # in the folder of their department, for somebody to look at
        place = self.folders[person.uid] if waits else self.places[person.uid]
        kind = GONE if place is None or (refused and not waits) else ON
        leads = place or Place(person.department, person.uid, person.mailbox)
        sub_addressed = address.rpartition("@")[0] not in self.codes
        return KnownAddress(address, kind, leads.department, leads.person, leads.mailbox, sub_addressed, person.uid)

    def take_held_mail_along(self, session: Session) -> int:
        """Moves messages held for leavers to where these go now, and returns their number. Refused ones stay for staff to redirect."""
        held = (col(Delivery.state) == State.HELD) & (col(Delivery.person) != "")
        waiting = session.scalars(select(col(Delivery.person)).where(held).distinct()).all()
        moved = 0
        for uid in waiting:
            if place := self.places.get(uid):
                values = {"department": place.department, "person": place.person, "mailbox": place.mailbox}
                theirs = session.scalars(select(col(Delivery.id)).where(held, col(Delivery.person) == uid)).all()
                append_notes(session, dict.fromkeys(theirs, note_about(self.people[uid].name)))
                moved += ledger.move_held_deliveries(session, held & (col(Delivery.person) == uid), **values)
        return moved


def note_about(name: str) -> str:
    """Returns the note for staff on messages for somebody who has left."""
    return say("It was addressed to {name}, who has left.", name=name)


def date_leavers(session: Session, now: datetime) -> None:
    """Note since when people have left; who is back has not."""
    session.execute(update(Person).where(~col(Person.active), col(Person.left_at).is_(None)).values(left_at=now))
    session.execute(update(Person).where(col(Person.active), col(Person.left_at).is_not(None)).values(left_at=None))


def refuse_leavers(session: Session, leaving: Leaving, *, version: str, now: datetime) -> int:
    """Refuse from now on what is for leavers whose days are over; how many addresses.

    `version`: the marker of the SMTP server's recipients.
    """
    over = select(col(Person.uid)).where(col(Person.left_at) <= now - timedelta(days=leaving.days))
    theirs = (col(KnownRecipient.kind) == ON) & col(KnownRecipient.leaver).in_(over)
    changed: Any = session.execute(update(KnownRecipient).where(theirs).values(kind=GONE))
    if changed.rowcount:
        versions.advance_version(session, version)
    return int(changed.rowcount)
