"""Mail bombs: more held mail of one sender, or of strangers and robots, in one folder than anybody looks through becomes one card."""

from datetime import timedelta
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlmodel import Session, col

from triage import campaigns, db, grouping
from triage.ids import new_id
from triage.models import Campaign, Delivery, Message
from triage.settings import Floods
from triage.states import State

WINDOW = timedelta(hours=1)


class Lying(NamedTuple):
    """A held mail of the last hour in the folder."""

    id: int
    message_id: int
    author: str
    proof: str
    flood: bool
    proven_as: str


def place(session: Session, arriving: Delivery, automatic: bool, *, caps: Floods) -> None:
    """Put a mail that is about to be held with the flood that it is part of, and those before it too when it is the one too many.

    `automatic`: a program wrote it, or it went to many. What a person writes and proves, and what comes from somebody whose
    mail was let in before, is never put with a flood of others: that is the mail that a bomb is to bury.
    """
    most = max(caps.per_sender, caps.per_folder)
    if not most or State(arriving.state) is not State.HELD or arriving.direction != "in":
        return
    lying = last_hour(session, arriving, most)
    of_sender = [one for one in lying if (one.author, one.proven_as) == (arriving.author, arriving.proven_as)]
    if caps.per_sender and len(of_sender) >= caps.per_sender:
        about, members = f"{folder(arriving)} {arriving.author} {arriving.proven_as or ''}".strip(), of_sender
    elif caps.per_folder and len(lying) >= caps.per_folder and impersonal(arriving.proof, automatic) and not welcome(session, [arriving]):
        about, members = folder(arriving), lying
    else:
        return
    flood_id = flood(session, about, arriving)
    if not any(one.flood for one in members):
        if members is lying:
            robots, known = automatic_ones(session, lying), welcome(session, lying)
            members = [one for one in lying if impersonal(one.proof, one.message_id in robots) and one.author not in known]
        gather(session, flood_id, members)
    arriving.wave_id, arriving.campaign_id, arriving.flood = arriving.campaign_id, flood_id, True


def last_hour(session: Session, arriving: Delivery, most: int) -> list[Lying]:
    """The newest held mails that came into the folder within an hour before this one."""
    rows = session.execute(
        select(*(col(getattr(Delivery, name)) for name in Lying._fields[:-1]), grouping.proven_as())
        .where(
            col(Delivery.department) == arriving.department,
            col(Delivery.person) == arriving.person,
            col(Delivery.state) == State.HELD,
            col(Delivery.received_at) > arriving.received_at - WINDOW,
            col(Delivery.direction) == "in",
        )
        .order_by(col(Delivery.received_at).desc(), col(Delivery.id).desc())
        .limit(most)
    )
    return [Lying(*row) for row in rows]


def folder(one: Delivery) -> str:
    """The folder of a delivery, as triage addresses write it."""
    return f"{one.department}+{one.person}"


def impersonal(proof: str, automatic: bool) -> bool:
    """Did nobody prove to have written it, or no person write it?"""
    return automatic or not proof


def automatic_ones(session: Session, lying: list[Lying]) -> set[int]:
    """Which of these messages say that a program wrote them or that they went to many."""
    ids = {one.message_id for one in lying if one.proof}
    rows = session.execute(select(col(Message.id), col(Message.summary)).where(db.among(session, col(Message.id), ids)))
    return {message_id for message_id, summary in rows if summary.get("automatic")}


def welcome(session: Session, some: list[Any]) -> set[str]:
    """Whose mail of these was let in before."""
    authors = {one.author for one in some}
    let_in = select(col(Delivery.author)).where(col(Delivery.author).in_(authors), col(Delivery.state) == State.DELIVERED)
    return set(session.scalars(let_in.distinct()))


def flood(session: Session, about: str, arriving: Delivery) -> int:
    """The campaign that stands for a flood: one for each folder, and one for each sender in it."""
    wanted = select(col(Campaign.id)).where(col(Campaign.about) == about)
    found = session.scalar(wanted)
    if found is None:
        db.insert_if_missing(session, Campaign, id=new_id(), begun_at=arriving.received_at, made_by="system:judge", about=about)
        found = session.scalars(wanted).one()
    return found


def gather(session: Session, flood_id: int, members: list[Lying]) -> None:
    """Put those that lie there already with the flood; they stay findable by the campaign that they are of."""
    where = db.among(session, col(Delivery.id), [one.id for one in members])
    campaigns.move(session, where, wave_id=col(Delivery.campaign_id), campaign_id=flood_id, flood=True)
