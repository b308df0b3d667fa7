"""How a sender stands with the company: who has had mail from them, and what people here decided about it."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import BindParameter, ColumnElement, Select, and_, bindparam, exists, func, literal_column, not_, select
from sqlmodel import Session, col

from triage import sealed
from triage.models import Delivery
from triage.order import NOTHING_YET, Past
from triage.signals import Met
from triage.states import State


def one_of(*states: State) -> ColumnElement[bool]:
    """Is the delivery in one of these states? As constants, so that the statement is made once."""
    return col(Delivery.state).in_([literal_column(f"'{state}'") for state in states])


LET_IN = one_of(State.QUEUED, State.RELAYING, State.DELIVERED)
TAKEN_AWAY = one_of(State.PURGED, State.RECALLING, State.REJECTED)
NO_DOMAIN, NO_CAMPAIGN = "-", -1  # of nobody
LOOKED_AT = 200  # earlier mails of one sender that are counted at most


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of a sender before their mail is looked at."""

    met: Met
    by_sender: Past
    by_domain: Past
    by_campaign: Past = NOTHING_YET


NOBODY = Standing(Met(), NOTHING_YET, NOTHING_YET)
AUTHOR: BindParameter[str] = bindparam("author")
DOMAIN: BindParameter[str] = bindparam("domain")
CAMPAIGN: BindParameter[int] = bindparam("campaign")
PROVEN: BindParameter[bool] = bindparam("proven")


def decided(whose: ColumnElement[bool], became: ColumnElement[bool]) -> Select[int]:
    """How many of somebody's earlier mails people let in or took away, outside sealed folders, of the first LOOKED_AT."""
    looked_at = (
        select(
            col(Delivery.decision_id).label("decision"), (col(Delivery.proof) != "").label("proven"), not_(sealed.anyhow()).label("open")
        )
        .where(whose, became)
        .limit(LOOKED_AT)
        .subquery()
    )
    return select(func.count()).where(looked_at.c.decision.is_not(None), looked_at.c.proven == PROVEN, looked_at.c.open)


BY_THEM = col(Delivery.author) == AUTHOR
BY_COLLEAGUES = and_(col(Delivery.author_domain) == DOMAIN, col(Delivery.author) != AUTHOR)
OF_CAMPAIGN = col(Delivery.campaign_id) == CAMPAIGN
OF_SENDER = select(
    exists().where(BY_THEM).label("wrote"),
    exists().where(BY_THEM, LET_IN).label("let_in"),
    exists().where(col(Delivery.author_domain) == DOMAIN, LET_IN).label("colleagues"),
    decided(BY_THEM, LET_IN).scalar_subquery().label("sender_in"),
    decided(BY_THEM, TAKEN_AWAY).scalar_subquery().label("sender_away"),
    decided(BY_COLLEAGUES, LET_IN).scalar_subquery().label("domain_in"),
    decided(BY_COLLEAGUES, TAKEN_AWAY).scalar_subquery().label("domain_away"),
    decided(OF_CAMPAIGN, LET_IN).scalar_subquery().label("campaign_in"),
    decided(OF_CAMPAIGN, TAKEN_AWAY).scalar_subquery().label("campaign_away"),
)
IN_DEPARTMENT = select(exists().where(BY_THEM, LET_IN, col(Delivery.department) == bindparam("department")))
BY_PERSON = select(
    exists().where(
        BY_THEM,
        LET_IN,
        col(Delivery.department) == bindparam("department"),
        col(Delivery.person) == bindparam("person"),
    )
)


def of_sender(session: Session, author: str, *, proven: bool, freemail: Collection[str], campaign: int | None = None) -> Standing:
    """How an author stands, and the campaign of their mail.

    What was decided about mail that could not prove it came from them says nothing about what can.
    """
    if not author and campaign is None:
        return NOBODY
    domain = author.rpartition("@")[2]
    whose = {"author": author or NO_DOMAIN, "domain": NO_DOMAIN if not domain or domain in freemail else domain}
    found = session.execute(OF_SENDER, whose | {"campaign": campaign or NO_CAMPAIGN, "proven": proven}).one()
    return Standing(
        Met(bool(found.wrote), bool(found.let_in), bool(found.colleagues and not found.let_in)),
        Past(found.sender_in, found.sender_away),
        Past(found.domain_in, found.domain_away),
        Past(found.campaign_in, found.campaign_away),
    )


def has_written_to_department(session: Session, author: str, department: str) -> bool:
    """Was mail from this author let in to the department?"""
    return bool(session.scalar(IN_DEPARTMENT, {"author": author, "department": department}))


def has_written_to(session: Session, author: str, department: str, person: str) -> bool:
    """Was mail from this author let in to this folder?"""
    return bool(session.scalar(BY_PERSON, {"author": author, "department": department, "person": person}))
