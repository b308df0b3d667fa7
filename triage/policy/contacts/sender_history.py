"""History of a sender with the company: who has received their messages, and what staff decided about them."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Boolean, ColumnElement, Row, Select, Text, and_, bindparam, exists, func, literal_column, not_, select
from sqlmodel import Session, col

from triage.message.signals.priority import NOTHING_YET, Past
from triage.message.signals.signal_context import Met
from triage.store import confidential_rows
from triage.store.db import Kinds, bound_as, is_postgresql, table_of
from triage.store.delivery_state import FOR_ASSISTANT, State
from triage.store.models.deliveries import Delivery
from triage.store.new_rows import NewDelivery


def one_of(*states: State) -> ColumnElement[bool]:
    """Whether the delivery is in one of these states. As constants, so that the statement is made once."""
    return col(Delivery.state).in_([literal_column(f"'{state}'") for state in states])


IN_A_FOLDER = col(Delivery.department) > ""  # as mail to the postmaster is not, nor an archive's copy: both go out whatever was judged
FROM_THEM = col(Delivery.claimed).is_(False)  # a message that only claims an author is none of theirs
NOT_SWEPT = col(Delivery.rule).not_in([literal_column("'sweep'"), literal_column("'take'")])  # found in a mailbox: nobody let that in
FOR_STAFF = col(Delivery.rule) != literal_column(f"'{FOR_ASSISTANT}'")  # what is held for an assistant was no question to staff
ACCEPTED = and_(one_of(State.QUEUED, State.RELAYING, State.DELIVERED), IN_A_FOLDER, NOT_SWEPT)
REMOVED = one_of(State.PURGED, State.RECALLING, State.REJECTED)
NO_ONE, NO_CAMPAIGN = "-", -1  # of nobody
LOOKED_AT = 200  # earlier messages of one sender that are counted at most


class Sender(NamedTuple):
    """Sender whose history is looked up: author, domain and campaign, and whether the author is proven."""

    author: str
    domain: str
    campaign: int
    proven: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """History of a sender before their message is judged."""

    met: Met
    by_sender: Past
    by_domain: Past
    by_campaign: Past = NOTHING_YET


SENDER: Kinds = {"author": Text, "domain": Text, "campaign": BigInteger, "proven": Boolean}
NOBODY = Standing(Met(), NOTHING_YET, NOTHING_YET)


@cache
def of_senders(on_postgresql: bool) -> Select[Any]:
    """The statement that says how senders stand, a row for each."""
    asked, (author, domain, campaign, proven) = table_of(SENDER, on_postgresql)

    def decided(whose: ColumnElement[bool], became: ColumnElement[bool]) -> ColumnElement[int]:
        """Counts a sender's earlier messages that staff released or removed, outside confidential folders, among the first LOOKED_AT."""
        is_proven = (col(Delivery.proof) != "").label("proven")
        looked_at = select(col(Delivery.decision_id).label("decision"), is_proven, not_(confidential_rows.is_confidential()).label("open"))
        some = looked_at.where(whose, became, FOR_STAFF).limit(LOOKED_AT).correlate(asked).subquery()
        counted = select(func.count()).where(some.c.decision.is_not(None), some.c.proven == proven, some.c.open)
        return counted.correlate(asked).scalar_subquery()

    by_them = and_(col(Delivery.author) == author, FROM_THEM)
    by_domain = and_(col(Delivery.author_domain) == domain, FROM_THEM)
    by_colleagues = and_(by_domain, col(Delivery.author) != author)
    of_campaign = col(Delivery.campaign_id) == campaign
    return select(
        author.label("author"),
        domain.label("domain"),
        campaign.label("campaign"),
        proven.label("proven"),
        exists().where(by_them).correlate(asked).label("wrote"),
        exists().where(by_them, ACCEPTED).correlate(asked).label("accepted"),
        exists().where(by_domain, ACCEPTED).correlate(asked).label("colleagues"),
        decided(by_them, ACCEPTED).label("sender_in"),
        decided(by_them, REMOVED).label("sender_away"),
        decided(by_colleagues, ACCEPTED).label("domain_in"),
        decided(by_colleagues, REMOVED).label("domain_away"),
        decided(of_campaign, ACCEPTED).label("campaign_in"),
        decided(of_campaign, REMOVED).label("campaign_away"),
    ).select_from(asked)


