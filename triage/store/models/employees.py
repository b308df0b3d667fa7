"""Employees: sessions, digests, release requests, reported messages, expected senders, brakes on outgoing messages, announced runs."""

from datetime import datetime

from sqlalchemy import BigInteger, Column, ForeignKey, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from triage.store.models.columns import id_column, instant_column, integer_column

UNANSWERED = "answered_at IS NULL"


class EmployeeSession(SQLModel, table=True):
    """Session of an employee, for their own messages only. The key itself is only in the browser."""

    __tablename__ = "employee_session"
    key_sha256: str = Field(primary_key=True)
    uid: str
    started_at: datetime = instant_column()
    client: str = ""  # network address


class DigestRefusal(SQLModel, table=True):
    """An employee who does not want the daily letter."""

    __tablename__ = "digest_refusal"
    person: str = Field(primary_key=True)  # uid
    at: datetime = instant_column()


class DigestEntry(SQLModel, table=True):
    """A message that a daily digest listed or counted for its recipient: of the first digest that reached the mailbox."""

    __tablename__ = "digest_entry"
    delivery_id: int = integer_column(primary_key=True)
    person: str = Field(primary_key=True)  # uid of who was told
    letter_id: int = integer_column()  # message of the digest
    counted: bool  # among those of which the digest says only how many there are
    at: datetime = instant_column()


class MailRequest(SQLModel, table=True):
    """Release request of an employee for a held or removed message: at most one for each message."""

    __tablename__ = "mail_request"
    id: int = id_column()
    delivery_id: int = Field(sa_column=Column(BigInteger, ForeignKey("delivery.id"), nullable=False, unique=True))
    asked_by: str
    asked_by_shown: str  # whose mail it is
    recorded_by_shown: str = ""  # who wrote it down for them
    asked_at: datetime = instant_column()
    words: str = ""
    declined_at: datetime | None = instant_column(nullable=True)
    declined_by: str = ""
    declined_by_shown: str = ""
    reason: str = ""
    __table_args__ = (Index("mail_request_open", "declined_at", "id"),)


class MailReport(SQLModel, table=True):
    """Report of a suspicious message by an employee."""

    __tablename__ = "mail_report"
    id: int = id_column()
    delivery_id: int | None = integer_column(nullable=True)  # None: we have no such mail
    person: str  # uid of who reports it
    person_shown: str
    department: str  # of theirs, then
    at: datetime = instant_column()
    spool_id: int = integer_column(index=True)  # of the message that reported it
    how: str  # it was found: trace field, message id, content, sender and subject, similar; "": it was not
    author: str
    subject: str
    answered_at: datetime | None = instant_column(nullable=True)
    answered_by: str = ""
    answered_by_shown: str = ""
    verdict: str = ""  # good, bad
    words: str = ""  # for who reported it
    notified_at: datetime | None = instant_column(nullable=True)  # when they heard the verdict
    __table_args__ = (
        UniqueConstraint("delivery_id", "person"),
        Index("mail_report_without_notice", "notified_at", "id"),
        Index("mail_report_by_person", "person", "at"),
        Index("mail_report_open", "delivery_id", sqlite_where=text(UNANSWERED), postgresql_where=text(UNANSWERED)),
    )


class OutsideReport(SQLModel, table=True):
    """Report of a suspicious message by a partner company."""

    __tablename__ = "outside_report"
    id: int = id_column()
    lane: str  # partners
    origin: str  # the partner's domain
    by: str  # address
    by_shown: str
    person: str = ""  # uid, where a reporter is an employee; none of a partner
    department: str = ""  # of theirs, then
    at: datetime = instant_column()
    key: str = Field(unique=True)  # one report each: of a message to us, or of a message in a thread
    delivery_id: int | None = integer_column(nullable=True, index=True)  # a partner's own message to us
    how: str = ""  # it was found: as of a MailReport
    author: str = ""
    subject: str = ""
    answer_to: str = ""  # address, or thread; empty: nobody hears the verdict
    answered_at: datetime | None = instant_column(nullable=True)
    answered_by: str = ""
    answered_by_shown: str = ""
    verdict: str = ""  # good, bad
    words: str = ""
    notified_at: datetime | None = instant_column(nullable=True)
    __table_args__ = (
        Index("outside_report_by_origin", "origin", "at"),
        Index("outside_report_without_notice", "notified_at", "id"),
    )


class Expectation(SQLModel, table=True):
    """Sender that an employee expects, or a code word that they gave somebody. The queue shows it, and it lapses by itself."""

    __tablename__ = "expectation"
    id: int = id_column()
    person: str  # uid
    person_shown: str
    sender: str  # an address or a domain, or the code word, folded
    is_code: bool = False  # it is a code word, for a first message with it in the subject
    words: str = ""
    announced_at: datetime = instant_column()
    until: datetime = instant_column()
    __table_args__ = (UniqueConstraint("person", "sender"), Index("expectation_by_sender", "sender", "until"))


class OutboundBrake(SQLModel, table=True):
    """An employee's account wrote to too many new recipients. Which messages wait, the held outbound deliveries say."""

    __tablename__ = "outbound_brake"
    id: int = id_column()
    person: str = Field(index=True)  # uid
    department: str  # theirs
    state: str  # open (messages wait); reported (none do); released, removed
    recipients: int  # new ones within an hour
    at: datetime = instant_column()
    decided_at: datetime | None = instant_column(nullable=True)
    by_shown: str = ""  # who decided
    reason: str = ""


class OutboundRun(SQLModel, table=True):
    """Announcement that an employee is about to write to many new recipients."""

    __tablename__ = "outbound_run"
    id: int = id_column()
    person: str = Field(index=True)  # uid
    department: str  # theirs
    recipients: int  # new ones, at most
    used: int = 0  # of these
    until: datetime = instant_column()
    at: datetime = instant_column()
    by_shown: str = ""
    reason: str = ""
