"""Messages that the SMTP server refused: written down, found again by who may know of them, and dropped after a while."""

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime, timedelta

from sqlalchemy import delete, insert, or_, select
from sqlmodel import Session, col

from triage.access import scope as access
from triage.actor import Actor
from triage.addressing.envelope import parse_or_none
from triage.addressing.refused_message import Refused
from triage.addressing.subaddress import base_addresses
from triage.config.settings import Company, Settings
from triage.directory import recipients
from triage.ids import new_id
from triage.store.models.directory import KnownRecipient
from triage.store.models.messages import RefusedMessage

MOST_FOUND = 50
SLICE = 5_000


FIELDS = tuple(one.name for one in fields(Refused))


def record_refused(session: Session, found: Sequence[Refused], company: Company) -> None:
    """Write down what was refused, each with the address of ours that its recipient is or has a detail of."""
    meant = {text: address for text in {one.recipient for one in found} if (address := parse_or_none(text))}
    ours = recipients.known_among(session, meant.values(), company)

    def listed(text: str) -> str:
        address = meant.get(text)
        names = (address, *base_addresses(address, company.delimiter)) if address else ()
        return next((str(name) for name in names if str(name) in ours), "")

    rows = [{name: getattr(one, name) for name in FIELDS} | {"id": new_id(), "listed": listed(one.recipient)} for one in found]
    if rows:
        session.execute(insert(RefusedMessage), rows)


def find_refused(session: Session, to: str, words: str, since: datetime, until: datetime, *, by: Actor) -> list[Refused]:
    """Finds messages refused for a recipient in a period, newest first; of a sender whose address has these letters.

    `to`: an address, or a part of one. Whoever covers the whole company also learns of addresses that nobody here has, and of what was
    refused before a recipient was named; others learn of the addresses in their scope.
    """
    theirs = col(RefusedMessage.recipient).contains(to.casefold(), autoescape=True)
    in_scope = col(RefusedMessage.listed).in_(select(col(KnownRecipient.address)).where(access.within_scope(by, KnownRecipient)))
    where = [col(RefusedMessage.until) >= since, col(RefusedMessage.at) < until]
    if by.scope.company:
        where += [or_(theirs, col(RefusedMessage.recipient) == ""), or_(in_scope, col(RefusedMessage.listed) == "")]
    else:
        where += [theirs, in_scope]
    if words:
        where.append(col(RefusedMessage.reverse_path).contains(words.casefold(), autoescape=True))
    rows = session.scalars(select(RefusedMessage).where(*where).order_by(col(RefusedMessage.until).desc()).limit(MOST_FOUND))
    return [Refused(*(getattr(row, name) for name in FIELDS)) for row in rows]


def forget_refused(session: Session, *, settings: Settings, now: datetime) -> int:
    """Drop the oldest that are over; how many."""
    oldest = now - timedelta(days=settings.retention.refused_days)
    old = select(col(RefusedMessage.id)).where(col(RefusedMessage.until) < oldest).limit(SLICE)
    return session.execute(delete(RefusedMessage).where(col(RefusedMessage.id).in_(old))).rowcount  # type: ignore[attr-defined,no-any-return]


def erase_address(session: Session, address: str) -> None:
    """Drop what names this address as sender or recipient."""
    about = [col(RefusedMessage.reverse_path) == address, col(RefusedMessage.recipient) == address, col(RefusedMessage.listed) == address]
    session.execute(delete(RefusedMessage).where(or_(*about)))