IN_DEPARTMENT = exists().where(
    col(Delivery.author) == bindparam("author"), FROM_THEM, ACCEPTED, col(Delivery.department) == bindparam("department")
)
IN_FOLDER = IN_DEPARTMENT.where(col(Delivery.person) == bindparam("person"))
HAS_WRITTEN_TO = {False: select(IN_DEPARTMENT), True: select(IN_FOLDER)}


class Senders:
    """Histories of the senders of one batch of messages; each message that has come in counts for those behind it."""

    def __init__(self, session: Session, asked: Iterable[Sender]) -> None:
        self.session = session
        self.found = {Sender(row.author, row.domain, row.campaign, bool(row.proven)): row for row in rows_about(session, asked)}
        self.wrote: set[str] = set()
        self.accepted: set[str] = set()
        self.folders: set[tuple[str, str, str | None]] = set()

    def of(self, sender: Sender) -> Standing:
        """Returns the history of one sender."""
        row = self.found.get(sender)
        if row is None:
            return NOBODY
        wrote, accepted = row.wrote or sender.author in self.wrote, row.accepted or sender.author in self.accepted
        colleagues = row.colleagues or sender.domain in self.accepted
        return Standing(
            Met(bool(wrote), bool(accepted), bool(colleagues and not accepted)),
            Past(row.sender_in, row.sender_away),
            Past(row.domain_in, row.domain_away),
            Past(row.campaign_in, row.campaign_away),
        )

    def has_written_to(self, author: str, department: str, person: str | None = None) -> bool:
        """Whether a message of this author was released or passed to the department, or to this folder of it."""
        if (author, department, person) in self.folders:
            return True
        folder = {"author": author, "department": department, "person": person}
        return bool(self.session.scalar(HAS_WRITTEN_TO[person is not None], folder))

    def entered(self, deliveries: Iterable[NewDelivery]) -> None:
        """Mail has come in."""
        for one in (one for one in deliveries if not one.claimed):
            self.wrote.add(one.author)
            if one.state == State.QUEUED and one.department:
                self.accepted.update((one.author, one.author_domain))
                self.folders.update(((one.author, one.department, None), (one.author, one.department, one.person)))


def history_key(author: str, *, proven: bool, freemail: Collection[str], campaign: int | None = None) -> Sender:
    """An author as it is asked about: at a free-mail provider nobody is a colleague."""
    domain = author.rpartition("@")[2]
    theirs = NO_ONE if not domain or domain in freemail else domain
    return Sender(author or NO_ONE, theirs, NO_CAMPAIGN if campaign is None else campaign, proven)


def rows_about(session: Session, asked: Iterable[Sender]) -> Sequence[Row[Any]]:
    """Reads the history of each sender from the database.

    Decisions about messages whose author was not proven do not count for messages whose author is.
    """
    known = sorted({one for one in asked if (one.author, one.campaign) != (NO_ONE, NO_CAMPAIGN)})
    on_postgresql = is_postgresql(session)
    return session.connection().execute(of_senders(on_postgresql), bound_as(SENDER, known, on_postgresql)).all() if known else ()


def of_sender(session: Session, author: str, *, proven: bool, freemail: Collection[str], campaign: int | None = None) -> Standing:
    """Returns the history of an author and of the campaign of their message."""
    asked = history_key(author, proven=proven, freemail=freemail, campaign=campaign)
    return Senders(session, [asked]).of(asked)
