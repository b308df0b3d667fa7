"""Names what passed copies on out of a removal's reach: ticket systems, foreign lists, members outside, forwards, invitations."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement, String, and_, cast, exists, func, or_, select
from sqlmodel import Session, col

from triage.config.settings import Settings
from triage.delivery import internal_mail
from triage.message.summary import Summary
from triage.say import say, say_count
from triage.store.db import is_among
from triage.store.delivery_state import State
from triage.store.models.deliveries import Delivery
from triage.store.models.directory import MailGroup
from triage.store.models.mailboxes import Recalled
from triage.store.models.messages import Message

ARRIVED = (State.DELIVERED, State.RELAYING, State.RESTORING, State.RECALLING)
INVITING = frozenset({"request", "publish", "add"})  # calendar methods that make an entry (RFC 5546, 3.2)
MOST = 50  # that are named
LOOKED_AT = 200  # newest messages in which an invitation is looked for


@dataclass(frozen=True, slots=True)
class PassedOn:
    """Way in which copies went on to where no removal reaches."""

    kind: str  # system, list, outside, forwarded, calendar
    mailbox: str  # "" where it is about all
    count: int  # copies
    sentence: str


def list_passed_on(session: Session, where: ColumnElement[bool], settings: Settings) -> tuple[PassedOn, ...]:
    """Returns what passed these deliveries on once they were in a mailbox, as far as Mailroom knows; of each kind the largest first."""
    arrived = and_(where, was_in_mailbox())
    rows = select(col(Delivery.mailbox), func.count()).where(arrived).group_by(col(Delivery.mailbox))
    mailboxes = Counter(dict(session.execute(rows).all()))
    if not mailboxes:
        return ()
    found = [*by_system(mailboxes, settings), *by_list(session, mailboxes), *to_outside(mailboxes, settings)]
    found += [*by_recipients(session, where), *by_invitation(session, arrived)]
    return tuple(found[:MOST])


def was_in_mailbox() -> ColumnElement[bool]:
    """Condition: deliveries that are in a mailbox, on their way into one, or were taken out of one."""
    taken = exists().where(col(Recalled.delivery_id) == col(Delivery.id), col(Recalled.gone).is_(False))
    return or_(col(Delivery.state).in_(ARRIVED), taken)


def named_systems(settings: Settings) -> dict[str, str]:
    """Returns what takes messages on from which mailbox, as the settings say."""
    pairs = (entry.partition("=") for entry in settings.recall.passed_on)
    return {address.strip().casefold(): name.strip() for address, _, name in pairs}


def by_system(mailboxes: Mapping[str, int], settings: Settings) -> Iterator[PassedOn]:
    """Copies in mailboxes that a program or a delegate empties."""
    for mailbox, name in named_systems(settings).items():
        if number := mailboxes.get(mailbox, 0):
            said = say_count(
                "{name} takes messages on from {mailbox}: {count} copy.",
                "{name} takes messages on from {mailbox}: {count} copies.",
                count=number,
                name=name,
                mailbox=mailbox,
            )
            yield PassedOn("system", mailbox, number, said)


def by_list(session: Session, mailboxes: Mapping[str, int]) -> Iterator[PassedOn]:
    """Copies for distribution lists whose members another server knows."""
    here = is_among(session, col(MailGroup.address), list(mailboxes))
    for group in session.scalars(select(MailGroup).where(here, col(MailGroup.expand).is_(False)).order_by(col(MailGroup.address))):
        said = say("Another server knows the members of the distribution list {name}.", name=group.name)
        yield PassedOn("list", group.address, mailboxes[group.address], said)


def to_outside(mailboxes: Counter[str], settings: Settings) -> Iterator[PassedOn]:
    """Copies of members of distribution lists who are outside the company."""
    for mailbox, number in mailboxes.most_common():
        if "@" in mailbox and internal_mail.is_outside(mailbox, settings):
            yield PassedOn("outside", mailbox, number, say("{mailbox} is outside the company.", mailbox=mailbox))


def by_recipients(session: Session, where: ColumnElement[bool]) -> Iterator[PassedOn]:
    """Copies that their recipient had forwarded, by the flags in the mailbox when they were removed."""
    flagged = cast(col(Recalled.flags), String).icontains("$Forwarded")
    rows = select(col(Delivery.mailbox), func.count(col(Delivery.id).distinct())).join(
        Recalled, col(Recalled.delivery_id) == col(Delivery.id)
    )
    for mailbox, number in session.execute(rows.where(where, flagged).group_by(col(Delivery.mailbox)).order_by(col(Delivery.mailbox))):
        yield PassedOn("forwarded", mailbox, number, say("Forwarded by {mailbox} before removal.", mailbox=mailbox))


def by_invitation(session: Session, arrived: ColumnElement[bool]) -> Iterator[PassedOn]:
    """Copies that invite to something: an entry that was accepted stays in the calendar."""
    newest = select(col(Delivery.message_id), func.count()).where(arrived).group_by(col(Delivery.message_id))
    copies = dict(session.execute(newest.order_by(col(Delivery.message_id).desc()).limit(LOOKED_AT)).all())
    messages = session.scalars(select(Message).where(is_among(session, col(Message.id), copies)))
    number = sum(copies[one.id] for one in messages if Summary.from_json(one.summary).calendar_method in INVITING)
    if number:
        said = say_count(
            "{count} copy invites to an appointment: accepted calendar entries stay.",
            "{count} copies invite to an appointment: accepted calendar entries stay.",
            count=number,
        )
        yield PassedOn("calendar", "", number, said)
