"""Counts of the queue as they were folded last, and totals for reports."""

from datetime import datetime

from sqlalchemy import Column, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from triage.store.models.columns import Instant, id_column, instant_column, integer_column, reference_column


class Touched(SQLModel, table=True):
    """Held messages that have changed since the cached counts were folded: whose, and in which folder."""

    __tablename__ = "touched"
    id: int = id_column()
    author: str
    campaign_id: int | None = integer_column(nullable=True)
    alone: int = integer_column()  # the delivery, where nobody can read who sent it; else 0
    department: str
    person: str


class CachedView(SQLModel, table=True):
    """Folders that somebody sees as one queue."""

    __tablename__ = "cached_view"
    id: int = id_column()
    name: str = Field(unique=True)  # folder_views.View as JSON
    ready: bool = False  # its rows are all there
    stage: int = 0  # while it is made: fold_counts.STAGES
    reached: str = ""  # and the pile that was written last


class CachedTotal(SQLModel, table=True):
    """Number of rows and deliveries of a view."""

    __tablename__ = "cached_total"
    view: int = integer_column(primary_key=True)
    grouped: str = Field(primary_key=True)
    rows: int = 0
    deliveries: int = 0


class CachedItem(SQLModel, table=True):
    """A row of a view as it was when the counts were folded last. What is greatest comes first in its order, so those are negative."""

    __tablename__ = "cached_item"
    view: int = integer_column(primary_key=True)
    grouped: str = Field(primary_key=True)
    pile: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    pressing: datetime = instant_column()
    calm: int  # minus urgency
    age: int = integer_column()  # minus the newest's time of arrival, in microseconds
    time_limited_until: datetime = instant_column()
    weight: int
    severity: int = 0
    number: int
    people: int
    departments: int
    lead: int = integer_column()
    mild: int = integer_column(0)  # minus row_order.risk_rank
    oldest: datetime = instant_column()
    sender: str  # the first of its authors' addresses, and the key
    verified: bool = False  # all of it is proven to be from its author's domain
    attachments: bool = False  # some of it has one
    language: str = ""  # of all of it; "": unknown, or several
    __table_args__ = (
        Index("cached_item_by_order", "view", "grouped", "pressing", "calm", "age", "key"),
        Index("cached_item_by_risk", "view", "grouped", "mild", "age", "key"),
        Index("cached_item_by_wait", "view", "grouped", "oldest", "key"),
        Index("cached_item_by_sender", "view", "grouped", "sender"),
        Index("cached_item_by_end", "view", "grouped", "time_limited_until"),
    )


class PageAnchor(SQLModel, table=True):
    """Start of every so many rows of a view, for paging."""

    __tablename__ = "page_anchor"
    view: int = integer_column(primary_key=True)
    grouped: str = Field(primary_key=True)
    position: int = Field(primary_key=True)
    pressing: datetime = instant_column()
    calm: int
    age: int = integer_column()
    key: str


class CachedFolder(SQLModel, table=True):
    """Number of messages held in a folder, and of its rows by sender and by campaign, when the counts were last folded."""

    __tablename__ = "cached_folder"
    department: str = Field(primary_key=True)
    person: str = Field(primary_key=True)
    held: int
    sender_rows: int
    campaign_rows: int


class Arrived(SQLModel, table=True):
    """Messages that came in on a past day, by folder, and by what the policy decided about them."""

    __tablename__ = "arrived"
    since: datetime = Field(sa_column=Column(Instant, primary_key=True, autoincrement=False))
    department: str = Field(primary_key=True)
    person: str = Field(primary_key=True)
    rule: str = Field(primary_key=True)
    verdict: str = Field(primary_key=True)
    until: datetime = instant_column()
    count: int
    __table_args__ = {"sqlite_with_rowid": False}


class DmarcReport(SQLModel, table=True):
    """An aggregate report that was counted: of whom, about which domain of ours and which time. Each counts once."""

    __tablename__ = "dmarc_report"
    id: int = id_column()
    reporter: str  # the domain that really sent it
    report_id: str
    domain: str
    since: datetime = instant_column()
    until: datetime = instant_column()
    received_at: datetime = instant_column()
    __table_args__ = (
        UniqueConstraint("reporter", "report_id", "domain"),
        Index("dmarc_report_by_end", "until"),
        Index("dmarc_report_by_receipt", "received_at"),
    )


class SendingService(SQLModel, table=True):
    """Number of messages that one service sent as a domain of ours, as a report states, and how they were proven."""

    __tablename__ = "sending_service"
    id: int = id_column()
    report: int = reference_column("dmarc_report.id", index=True)
    domain: str
    name: str
    proof: str
    messages: int = integer_column()


class QueueSample(SQLModel, table=True):
    """Number of messages held in a folder at a full hour."""

    __tablename__ = "queue_sample"
    at: datetime = Field(sa_column=Column(Instant, primary_key=True, autoincrement=False))
    department: str = Field(primary_key=True)
    person: str = Field(primary_key=True)
    held: int
    __table_args__ = {"sqlite_with_rowid": False}
