"""Email address of a member of staff for messages from Mailroom: an address of the company."""

from dataclasses import dataclass

from sqlmodel import Session

from triage.access import staff_members
from triage.config.settings import Settings
from triage.store.models.directory import Person


@dataclass(frozen=True, slots=True)
class Addressee:
    """Recipient of a staff notice: the key in the `told` table, the address, and the folder that the notice is about."""

    who: str  # staff:LOGIN, address:ADDRESS
    address: str
    folder: tuple[str, str]


def of_staff(session: Session, login: str, settings: Settings) -> Addressee | None:
    """Returns the mailbox of the person who has this login, as an addressee; None when nobody knows one."""
    person: Person | None = staff_members.person_of(session, login)
    if person is None or person.mailbox.rpartition("@")[2] not in settings.own_domains:
        return None
    return Addressee(f"staff:{login}", person.mailbox, (person.department, person.uid))


def of_address(address: str, settings: Settings) -> Addressee | None:
    """An address of ours; None for any other."""
    if address.rpartition("@")[2] not in settings.own_domains:
        return None
    return Addressee(f"address:{address}", address, ("", ""))
